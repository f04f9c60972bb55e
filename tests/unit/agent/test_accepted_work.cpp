#include <doctest/doctest.h>

#include "agent/accepted_work.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr Moment kMoment{Time{std::chrono::seconds(1'000)}, 9'000'000};

/// A process of the agent on a disk that outlives it.
struct Process {
    Spool spool;
    AcceptedWork work{spool};
    explicit Process(Disk& disk) : spool(Spool::open(disk).value()) {}

    std::size_t started_by_offer(std::uint64_t n, std::uint8_t number) {
        link::Task task = ping_task(number);
        task.n = n;
        work.offered(std::move(task), kMoment);
        REQUIRE(spool.commit());
        return work.starting(kMoment.steady).size();
    }
    void finish(std::uint8_t number) {
        work.finished({result_of(number), {}});
        REQUIRE(spool.commit());
    }
    std::size_t answered() {
        const auto attempts = work.answer_for_the_last_process(kMoment.wall_us);
        REQUIRE(spool.commit());
        return attempts.size();
    }
};

}  // namespace

TEST_CASE("a task that is offered again, before or after its end or a restart, starts once") {
    ForgetfulDisk disk;
    {
        Process process(disk);
        CHECK(process.started_by_offer(1, 1) == 1);
        CHECK(process.work.starting(kMoment.steady).empty());
        CHECK(process.started_by_offer(2, 1) == 0);
        CHECK(process.spool.work_last() == 2);  // and is acknowledged
        process.finish(1);
        CHECK(process.started_by_offer(3, 1) == 0);
        CHECK(process.started_by_offer(4, 2) == 1);
    }
    Process next(disk);
    CHECK(next.answered() == 1);
    CHECK(next.started_by_offer(5, 1) == 0);
    CHECK(next.started_by_offer(6, 2) == 0);
    CHECK(next.spool.last() == 2);
}

TEST_CASE("what the last process left without a result gets one, once") {
    ForgetfulDisk disk;
    {
        Process process(disk);
        CHECK(process.started_by_offer(1, 1) == 1);
        CHECK(process.started_by_offer(2, 2) == 1);
        process.finish(2);
    }
    Process next(disk);
    CHECK(next.answered() == 1);
    REQUIRE(next.spool.last() == 2);
    const auto message = link::decode_message(next.spool.result(2).value());
    REQUIRE(message);
    const auto& result = std::get<link::TaskResult>(message.value().at(0).envelope);
    CHECK(result.task_id == task_id(1));
    CHECK(result.target == "192.0.2.1");
    REQUIRE(result.failure);
    CHECK(result.failure->code == "agent_restarted");
    CHECK(next.spool.open_attempts().empty());
    CHECK(Process(disk).answered() == 0);
}
