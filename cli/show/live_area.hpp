// Some lines at the bottom of a terminal that are painted again and again.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

namespace edge::cli {

struct WindowSize {
    std::size_t columns = 80;
    std::size_t rows = 24;
};
/// Of the terminal behind the stream; the default if it does not say.
WindowSize window_size(std::FILE* stream);

class LiveArea {
  public:
    explicit LiveArea(std::FILE* stream) : stream_(stream) {}
    ~LiveArea() { close(); }
    LiveArea(const LiveArea&) = delete;
    LiveArea& operator=(const LiveArea&) = delete;

    /// Replaces what is there. Each line is at most as wide as the window.
    void paint(const std::vector<std::string>& lines);
    /// What is there stays; the cursor is below it.
    void close();

  private:
    std::FILE* stream_;
    std::size_t painted_ = 0;
    bool is_open_ = false;
};

}  // namespace edge::cli
