// Records to fill a store with.
#pragma once
#include <string>

#include "broker/store/store.hpp"

namespace edge::broker::samples {

template <class IdType>
IdType id(std::uint64_t number) {
    IdType made;
    for (std::size_t i = 0; i < 8; ++i) made.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    made.bytes[0] = 1;
    return made;
}
inline NodeName node_name(const std::string& text) {
    return NodeName::parse(text).value();
}
inline LineName line_name(const std::string& text) {
    return LineName::parse(text).value();
}

inline constexpr WallTime kNow = 1'764'400'000'000'000;  // 2025-11-29T07:06:40Z

NodeRecord node(std::int64_t row);
SpoolRecord spool(std::int64_t row, std::int64_t node);
/// Job and run of this row, and `tasks` tasks with rows from `first_task` on, all of node 1.
AddRun run(std::int64_t row, std::uint32_t tasks, std::int64_t first_task);
/// Of task `task` of run `run`; `n` is its number in the spool.
AddResult result(std::int64_t row, const AddRun& run, std::size_t task, std::uint64_t n,
                 const std::string& detail = "{\"sent\":3}");

}  // namespace edge::broker::samples
