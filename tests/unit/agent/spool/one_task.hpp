// One task after the other through a spool, told apart by a number.
#pragma once
#include <doctest/doctest.h>

#include "agent/spool/spool.hpp"
#include "tests/unit/agent/results.hpp"

namespace edge::agent {

inline constexpr std::uint64_t kNow = 5'000;
inline constexpr Spool::Terms kSmallSegments{.segment_bytes = 2048, .keep_bytes = 1'000'000, .keep_us = 1'000};

inline link::AttemptRef attempt(std::uint8_t number) {
    return {task_id(number), 1};
}

inline AcceptedTask accepted() {
    return {RunId{}, line_name("telecom"), Service::dns, "lab.test", 5};
}

inline void run_one(Spool& spool, std::uint8_t number) {
    spool.accept(number, attempt(number), accepted());
    REQUIRE(spool.commit());
    spool.finish(result_of(number), {});
    REQUIRE(spool.commit());
}

inline std::uint8_t number_in(const std::string& body) {
    const auto message = link::decode_message(body);
    REQUIRE(message);
    return std::get<link::TaskResult>(message.value().at(0).envelope).task_id.bytes[15];
}

}  // namespace edge::agent
