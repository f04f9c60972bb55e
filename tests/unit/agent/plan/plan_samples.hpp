// Plans and moments that the tests of agent/plan share.
#pragma once
#include <chrono>

#include "agent/moment.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent::samples {

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kBegin = 1'767'225'600'000'000;  // 2026-01-01T00:00:00Z, a whole minute

inline JobId job(std::uint8_t number) {
    JobId id;
    id.bytes[0] = number;
    return id;
}
inline NodeId node() {
    NodeId id;
    id.bytes[3] = 9;
    return id;
}
inline LineName line(const char* name) {
    return LineName::parse(name).value();
}

inline link::PlanSet every(std::uint64_t ms, std::uint8_t number = 1) {
    link::PlanSet set;
    set.job_id = job(number);
    set.tag = "tag" + std::to_string(number);
    set.lines = {line("telecom"), line("unicom"), line("mobile")};
    set.params = Json{{"target", "192.0.2.1"}};
    set.schedule.every_ms = ms;
    set.start_within_ms = 60'000;
    set.run_within_ms = 5'000;
    set.lease_ms = 86'400'000;
    return set;
}

/// Both clocks, as far as nobody sets them.
class Clock {
  public:
    Moment now() const { return {Time(std::chrono::microseconds(mono_)), wall_}; }
    void pass(std::uint64_t us) {
        mono_ += static_cast<std::int64_t>(us);
        wall_ += us;
    }
    void set(std::int64_t by_us) { wall_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(wall_) + by_us); }

  private:
    std::int64_t mono_ = 1'000'000'000;
    std::uint64_t wall_ = kBegin + 1;
};

}  // namespace edge::agent::samples
