#include "cli/show/live_area.hpp"

#include <sys/ioctl.h>

namespace edge::cli {
namespace {

// ECMA-48 and the DEC private modes every terminal emulator knows.
constexpr const char* kHideCursorNoWrap = "\x1b[?25l\x1b[?7l";
constexpr const char* kShowCursorWrap = "\x1b[?7h\x1b[?25h";
constexpr const char* kClearLine = "\x1b[K";
constexpr const char* kClearBelow = "\x1b[J";

}  // namespace

WindowSize window_size(std::FILE* stream) {
    winsize size{};
    WindowSize window;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0) {
        if (size.ws_col > 0) window.columns = size.ws_col;
        if (size.ws_row > 0) window.rows = size.ws_row;
    }
    return window;
}

void LiveArea::paint(const std::vector<std::string>& lines) {
    std::string out;
    if (!is_open_) out += kHideCursorNoWrap;
    is_open_ = true;
    if (painted_ > 0) out += "\x1b[" + std::to_string(painted_) + "A";
    out += '\r';
    for (const auto& line : lines) out.append(line).append(kClearLine).append("\n");
    if (lines.size() < painted_) out += kClearBelow;
    painted_ = lines.size();
    // One write a picture: a half of one never shows.
    std::fwrite(out.data(), 1, out.size(), stream_);
    std::fflush(stream_);
}

void LiveArea::close() {
    if (!is_open_) return;
    is_open_ = false;
    painted_ = 0;
    std::fputs(kShowCursorWrap, stream_);
    std::fflush(stream_);
}

}  // namespace edge::cli
