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
    static constexpr std::size_t kLargestEvent = 4 * 1024 * 1024;

    /// The events that these bytes complete. Errors: too_large; nothing can follow.
    Result<std::vector<SseEvent>> push(std::string_view bytes);
    const std::string& last_id() const { return last_id_; }
    /// A new connection: what was begun is dropped, the last id stays.
    void restart();

  private:
    Result<> end_line();
    void field(std::string_view name, std::string_view value);
    void dispatch();

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
