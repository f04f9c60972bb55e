// When to dial again. Full jitter, because ten thousand agents lose one broker in the same second. Pure.
#pragma once
#include <chrono>
#include <cstdint>
#include <random>

namespace edge::agent {

class Backoff {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Milliseconds = std::chrono::milliseconds;

    /// `first`: the longest wait after a lost session; 30 s at most.
    Backoff(Milliseconds first, std::uint64_t seed);

    void session_began(Time now) { began_ = now; }
    /// A session that was live ended: uniform(0, first), and steps back to zero if it had lasted a minute.
    Milliseconds after_session(Time now);
    /// No session came about: rand(0, min(60 s, 2 s · 2^k)), k counting up.
    Milliseconds after_failure();
    Milliseconds uniform(Milliseconds from, Milliseconds to);

  private:
    Milliseconds first_;
    Time began_{};
    std::uint32_t steps_ = 0;
    std::mt19937_64 random_;
};

}  // namespace edge::agent
