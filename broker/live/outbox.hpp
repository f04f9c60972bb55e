// What waits to be sent to one client of the stream. Of an object's events only the latest waits; where every event
// counts the oldest go first when much waits, and the client is told which. Pure.
#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "broker/live/topic.hpp"

namespace edge::broker::live {

class Outbox {
  public:
    static constexpr std::size_t kMostWaiting = 4 * 1024 * 1024;
    static constexpr std::size_t kDropAbove = kMostWaiting / 2;  // so that one run's flood does not close the socket

    // Each is false when more than kMostWaiting would wait: the client does not read.
    bool push(std::string message);
    bool push(std::uint32_t sub, TopicEventPtr event);
    /// Its topic has ended; what was dropped of it is told before.
    bool end(std::uint32_t sub);
    /// Nothing more of this subscription goes out.
    void forget(std::uint32_t sub);

    /// The next message, if one waits.
    std::optional<std::string> take();
    std::size_t bytes() const { return bytes_; }

  private:
    struct Waiting {
        std::uint32_t sub = 0;
        TopicEventPtr event;  // null: a message as it is
        std::string message{};
        std::size_t size() const { return kEach + (event ? event->data.size() : message.size()); }
    };
    struct Gap {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
    };
    static constexpr std::size_t kEach = 64;  // what an event costs besides its data
    using Queue = std::list<Waiting>;

    bool add(Waiting waiting);
    void drop(Queue::iterator at);
    bool drop_oldest(std::uint32_t sub);
    void note_gap(std::uint32_t sub, std::uint64_t seq);

    Queue queue_;
    std::map<std::pair<std::uint32_t, std::string>, Queue::iterator> latest_;  // of objects
    std::map<std::uint32_t, Gap> gaps_;
    std::size_t bytes_ = 0;
};

}  // namespace edge::broker::live
