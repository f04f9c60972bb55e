// A topic's numbered events and the last of them, for those who were away for a moment. Pure.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edge::broker::live {

struct TopicEvent {
    std::uint64_t seq = 0;
    std::string_view name;  // a literal
    std::string object;     // of which only the latest counts; empty: every event counts
    std::string data;       // JSON
};
/// Owners: the topic's ring and the queues of sockets.
using TopicEventPtr = std::shared_ptr<const TopicEvent>;

class Topic {
  public:
    static constexpr std::size_t kMostKept = 1'024;
    static constexpr std::size_t kMostKeptBytes = 2 * 1024 * 1024;

    explicit Topic(std::uint64_t seq = 0) : seq_(seq) {}

    std::uint64_t seq() const { return seq_; }
    TopicEventPtr publish(std::string_view name, std::string object, std::string data);
    /// Something happened that nobody was told: who was away then cannot resume.
    void skip();
    /// What came after `seq`; nothing when that is not known any more, or was never.
    std::optional<std::vector<TopicEventPtr>> after(std::uint64_t seq) const;

  private:
    std::uint64_t seq_;
    std::deque<TopicEventPtr> kept_;
    std::size_t kept_bytes_ = 0;
};

}  // namespace edge::broker::live
