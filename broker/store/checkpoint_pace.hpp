// When a commit pays for copying the log into the store's file, so that it does not grow without end under load. Pure.
#pragma once

namespace edge::broker {

/// Copying stops at what the oldest reader still looks at. SQLite sorts all of the log before it knows that (6 ms at
/// 250 MiB, measured): where nothing moved since the last try, the next one waits for 16 MiB more.
class CheckpointPace {
  public:
    // Units: pages of 4 KiB.
    static constexpr int kMost = 4'096;  // 16 MiB
    static constexpr int kStep = 256;    // 1 MiB

    /// `pages`: of the log, after a commit.
    bool is_due(int pages) {
        if (pages < left_) *this = {};  // it began anew
        return pages >= next_;
    }
    /// A try found so many in the log, and `copied` of them, from its beginning, are in the file now.
    void tried(int pages, int copied) {
        const bool has_moved = copied > copied_;
        const bool is_whole = copied == pages;
        left_ = is_whole ? 0 : pages;
        copied_ = is_whole ? 0 : copied;
        next_ = is_whole ? kMost : pages + (has_moved ? kStep : kMost);
    }

  private:
    int next_ = kMost;
    int left_ = 0;  // pages that the log had when not all of it could be copied
    int copied_ = 0;
};

}  // namespace edge::broker
