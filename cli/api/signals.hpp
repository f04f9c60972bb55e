// Ctrl-C as something to wait for, so that it can come between any two bytes and still be answered with a sentence.
#pragma once
#include <chrono>

namespace edge::cli {

/// Takes SIGINT and SIGTERM from the process for good. Owns: the descriptor.
class Signals {
  public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// Readable when a signal came. -1 if the kernel gave none: signals then end the process as ever.
    int fd() const { return fd_; }
    /// Did one come? It stays so.
    bool came();
    /// After a Ctrl-C: forgets it, and waits for another one. What came is forgotten, too.
    bool comes_again(std::chrono::milliseconds within);

  private:
    int fd_ = -1;
    bool take();

    bool came_ = false;
    bool is_interrupt_ = false;
};

}  // namespace edge::cli
