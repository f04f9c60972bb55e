// What every Store must do with recurring jobs, asked of the one in memory and of SQLite.
#include <doctest/doctest.h>

#include "tests/contract/store/both_stores.hpp"
#include "tests/contract/store/samples.hpp"

namespace edge::broker {
namespace {

using samples::id;

constexpr WallTime kSoon = 4'000'000'000'000'000;  // later than any clock of a test: what ended is loaded

JobRecord revision(std::int64_t row, std::uint64_t number) {
    JobRecord job = samples::run(row, 1, row).job;
    job.id = id<JobId>(77);
    job.revision = number;
    job.target = "198.51.100." + std::to_string(number);
    job.terms.align = true;
    job.state = JobState::active;
    job.revised_at = job.made_until = 1'000'000 * number;
    job.fingerprint[3] = 9;
    job.schedule.emplace();
    job.schedule->when.cron = "*/5 * * * *";
    job.schedule->when.window = DailyWindow{60, 120};
    job.schedule->when.stop_us = kSoon;
    job.schedule->zone = "Asia/Shanghai";
    return job;
}

AddPlannedRun run_of(const JobRecord& job, std::int64_t row, WallTime tick) {
    const AddRun made = samples::run(row, 2, row * 10);
    AddPlannedRun run{made.run, made.tasks};
    run.run.job = job.row;
    run.run.tick = tick;
    return run;
}

}  // namespace

TEST_CASE_TEMPLATE("a recurring job comes back as it was put, with what ended lately", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutNode{samples::node(1)}}));
    JobRecord first = revision(1, 1);
    REQUIRE(store->apply(Batch{PutJob{first}, SetMade{first.row, 5'000'000}}));
    first.state = JobState::replaced;
    first.ended_at = kSoon;
    first.made_until = 6'000'000;
    const JobRecord second = revision(2, 2);
    REQUIRE(
        store->apply(Batch{PutJob{first}, PutJob{second}, run_of(second, 3, 9'000'000), run_of(second, 4, 1'500'000)}));
    const auto loaded = store->load().value();
    REQUIRE(loaded.planned.size() == 2);
    CHECK(loaded.planned[0].state == JobState::replaced);
    CHECK(loaded.planned[0].made_until == 6'000'000);
    CHECK(loaded.planned[0].ended_at == kSoon);
    const JobRecord& read = loaded.planned[1];
    CHECK(read.id == second.id);
    CHECK(read.row == second.row);
    CHECK(read.schedule == second.schedule);
    CHECK(read.terms == second.terms);
    CHECK(read.fingerprint == second.fingerprint);
    CHECK(read.revision == 2);
    CHECK(read.revised_at == 2'000'000);
    CHECK(read.target == "198.51.100.2");
    CHECK(read.labels == second.labels);
    // Ticks that have a run though not all before them do.
    CHECK(loaded.made_early.at(second.row) == std::vector<WallTime>{9'000'000});
    CHECK(loaded.unfinished.size() == 2);
    CHECK(loaded.unfinished[0].run.tick == 9'000'000);
    CHECK(loaded.unfinished[0].job.id == second.id);
    CHECK(loaded.unfinished[0].job.terms.align);
    CHECK(loaded.next_job == JobRow{3});
}

TEST_CASE_TEMPLATE("one job is shown of all its revisions, with the runs of all of them", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutNode{samples::node(1)}, samples::run(1, 1, 1)}));  // a job without a schedule
    JobRecord first = revision(2, 1);
    REQUIRE(store->apply(Batch{PutJob{first}, run_of(first, 2, 2'000'000), run_of(first, 3, 3'000'000)}));
    CHECK(store->job(first.id).value()->last_run == id<RunId>(3));
    first.state = JobState::replaced;
    const JobRecord second = revision(3, 2);
    REQUIRE(store->apply(Batch{PutJob{first}, PutJob{second}}));
    const auto shown = store->jobs({}, {10, {}}).value();
    REQUIRE(shown.items.size() == 2);
    CHECK(shown.items[0].id == first.id);
    CHECK(shown.items[0].plan->revision == 2);
    CHECK(shown.items[0].plan->schedule == *second.schedule);
    CHECK(shown.items[0].last_run == id<RunId>(3));
    CHECK_FALSE(shown.items[1].plan);
    const auto found = [&](const JobFilter& wanted) { return store->jobs(wanted, {10, {}}).value().items; };
    using enum JobState;
    CHECK(found({.not_in = {once}}).size() == 1);
    CHECK(found({.not_in = {once}}).at(0).id == first.id);
    CHECK(found({.not_in = {once, active}}).empty());
    CHECK(found({.not_in = {active}}).at(0).id == shown.items[1].id);
    CHECK(found({.state = active}).at(0).plan->revision == 2);
    CHECK(found({.state = once}).size() == 1);
    CHECK(found({.state = paused}).empty());
    CHECK(found({.service = Service::dns, .state = active}).empty());
    JobRecord third = revision(5, 1);
    third.id = id<JobId>(78);
    third.state = paused;
    REQUIRE(store->apply(Batch{PutJob{third}}));
    const auto page = store->jobs({.not_in = {once}}, {1, {}}).value();
    CHECK(page.items.at(0).id == third.id);
    REQUIRE(page.next_cursor);
    CHECK(store->jobs({.not_in = {once}}, {1, *page.next_cursor}).value().items.at(0).id == first.id);
    CHECK(found({.state = paused}).size() == 1);
    CHECK(store->job(first.id).value()->plan->revision == 2);
    REQUIRE(store->apply(Batch{run_of(second, 4, 4'000'000)}));
    CHECK(store->job(first.id).value()->last_run == id<RunId>(4));
    RunFilter filter;
    filter.of_job = first.id;
    const auto runs = store->runs(filter, {2, {}}).value();
    REQUIRE(runs.items.size() == 2);
    CHECK(runs.items[0].id == id<RunId>(4));
    CHECK(runs.items[0].tick == 4'000'000);
    CHECK(runs.items[0].job_id == first.id);
    CHECK(runs.items[0].target == "198.51.100.2");
    CHECK(runs.items[1].target == "198.51.100.1");  // as it was asked
    const auto rest = store->runs(filter, {2, *runs.next_cursor}).value();
    CHECK(rest.items.size() == 1);
    filter.of_job = id<JobId>(1);
    CHECK(store->runs(filter, {10, {}}).value().items.size() == 1);
    CHECK_FALSE(store->runs(filter, {10, {}}).value().items[0].tick);
    CHECK(store->runs_of({id<TaskId>(40)}, {}).value().at(0).job.id == first.id);
}

TEST_CASE_TEMPLATE("a tick has one run", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutNode{samples::node(1)}}));
    const JobRecord job = revision(1, 1);
    REQUIRE(store->apply(Batch{PutJob{job}, run_of(job, 1, 2'000'000)}));
    CHECK_FALSE(store->apply(Batch{run_of(job, 2, 2'000'000)}));
    CHECK(store->apply(Batch{run_of(job, 3, 3'000'000)}));
    TaskRecord more = run_of(job, 3, 3'000'000).tasks.front();
    more.row = TaskRow{1'000};
    more.id = id<TaskId>(1'000);
    REQUIRE(store->apply(Batch{AddTask{more}}));
    CHECK(store->run(id<RunId>(3)).value()->tasks.total == 3);
    CHECK(store->tasks(id<RunId>(3), {10, {}}).value().items.size() == 3);
}

TEST_CASE_TEMPLATE("with its last run goes a revision that ended long ago, and never the newest", Kind, InMemory,
                   InSqlite) {
    Kind kind;
    const auto store = kind.open();
    REQUIRE(store->apply(Batch{PutNode{samples::node(1)}}));
    Batch all;
    std::int64_t row = 0;
    const auto add = [&](JobId job, std::uint64_t number, JobState state, WallTime ended_at) {
        JobRecord made = revision(++row, number);
        made.id = job;
        made.state = state;
        made.ended_at = ended_at;
        AddPlannedRun run = run_of(made, row, 2'000'000);
        run.run.state = RunState::finished;
        all.insert(all.end(),
                   {PutJob{made}, run, SetRun{run.run.row, RunState::finished, 3'000'000, {.succeeded = 2}}});
    };
    add(id<JobId>(71), 1, JobState::replaced, 5'000'000);
    add(id<JobId>(71), 2, JobState::replaced, 7'000'000);
    add(id<JobId>(71), 3, JobState::active, 0);
    add(id<JobId>(72), 1, JobState::paused, 5'000'000);
    add(id<JobId>(73), 1, JobState::deleted, 5'000'000);
    REQUIRE(store->apply(all));
    const ForgetBefore before{.runs = 4'000'000, .failed = 4'000'000, .keys = 0, .revisions = 6'000'000};
    CHECK(store->forget(before, 1'000).value().runs == 5);
    CHECK(store->runs({}, {10, {}}).value().items.empty());
    const auto left = store->jobs({}, {10, {}}).value().items;
    REQUIRE(left.size() == 3);
    CHECK(left[0].plan->state == JobState::deleted);
    CHECK(left[1].plan->state == JobState::paused);
    CHECK(left[2].plan->revision == 3);
    // What is told of a revision that is gone changes nothing; the one that ended lately takes it.
    const JobRecord gone = revision(1, 1), late = revision(2, 2);
    REQUIRE(store->apply(Batch{run_of(gone, 11, 2'500'000), run_of(late, 12, 2'500'000)}));
    CHECK_FALSE(store->run(id<RunId>(11)).value());
    CHECK(store->run(id<RunId>(12)).value());
}

TEST_CASE_TEMPLATE("an idempotency key leads to its recurring job", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    const JobRecord job = revision(1, 1);
    Digest fingerprint{};
    fingerprint[0] = 4;
    REQUIRE(store->apply(Batch{PutJob{job}, AddJobKey{"k", fingerprint, job.id, 12}}));
    const auto found = store->find_key("k").value();
    REQUIRE(found);
    CHECK(found->job == job.id);
    CHECK(found->fingerprint == fingerprint);
    CHECK(found->created_at == 12);
    CHECK_FALSE(store->find_key("other").value());
}

}  // namespace edge::broker
