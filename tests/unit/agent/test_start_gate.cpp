#include <doctest/doctest.h>

#include "agent/start_gate.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

using namespace std::chrono_literals;

Accepted task(std::uint8_t run, std::uint8_t number, std::optional<std::uint32_t> align) {
    Accepted one;
    one.task.run_id.bytes[0] = run;
    one.task.task_id.bytes[0] = number;
    one.task.align = align;
    return one;
}

}  // namespace

TEST_CASE("tasks that are to begin together wait for each other, and for nobody else") {
    StartGate gate;
    const Time now{1'000s};
    CHECK(gate.pass({task(1, 1, 3), task(2, 9, std::nullopt)}, now).size() == 1);
    CHECK(gate.waits());
    CHECK(gate.deadline() == now + 1s);
    CHECK(gate.pass({task(1, 2, 3), task(3, 8, 1)}, now + 10ms).size() == 1);
    CHECK(gate.pass({task(1, 3, 3)}, now + 20ms).size() == 3);
    CHECK_FALSE(gate.waits());
    CHECK_FALSE(gate.deadline());
}

TEST_CASE("what does not come is waited for a second at most") {
    StartGate gate;
    const Time now{1'000s};
    CHECK(gate.pass({task(1, 1, 3), task(1, 2, 3)}, now).empty());
    CHECK(gate.pass({}, now + 999ms).empty());
    CHECK(gate.pass({}, now + 1s).size() == 2);
    CHECK(gate.pass({task(1, 3, 3)}, now + 1s).empty());  // late: it waits as well, and then begins
    CHECK(gate.pass({}, now + 2s).size() == 1);
}

TEST_CASE("one that is canceled while it waits is handed out at once") {
    StartGate gate;
    const Time now{1'000s};
    CHECK(gate.pass({task(1, 1, 2)}, now).empty());
    TaskId id;
    id.bytes[0] = 1;
    CHECK(gate.take({id, 1}));
    CHECK_FALSE(gate.take({id, 1}));
    CHECK_FALSE(gate.waits());
}
