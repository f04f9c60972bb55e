// Server-sent events out of a stream of bytes. Source: WHATWG HTML, section 9.2.6, interpreting an event stream.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::cli {

struct SseEvent {
    std::string name = "message";
    std::string data;
    std::string id;  // the last one the stream gave, also by earlier events
};

class SseParser {
  public:
    /// The first event of a run lists its tasks: 20 MB where there are 100,000.
    static constexpr std::size_t kLargestEvent = 64 * 1024 * 1024;

    explicit SseParser(std::size_t largest_event = kLargestEvent) : largest_event_(largest_event) {}

    /// The events that these bytes complete. Errors: too_large; nothing can follow.
    Result<std::vector<SseEvent>> push(std::string_view bytes);
    const std::string& last_id() const { return last_id_; }
    /// A new connection: what was begun is dropped, the last id stays.
    void restart();

  private:
    Error too_large() const;
    Result<> end_line();
    void field(std::string_view name, std::string_view value);
    void dispatch();

    std::size_t largest_event_;
    std::string line_;
    std::string name_;
    std::string data_;
    std::string pending_id_;
    std::string last_id_;
    bool has_data_ = false;
    bool after_cr_ = false;
    bool at_start_ = true;
    std::vector<SseEvent> ready_;
};

}  // namespace edge::cli
