// How the sender is doing, for the metrics. Values; read on any thread.
#pragma once
#include <cstdint>

namespace edge::broker::webhooks {

struct Counters {
    std::uint64_t delivered = 0;  // attempts that succeeded
    std::uint64_t failed = 0;     // attempts that did not
    std::uint64_t refused = 0;    // of them: the URL or the address may not be spoken to
    std::uint64_t timed_out = 0;  // of them: too slow
    std::uint64_t spent_us = 0;   // by all attempts
    std::uint64_t gave_up = 0;    // deliveries that used up their attempts, or were to be tried once
    std::uint64_t in_flight = 0;  // now
    std::uint64_t endpoints = 0;  // enabled, now
    std::uint64_t failing = 0;    // of them: the breaker is open
};

}  // namespace edge::broker::webhooks
