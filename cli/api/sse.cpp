#include "cli/api/sse.hpp"

#include <utility>

namespace edge::cli {

Result<std::vector<SseEvent>> SseParser::push(std::string_view bytes) {
    for (const char c : bytes) {
        if (c == '\n' && std::exchange(after_cr_, false)) continue;  // the end of CR LF; the line ended at CR
        after_cr_ = c == '\r';
        if (c != '\n' && c != '\r') {
            line_ += c;
            if (line_.size() + data_.size() > largest_event_) return too_large();
            continue;
        }
        EDGE_TRY(end_line());
    }
    return std::exchange(ready_, {});
}

Error SseParser::too_large() const {
    return Error{Errc::too_large, {}, "an event above " + std::to_string(largest_event_) + " bytes"};
}

Result<> SseParser::end_line() {
    std::string_view line = line_;
    if (std::exchange(at_start_, false) && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    if (line.empty()) {
        dispatch();
    } else if (line.front() != ':') {
        const auto colon = line.find(':');
        std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        field(line.substr(0, colon), value);
    }
    line_.clear();
    if (data_.size() > largest_event_) return too_large();
    return ok();
}

void SseParser::field(std::string_view name, std::string_view value) {
    if (name == "event") {
        name_ = value;
    } else if (name == "data") {
        data_.append(value).append("\n");
        has_data_ = true;
    } else if (name == "id" && value.find('\0') == std::string_view::npos) {
        pending_id_ = value;
    }
}

void SseParser::dispatch() {
    last_id_ = pending_id_;
    if (std::exchange(has_data_, false)) {
        data_.pop_back();
        ready_.push_back({name_.empty() ? "message" : std::move(name_), std::move(data_), last_id_});
    }
    name_.clear();
    data_.clear();
}

void SseParser::restart() {
    line_.clear();
    name_.clear();
    data_.clear();
    pending_id_ = last_id_;
    has_data_ = after_cr_ = false;
    at_start_ = true;
    ready_.clear();
}

}  // namespace edge::cli
