// Results and tasks for tests, told apart by a number.
#pragma once
#include <string>

#include "protocol/link/envelopes.hpp"

namespace edge::agent {

inline TaskId task_id(std::uint8_t number) {
    TaskId id;
    id.bytes[0] = 0x7A;
    id.bytes[15] = number;
    return id;
}

inline LineName line_name(std::string_view text) {
    return LineName::parse(text).value();
}

inline link::Task ping_task(std::uint8_t number, std::string_view line = "telecom") {
    link::Task task;
    task.n = number;
    task.task_id = task_id(number);
    task.run_id.bytes[15] = 1;
    task.line = line_name(line);
    task.service = Service::ping;
    task.params = Json{{"target", "192.0.2.1"}};
    task.start_within_ms = 60'000;
    task.run_within_ms = 5'000;
    return task;
}

inline link::TaskResult result_of(std::uint8_t number, std::size_t detail_bytes = 0) {
    link::TaskResult result;
    result.rid.bytes[15] = number;
    result.task_id = task_id(number);
    result.line = line_name("telecom");
    result.target = "192.0.2.1";
    result.status = Status::ok;
    result.detail_bytes = static_cast<std::uint32_t>(detail_bytes);
    return result;
}

}  // namespace edge::agent
