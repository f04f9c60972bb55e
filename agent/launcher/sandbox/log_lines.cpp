#include "agent/launcher/sandbox/log_lines.hpp"

#include <utility>

namespace edge::launcher {

std::vector<std::string> LogLines::feed(std::string_view bytes, Time now) {
    constexpr auto kSecond = std::chrono::seconds(1);
    if (used_ == 0 || now - second_begins_ >= kSecond) {
        second_begins_ = now;
        used_ = 0;
        paused_until_.reset();
    }
    std::vector<std::string> lines;
    for (const char c : bytes) {
        if (c != '\n') {
            if (line_.size() < kMaxLength) line_.push_back(c >= ' ' && c <= '~' && c != '"' ? c : '?');
            continue;
        }
        if (used_ < kPerSecond) {
            ++used_;
            lines.push_back(std::exchange(line_, {}));
        } else {
            ++dropped_;
            line_.clear();
            paused_until_ = second_begins_ + kSecond;
        }
    }
    return lines;
}

std::optional<std::string> LogLines::rest() {
    if (line_.empty()) return std::nullopt;
    return std::exchange(line_, {});
}

std::size_t LogLines::take_dropped() {
    return std::exchange(dropped_, 0);
}

}  // namespace edge::launcher
