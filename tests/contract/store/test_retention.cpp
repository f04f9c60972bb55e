// Old runs go a little at a time, whole in the end, and nothing else does.
#include <doctest/doctest.h>

#include "broker/store/sqlite.hpp"
#include "tests/contract/store/both_stores.hpp"
#include "tests/contract/store/samples.hpp"

namespace edge::broker {
namespace {

using samples::id;
using samples::kNow;

constexpr WallTime kDay = 86'400'000'000;

void check_whole(const InMemory&) {}
void check_whole(const InSqlite& kind) {
    auto db = sqlite::Connection::open(kind.path, sqlite::Connection::Mode::read_only).value();
    CHECK(db.ask("SELECT count(*) FROM pragma_foreign_key_check").value() == "0");
    CHECK(db.ask("PRAGMA integrity_check").value() == "ok");
}

/// A run of three tasks with a result each, which ended so many days ago.
AddRun add_run(Store& store, std::int64_t row, std::uint64_t days_ago, Outcomes ends = {.succeeded = 3}) {
    const std::int64_t first = row * 10;
    AddRun run = samples::run(row, 3, first);
    Batch batch{run};
    for (std::size_t task = 0; task < 3; ++task)
        batch.push_back(samples::result(first + static_cast<std::int64_t>(task), run, task,
                                        static_cast<std::uint64_t>(first) + task));
    batch.push_back(SetRun{run.run.row, RunState::finished, kNow - days_ago * kDay, ends});
    REQUIRE(store.apply(batch).has_value());
    return run;
}

template <class Kind>
struct Filled {
    Kind kind;
    std::unique_ptr<Store> store = kind.open();
    Filled() { REQUIRE(store->apply(Batch{PutNode{samples::node(1)}, PutSpool{samples::spool(1, 1)}}).has_value()); }
    bool has(const AddRun& run) const { return store->run(run.run.id).value().has_value(); }
    /// Batches until nothing more may go.
    Forgotten forget_all(const ForgetBefore& before, std::uint32_t rows) const {
        Forgotten sum;
        for (int batch = 0; batch < 1'000; ++batch) {
            const auto gone = store->forget(before, rows).value();
            CHECK(gone.rows <= rows + 3);  // what ends a run is not cut in two
            sum.rows += gone.rows;
            sum.results += gone.results;
            sum.runs += gone.runs;
            if (!gone.overdue_us) return sum;
        }
        FAIL("it comes to no end");
        return sum;
    }
};

}  // namespace

TEST_CASE_TEMPLATE("a run goes with all that belongs to it, and its job with the last run", Kind, InMemory, InSqlite) {
    Filled<Kind> at;
    const AddRun old = add_run(*at.store, 1, 31);
    const AddRun young = add_run(*at.store, 2, 29);
    REQUIRE(at.store->apply(Batch{AddKey{KeyRecord{"k-1", Digest{}, old.run.row, kNow - 10 * kDay}}}).has_value());
    for (const std::uint32_t rows : {1U, 4U, 1'000U}) {
        SUBCASE(std::to_string(rows).c_str()) {
            const Forgotten gone = at.forget_all({.runs = kNow - 30 * kDay, .failed = 0, .keys = kNow - kDay}, rows);
            CHECK(gone.runs == 1);
            CHECK(gone.results == 3);
            CHECK(!at.has(old));
            CHECK(!at.store->job(old.job.id).value().has_value());
            CHECK(at.store->results(old.run.id, {}).value().items.empty());
            CHECK(at.store->tasks(old.run.id, {}).value().items.empty());
            CHECK(at.store->runs_of({old.tasks[0].id}, {old.run.id}).value().empty());
            CHECK(!at.store->find_key("k-1").value().has_value());
            CHECK(at.has(young));
            CHECK(at.store->results(young.run.id, {}).value().items.size() == 3);
            check_whole(at.kind);
        }
    }
}

TEST_CASE_TEMPLATE("failed runs stay longer, unfinished ones and what has no limit for ever", Kind, InMemory,
                   InSqlite) {
    Filled<Kind> at;
    const AddRun clean = add_run(*at.store, 1, 60);
    const AddRun failed = add_run(*at.store, 2, 60, {.succeeded = 2, .timed_out = 1});
    const AddRun long_failed = add_run(*at.store, 3, 100, {.lost = 3});
    const AddRun unfinished = samples::run(4, 1, 900);
    REQUIRE(at.store->apply(Batch{unfinished}).has_value());
    CHECK(at.forget_all({}, 100).rows == 0);
    CHECK(at.has(clean));
    at.forget_all({.runs = kNow - 30 * kDay, .failed = kNow - 90 * kDay, .keys = 0}, 100);
    CHECK(!at.has(clean));
    CHECK(at.has(failed));
    CHECK(!at.has(long_failed));
    CHECK(at.has(unfinished));
}

TEST_CASE_TEMPLATE("the one that may have gone for the longest time goes first, and says for how long", Kind, InMemory,
                   InSqlite) {
    Filled<Kind> at;
    const AddRun younger = add_run(*at.store, 1, 40);
    const AddRun older = add_run(*at.store, 2, 50);
    const AddRun failed = add_run(*at.store, 3, 95, {.failed = 3});
    const ForgetBefore before{.runs = kNow - 30 * kDay, .failed = kNow - 90 * kDay, .keys = 0};
    auto gone = at.store->forget(before, 1).value();
    CHECK(gone.overdue_us == 20 * kDay);
    std::vector<bool> left;
    while (gone.overdue_us) {
        if (at.has(older) && at.has(younger)) CHECK(gone.overdue_us == 20 * kDay);
        if (!at.has(older) && at.has(younger)) CHECK(gone.overdue_us == 10 * kDay);
        if (!at.has(younger)) CHECK(gone.overdue_us == 5 * kDay);
        gone = at.store->forget(before, 1).value();
    }
    CHECK(!at.has(failed));
}

TEST_CASE_TEMPLATE("a late result, end or task of a run that is gone changes nothing and harms nothing", Kind, InMemory,
                   InSqlite) {
    Filled<Kind> at;
    const AddRun run = add_run(*at.store, 1, 31);
    at.forget_all({.runs = kNow - 30 * kDay, .failed = 0, .keys = 0}, 100);
    AddResult late = samples::result(99, run, 0, 99);
    SetTask end{run.tasks[0].row, TaskState::succeeded, 1, 1, true};
    SetRun counted{run.run.row, RunState::finished, kNow, {.succeeded = 1}};
    TaskRecord task = run.tasks[1];
    task.row = TaskRow{98};
    REQUIRE(at.store->apply(Batch{end, late, counted, AddTask{task}}).has_value());
    CHECK(!at.has(run));
    CHECK(at.store->runs_of({run.tasks[0].id, task.id}, {}).value().empty());
    check_whole(at.kind);
}

TEST_CASE("the pace: small batches where they take long, a tenth of the time where others write") {
    RetentionPace pace;
    const auto batch = [](std::uint64_t worked_us) {
        return Forgotten{.rows = 1'000, .results = 500, .runs = 1, .worked_us = worked_us, .overdue_us = 5};
    };
    const auto first = pace.rows();
    pace.done(batch(8'000), 10'000, 1'000'000, true);
    CHECK(pace.rows() == first / 2);
    CHECK(pace.next() == 1'090'000);
    pace.done(batch(1'000), 30'000, 2'000'000, false);  // a slow disk makes no smaller batches
    CHECK(pace.rows() == first);
    CHECK(pace.next() == 2'030'000);
    for (int i = 0; i < 20; ++i) pace.done(batch(100'000), 100'000, 3'000'000, true);
    CHECK(pace.rows() == RetentionPace::kLeastRows);
    for (int i = 0; i < 20; ++i) pace.done(batch(1), 1, 3'000'000, true);
    CHECK(pace.rows() == RetentionPace::kMostRows);
    pace.done({}, 100, 4'000'000, false);
    CHECK(pace.next() == 64'000'000);
    pace.failed(5'000'000);
    CHECK(pace.next() == 6'000'000);
    const RetentionRule for_ever;
    CHECK(forget_before(for_ever, kNow).runs == 0);
    CHECK(forget_before({.runs_us = 5, .failed_us = 7, .keys_us = kNow + 1}, kNow).failed == kNow - 7);
    CHECK(forget_before({.runs_us = 5, .failed_us = 7, .keys_us = kNow + 1}, kNow).keys == 0);
}

}  // namespace edge::broker
