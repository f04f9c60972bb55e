// What every Store must do, asked of the one in memory and of SQLite.
#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>

#include "broker/store/schema.hpp"
#include "broker/store/sqlite_store.hpp"
#include "protocol/json/described.hpp"
#include "tests/contract/store/both_stores.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/contract/store/temporary_folder.hpp"

namespace edge::broker {
namespace {

using samples::id;

SetRun finished(const AddRun& run, Outcomes outcomes) {
    return SetRun{run.run.row, RunState::finished, 1'700'000'003'000'000, outcomes};
}

}  // namespace

TEST_CASE_TEMPLATE("a new store is empty and numbers rows from one", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    const auto loaded = store->load().value();
    CHECK(loaded.nodes.empty());
    CHECK(loaded.unfinished.empty());
    CHECK(loaded.next_run == RunRow{1});
    CHECK(loaded.next_result == ResultRow{1});
}

TEST_CASE_TEMPLATE("nodes, spools and tokens come back as they were put", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    NodeRecord node = samples::node(1);
    node.state = NodeState::locked;
    node.connected_at = 5;
    node.epoch = 3;
    node.join_counter = 9;
    node.join_confirmed = false;
    node.is_there = true;
    node.policy.emplace();
    node.policy->hash = "ab12";
    node.policy->services = {"dns", "ping"};
    node.policy->targets.allow = {"10.0.0.0/8"};
    node.policy->targets.ports = {53, 80};
    node.policy->line.bytes_per_day = 10'000'000'000;
    node.policy->host.cpu_pressure_percent = 40;
    node.reason = "stolen";
    node.token = id<TokenId>(1);
    node.preset = {{"tier", "core"}};
    node.next_key.emplace().fill(9);
    node.next_key_at = 77;
    node.rotate = true;
    JoinTokenRecord join{
        .id = id<TokenId>(1),
        .hash = Digest{1, 2},
        .terms = {.node = samples::node_name("gz-9"),
                  .uses = 3,
                  .cidrs = {IpPrefix::parse("192.0.2.0/24").value(), IpPrefix::parse("2001:db8::/32").value()},
                  .labels = {{"province", "hainan"}},
                  .approve = true,
                  .nodes = {{samples::node_name("gz-8"), {{"city", "haikou"}}}}},
        .created_at = 10,
        .expires_at = 20,
        .used_at = {},
        .revoked_at = {}};
    ApiTokenRecord api{id<TokenId>(2), "abcd1234", Digest{3}, true, 30};
    REQUIRE(store->apply(Batch{PutNode{node}, AddJoinToken{join}, AddApiToken{api}}).has_value());
    SpoolRecord spool = samples::spool(1, 1);
    spool.committed = 12;
    spool.newest_rid = id<ResultId>(5);
    REQUIRE(store
                ->apply(Batch{UseJoinToken{join.id, 14}, UseJoinToken{join.id, 15}, RevokeJoinToken{join.id, 16},
                              PutSpool{spool}})
                .has_value());
    spool.committed = 4;  // neither goes back
    spool.newest_rid = id<ResultId>(4);
    REQUIRE(store->apply(Batch{PutSpool{spool}}).has_value());

    const auto loaded = store->load().value();
    REQUIRE(loaded.nodes.size() == 1);
    const NodeRecord& n = loaded.nodes[0];
    CHECK(n.id == node.id);
    CHECK(n.name == node.name);
    CHECK(n.key == node.key);
    CHECK(n.state == NodeState::locked);
    CHECK(n.labels == node.labels);
    CHECK(encode(n.lines) == encode(node.lines));
    CHECK(n.connected_at == 5);
    CHECK(!n.last_seen_at);
    CHECK(n.epoch == 3);
    CHECK(n.join_counter == 9);
    CHECK(!n.join_confirmed);
    CHECK(n.is_there);
    CHECK(n.reason == "stolen");
    CHECK(n.token == node.token);
    CHECK(n.preset == node.preset);
    CHECK(n.next_key == node.next_key);
    CHECK(n.next_key_at == 77);
    CHECK(n.rotate);
    REQUIRE(n.uplink.has_value());
    CHECK(encode(*n.uplink) == encode(*node.uplink));
    REQUIRE(n.policy.has_value());
    CHECK(encode(*n.policy) == encode(*node.policy));
    REQUIRE(loaded.spools.size() == 1);
    CHECK(loaded.spools[0].committed == 12);
    CHECK(loaded.spools[0].newest_rid == id<ResultId>(5));
    REQUIRE(loaded.join_tokens.size() == 1);
    CHECK(loaded.join_tokens[0].used_at == 15);
    CHECK(loaded.join_tokens[0].used == 2);
    CHECK(loaded.join_tokens[0].revoked_at == 16);
    CHECK(loaded.join_tokens[0].hash == join.hash);
    const JoinTokenTerms& terms = loaded.join_tokens[0].terms;
    CHECK(terms.node == join.terms.node);
    CHECK(terms.uses == 3);
    CHECK(terms.cidrs == join.terms.cidrs);
    CHECK(terms.labels == join.terms.labels);
    CHECK(terms.approve);
    REQUIRE(terms.nodes.size() == 1);
    CHECK(terms.nodes[0].name == join.terms.nodes[0].name);
    CHECK(terms.nodes[0].labels == join.terms.nodes[0].labels);
    REQUIRE(loaded.api_tokens.size() == 1);
    CHECK(loaded.api_tokens[0].lookup == "abcd1234");
    CHECK(loaded.api_tokens[0].admin);
    CHECK(loaded.next_node == NodeRow{2});
    CHECK(loaded.next_spool == SpoolRow{2});
}

TEST_CASE_TEMPLATE("an unfinished run is loaded whole, a finished one is not", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun first = samples::run(1, 2, 1);
    const AddRun second = samples::run(2, 3, 3);
    REQUIRE(store->apply(Batch{first, second}).has_value());
    REQUIRE(store
                ->apply(Batch{finished(first, {.succeeded = 1, .lost = 1}),
                              SetTask{second.tasks[1].row, TaskState::expired, 2, 0, true}})
                .has_value());
    const auto loaded = store->load().value();
    REQUIRE(loaded.unfinished.size() == 1);
    const LoadedRun& run = loaded.unfinished[0];
    CHECK(run.run.id == second.run.id);
    CHECK(run.run.start_within_ms == 60'000);
    CHECK(run.job.params == second.job.params);
    CHECK(run.job.terms == second.job.terms);
    CHECK(run.job.labels == second.job.labels);
    REQUIRE(run.tasks.size() == 3);
    CHECK(run.tasks[0].state == TaskState::queued);
    CHECK(!run.tasks[0].offered);
    CHECK(run.tasks[1].state == TaskState::expired);
    CHECK(run.tasks[1].attempt == 2);
    CHECK(run.tasks[1].offered);
    CHECK(run.tasks[2].line.carrier == "ct");
    CHECK(loaded.next_task == TaskRow{6});
    const auto view = store->run(first.run.id).value();
    REQUIRE(view.has_value());
    CHECK(view->state == RunState::finished);
    CHECK(view->finished_at == 1'700'000'003'000'000);
    CHECK(view->tasks.succeeded == 1);
    CHECK(view->tasks.lost == 1);
    CHECK(view->tasks.queued == 0);
    CHECK(view->job_id == first.job.id);
    CHECK(view->target == "198.51.100.10");
}

TEST_CASE_TEMPLATE("a result comes back as the agent sent it", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 1, 1);
    AddResult add = samples::result(1, run, 0, 7);
    auto changed = std::make_shared<ResultView>(*add.view);
    changed->superseded = true;
    changed->result.status = Status::failed;
    changed->result.failure = Failure{Source::target, "read", "timeout", "no answer, \"at all\"\n"};
    changed->result.summary.loss = 33.25;
    changed->clock_offset_us = -3'600'000'000;
    add.view = changed;
    REQUIRE(store->apply(Batch{run, add}).has_value());
    const auto found = store->result(changed->result.rid).value();
    REQUIRE(found.has_value());
    CHECK(encode(found->result) == encode(changed->result));
    CHECK(found->superseded);
    CHECK(found->clock_offset_us == -3'600'000'000);
    CHECK(found->detail == "{\"sent\":3}");
    CHECK(found->node.name.text() == "gz-1");
    CHECK(found->line.carrier == "ct");
    CHECK(!store->result(id<ResultId>(99)).value().has_value());
}

TEST_CASE_TEMPLATE("a second result of an attempt changes nothing", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 2, 1);
    const AddResult first = samples::result(1, run, 0, 1);
    const AddResult same_attempt = samples::result(2, run, 0, 2, "{\"other\":1}");
    REQUIRE(store->apply(Batch{run, first, same_attempt}).has_value());
    const auto page = store->results(run.run.id, PageRequest{}).value();
    REQUIRE(page.items.size() == 1);
    CHECK(page.items[0].detail == "{\"sent\":3}");
}

TEST_CASE_TEMPLATE("a rid keeps no other result away, and is known in its own spool only", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    REQUIRE(store->apply(Batch{PutSpool{samples::spool(2, 1)}}).has_value());
    const AddRun run = samples::run(1, 2, 1);
    const AddResult first = samples::result(1, run, 0, 1);
    AddResult second = samples::result(2, run, 1, 1, "{\"other\":2}");
    auto view = std::make_shared<ResultView>(*second.view);
    view->result.rid = first.view->result.rid;
    second.view = view;
    const ResultId rid = first.view->result.rid;
    REQUIRE(store->apply(Batch{run, first}).has_value());
    CHECK(store->known_rids(SpoolRow{1}, {id<ResultId>(9), rid}).value() == std::vector<ResultId>{rid});
    CHECK(store->known_rids(SpoolRow{2}, {rid}).value().empty());
    second.spool = SpoolRow{2};
    REQUIRE(store->apply(Batch{second}).has_value());
    CHECK(store->results(run.run.id, PageRequest{}).value().items.size() == 2);
    CHECK(store->result(rid).value()->result.task_id == run.tasks[0].id);  // the first
    CHECK(store->known_rids(SpoolRow{2}, {rid}).value().size() == 1);
}

TEST_CASE_TEMPLATE("a later attempt is kept beside the first", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 1, 1);
    AddResult later = samples::result(2, run, 0, 2);
    auto view = std::make_shared<ResultView>(*later.view);
    view->result.attempt = 2;
    view->superseded = true;
    later.view = view;
    REQUIRE(store->apply(Batch{run, samples::result(1, run, 0, 1), later}).has_value());
    CHECK(store->results(run.run.id, PageRequest{}).value().items.size() == 2);
}

TEST_CASE_TEMPLATE("a transaction is done whole or not at all", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    NodeRecord same_name = samples::node(2);
    same_name.name = samples::node_name("gz-1");
    const AddRun run = samples::run(1, 1, 1);
    const std::vector<Batch> batches{Batch{run}, Batch{PutNode{same_name}}};
    const auto result = store->apply(batches);
    REQUIRE(!result.has_value());
    CHECK(result.error().code == Errc::io);
    CHECK(!store->run(run.run.id).value().has_value());
    CHECK(store->apply(Batch{run}).has_value());
}

TEST_CASE_TEMPLATE("pages follow each other without gaps while rows are added", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    for (std::int64_t row = 1; row <= 7; ++row) REQUIRE(store->apply(Batch{samples::run(row, 1, row)}).has_value());
    auto page = store->runs({}, PageRequest{3, {}}).value();
    std::vector<RunId> seen;
    for (const auto& run : page.items) seen.push_back(run.id);
    REQUIRE(store->apply(Batch{samples::run(8, 1, 8)}).has_value());  // newer: belongs to no later page
    while (page.next_cursor) {
        page = store->runs({}, PageRequest{3, *page.next_cursor}).value();
        for (const auto& run : page.items) seen.push_back(run.id);
    }
    REQUIRE(seen.size() == 7);
    for (std::uint64_t i = 0; i < 7; ++i) CHECK(seen[i] == id<RunId>(7 - i));
    CHECK(store->jobs({}, PageRequest{8, {}}).value().items.size() == 8);
    CHECK(!store->jobs({}, PageRequest{8, {}}).value().next_cursor.has_value());
    CHECK(store->jobs({}, PageRequest{7, {}}).value().next_cursor.has_value());
}

TEST_CASE_TEMPLATE("runs and jobs are listed by service, state, origin and the beginning of the target", Kind, InMemory,
                   InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const char* targets[] = {"www.example.com", "www.example.org", "198.51.100.10", "100%"};
    for (std::int64_t row = 1; row <= 4; ++row) {
        AddRun made = samples::run(row, 1, row);
        made.job.target = targets[row - 1];
        made.job.service = row == 2 ? Service::dns : Service::ping;
        made.job.origin = row % 2 == 0 ? JobOrigin::prometheus : JobOrigin::api;
        made.run.state = row == 3 ? RunState::finished : RunState::running;
        REQUIRE(store->apply(Batch{made}).has_value());
    }
    const auto rows_of = [](const auto& items) {
        std::string rows;
        for (const auto& one : items) rows += std::to_string(one.id.bytes[15]);
        return rows;
    };
    const auto found = [&](const RunFilter& filter) { return rows_of(store->runs(filter, {}).value().items); };
    const auto jobs = [&](const JobFilter& filter) { return rows_of(store->jobs(filter, {}).value().items); };
    using enum JobOrigin;
    CHECK(found({}) == "4321");
    CHECK(found({.job = {.service = Service::dns}}) == "2");
    CHECK(found({.state = RunState::finished}) == "3");
    CHECK(found({.job = {.target = "www."}}) == "21");
    CHECK(found({.job = {.service = Service::ping, .target = "www."}, .state = RunState::running}) == "1");
    CHECK(found({.job = {.target = "1%"}}) == "");  // letters, no pattern
    CHECK(found({.job = {.target = "100%"}}) == "4");
    CHECK(found({.job = {.origin = prometheus}}) == "42");
    CHECK(found({.job = {.origin = api}}) == "31");
    CHECK(found({.job = {.without = prometheus}, .state = RunState::running}) == "1");
    CHECK(found({.job = {.without = api}}) == "42");
    CHECK(found({.job = {.origin = api, .without = api}}) == "");
    CHECK(jobs({}) == "4321");
    CHECK(jobs({.origin = prometheus}) == "42");
    CHECK(jobs({.without = prometheus}) == "31");
    CHECK(jobs({.service = Service::ping, .target = "www."}) == "1");
    CHECK(store->run(id<RunId>(2)).value()->origin == prometheus);
    CHECK(store->job(id<JobId>(1)).value()->origin == api);
    const RunFilter unscraped{.job = {.without = prometheus}};
    const auto page = store->runs(unscraped, PageRequest{1, {}}).value();
    REQUIRE(page.next_cursor.has_value());
    CHECK(rows_of(store->runs(unscraped, PageRequest{1, *page.next_cursor}).value().items) == "1");
}

TEST_CASE_TEMPLATE("results are paged in the order they were stored, and only those of the run", Kind, InMemory,
                   InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 5, 1);
    const AddRun other = samples::run(2, 1, 6);
    Batch batch{run, other};
    for (std::size_t i = 0; i < 5; ++i)
        batch.push_back(samples::result(static_cast<std::int64_t>(i) + 1, run, 4 - i, i + 1));
    batch.push_back(samples::result(6, other, 0, 6));
    REQUIRE(store->apply(batch).has_value());
    std::vector<std::uint64_t> numbers;
    PageRequest request{2, {}};
    while (true) {
        const auto page = store->results(run.run.id, request).value();
        for (const auto& item : page.items) numbers.push_back(item.result.n);
        if (!page.next_cursor) break;
        request.cursor = *page.next_cursor;
    }
    CHECK(numbers == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
}

TEST_CASE_TEMPLATE("tasks are paged in the order they were made, and only those of the run", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 5, 1);
    REQUIRE(store->apply(Batch{run, samples::run(2, 3, 6)}).has_value());
    std::vector<TaskId> seen;
    PageRequest request{2, {}};
    while (true) {
        const auto page = store->tasks(run.run.id, request).value();
        CHECK(page.items.size() <= 2);
        for (const auto& task : page.items) seen.push_back(task.id);
        if (!page.next_cursor) break;
        request.cursor = *page.next_cursor;
    }
    REQUIRE(seen.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) CHECK(seen[i] == run.tasks[i].id);
    CHECK(!store->tasks(run.run.id, PageRequest{5, {}}).value().next_cursor);
}

TEST_CASE_TEMPLATE("a page of large results ends early, and the next one goes on behind it", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 21, 1);
    Batch batch{run};
    const std::string large = "{\"x\":\"" + std::string(250 * 1024, 'x') + "\"}";
    for (std::size_t i = 0; i < 20; ++i)
        batch.push_back(samples::result(static_cast<std::int64_t>(i) + 1, run, i, i + 1, large));
    // One that is above the bound by itself is still a page.
    batch.push_back(samples::result(21, run, 20, 21, "{\"x\":\"" + std::string(kMostPageBytes, 'x') + "\"}"));
    REQUIRE(store->apply(batch).has_value());
    std::vector<std::size_t> pages;
    std::uint64_t n = 0;
    PageRequest request{500, {}};
    while (true) {
        const auto page = store->results(run.run.id, request).value();
        std::size_t bytes = 0;
        for (const auto& item : page.items) {
            bytes += item.detail.size();
            CHECK(item.result.n == ++n);
        }
        CHECK((bytes <= kMostPageBytes || page.items.size() == 1));
        pages.push_back(page.items.size());
        if (!page.next_cursor) break;
        request.cursor = *page.next_cursor;
        REQUIRE(pages.size() < 22);
    }
    CHECK(pages == std::vector<std::size_t>{16, 4, 1});
    CHECK(store->idle().has_value());
}

TEST_CASE_TEMPLATE("a cursor of another list or of nobody is refused", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    for (std::int64_t row = 1; row <= 3; ++row) REQUIRE(store->apply(Batch{samples::run(row, 1, row)}).has_value());
    const auto cursor = *store->runs({}, PageRequest{1, {}}).value().next_cursor;
    for (const std::string& bad :
         {cursor, std::string("1"), std::string("zzzzzzzzzzzzzzzzzzzzzzzzzz"), std::string(26, '0')}) {
        const auto page = store->jobs({}, PageRequest{1, bad});
        REQUIRE(!page.has_value());
        CHECK(page.error().code == Errc::bad_value);
    }
}

TEST_CASE_TEMPLATE("tasks, jobs and runs are found by their ids", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 2, 1);
    REQUIRE(store->apply(Batch{run, SetTask{run.tasks[1].row, TaskState::failed, 1, 1, true}}).has_value());
    const auto tasks = store->tasks(run.run.id, {}).value().items;
    REQUIRE(tasks.size() == 2);
    CHECK(tasks[0].id == run.tasks[0].id);
    CHECK(tasks[1].state == TaskState::failed);
    CHECK(tasks[0].node.name.text() == "gz-1");
    CHECK(store->tasks(id<RunId>(9), {}).value().items.empty());
    const auto job = store->job(run.job.id).value();
    REQUIRE(job.has_value());
    CHECK(job->last_run == run.run.id);
    CHECK(job->params.at("count") == 3);
    CHECK(job->terms == run.job.terms);
    CHECK(!store->job(id<JobId>(9)).value().has_value());
    CHECK(!store->run(id<RunId>(9)).value().has_value());
}

TEST_CASE_TEMPLATE("the runs of some tasks come once, with those tasks and no others", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 4, 1);
    REQUIRE(store->apply(Batch{run, finished(run, {.lost = 4})}).has_value());
    const auto found = store->runs_of({run.tasks[0].id, run.tasks[2].id, run.tasks[0].id, id<TaskId>(77)}, {}).value();
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].tasks.size() == 2);
    CHECK(found[0].tasks[0].id == run.tasks[0].id);
    CHECK(found[0].tasks[1].id == run.tasks[2].id);
    CHECK(found[0].run.total == 4);
    CHECK(found[0].run.outcomes.lost == 4);
    CHECK(found[0].run.finished_at.has_value());
    CHECK(store->runs_of({}, {}).value().empty());
}

TEST_CASE_TEMPLATE("a node's newest events are kept, and paged newest first", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    REQUIRE(store->apply(Batch{PutNode{samples::node(2)}}));
    const auto add = [&](std::int64_t node, std::uint64_t n) {
        const NodeEvent event{.n = n,
                              .at = 1'700'000'000'000'000 + n,
                              .kind = NodeEventKind::line_state,
                              .line = "telecom",
                              .was = "up",
                              .became = "down",
                              .reason = "no carrier on the device"};
        REQUIRE(store->apply(Batch{AddEvent{NodeRow{node}, event}}));
    };
    add(2, 1);
    for (std::uint64_t n = 1; n <= kEventsKept + 10; ++n) add(1, n);
    auto page = store->events(samples::node(1).id, PageRequest{200, ""}).value();
    REQUIRE(page.items.size() == 200);
    CHECK(page.items.front().n == kEventsKept + 10);
    CHECK(page.items.front().reason == "no carrier on the device");
    CHECK(page.items.front().kind == NodeEventKind::line_state);
    CHECK(page.items.front().at == 1'700'000'000'000'000 + kEventsKept + 10);
    REQUIRE(page.next_cursor);
    page = store->events(samples::node(1).id, PageRequest{200, *page.next_cursor}).value();
    CHECK(page.items.size() == kEventsKept - 200);
    CHECK(page.items.back().n == 11);
    CHECK(!page.next_cursor);
    CHECK(store->events(samples::node(2).id, PageRequest{}).value().items.size() == 1);
    const auto last = store->load().value().last_events;
    CHECK(last.at(NodeRow{1}) == kEventsKept + 10);
    CHECK(last.at(NodeRow{2}) == 1);
}

TEST_CASE_TEMPLATE("an idempotency key leads to its run", Kind, InMemory, InSqlite) {
    Kind kind;
    const auto store = kind.open();
    seed(*store);
    const AddRun run = samples::run(1, 1, 1);
    REQUIRE(store->apply(Batch{run, AddKey{KeyRecord{"k-1", Digest{9}, run.run.row, 44}}}).has_value());
    const auto found = store->find_key("k-1").value();
    REQUIRE(found.has_value());
    CHECK(found->fingerprint == Digest{9});
    CHECK(found->created_at == 44);
    CHECK(found->run.id == run.run.id);
    CHECK(!store->find_key("k-2").value().has_value());
}

TEST_CASE("a file of the sixth schema knows from its events which nodes were there") {
    TemporaryFolder folder;
    const std::string path = folder.path() + "/edge.db";
    {
        auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_write).value();
        REQUIRE(migrate(db, schema_steps().first(6)).has_value());
        REQUIRE(db.execute(R"sql(
            INSERT INTO nodes SELECT value, 1, CAST('0123456789abcde' || value AS BLOB), 'gz-' || value,
                CAST('0123456789abcdef0123456789abcde' || value AS BLOB), 'enrolled', '{}', '', '', '[]', 1, NULL, NULL,
                0, 0, 1, '' FROM json_each('[1,2,3,4]');
            INSERT INTO node_events VALUES (1, 1, 1, 1, 'disconnected', '', '', '', ''),
                (1, 1, 2, 1, 'connected', '', '', '', ''), (1, 1, 3, 1, 'line_state', 'a', '', 'up', ''),
                (1, 2, 1, 1, 'connected', '', '', '', ''), (1, 2, 2, 1, 'disconnected', '', '', '', ''),
                (1, 3, 1, 1, 'connected', '', '', '', ''), (1, 3, 2, 1, 'locked', '', '', '', '');
        )sql")
                    .has_value());
    }
    const auto nodes = std::move(open_sqlite_store(path).value())->load().value().nodes;
    REQUIRE(nodes.size() == 4);
    CHECK(nodes[0].is_there);
    for (std::size_t i = 1; i < 4; ++i) CHECK(!nodes[i].is_there);
}

TEST_CASE("a file of the tenth schema keeps its join tokens, and its nodes know which one they came by") {
    TemporaryFolder folder;
    const std::string path = folder.path() + "/edge.db";
    {
        auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_write).value();
        REQUIRE(migrate(db, schema_steps().first(10)).has_value());
        REQUIRE(db.execute(R"sql(
            INSERT INTO nodes (k, id, name, key, state, labels, agent_version, policy_hash, lines, enrolled_at, epoch,
                join_counter, join_confirmed) SELECT value, CAST('0123456789abcde' || value AS BLOB), 'gz-' || value,
                CAST('0123456789abcdef0123456789abcde' || value AS BLOB), 'enrolled', '{}', '', '', '[]', 1, 0, 0, 1
                FROM json_each('[1,2]');
            INSERT INTO join_tokens (k, id, hash, node, created_at, expires_at, used_at, used_by) VALUES
                (1, CAST('a123456789abcde1' AS BLOB), zeroblob(32), 'gz-1', 1, 2, 5, CAST('0123456789abcde1' AS BLOB)),
                (2, CAST('a123456789abcde2' AS BLOB), zeroblob(32), 'gz-1', 1, 2, 7, CAST('0123456789abcde1' AS BLOB)),
                (3, CAST('a123456789abcde3' AS BLOB), zeroblob(32), NULL, 1, 9, NULL, NULL);
        )sql")
                    .has_value());
    }
    const auto loaded = std::move(open_sqlite_store(path).value())->load().value();
    REQUIRE(loaded.join_tokens.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(loaded.join_tokens[i].terms.uses == 1);
        CHECK(loaded.join_tokens[i].used == (i < 2 ? 1 : 0));
        CHECK(loaded.join_tokens[i].terms.cidrs.empty());
    }
    REQUIRE(loaded.nodes.size() == 2);
    CHECK(loaded.nodes[0].token == loaded.join_tokens[1].id);  // the last one that gave it a key
    CHECK(!loaded.nodes[1].token);
    CHECK(!loaded.nodes[0].next_key);
}

TEST_CASE("a file of the seventh schema knows from labels what scrapes of /probe made") {
    TemporaryFolder folder;
    const std::string path = folder.path() + "/edge.db";
    {
        auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_write).value();
        REQUIRE(migrate(db, schema_steps().first(7)).has_value());
        REQUIRE(db.execute(R"sql(
            INSERT INTO jobs (k, id, service, params, target, selector, labels, created_at) VALUES
                (1, CAST('0123456789abcde1' AS BLOB), 'ping', '{}', 't', 'all',
                 '{"origin":"prometheus","module":"icmp"}', 1),
                (2, CAST('0123456789abcde2' AS BLOB), 'ping', '{}', 't', 'all', '{"origin":"prometheus"}', 1),
                (3, CAST('0123456789abcde3' AS BLOB), 'ping', '{}', 't', 'all', '{}', 1);
            INSERT INTO runs (k, id, job, state, created_at, start_within_ms, run_within_ms, total)
                SELECT k, id, k, 'finished', 1, 1, 1, 1 FROM jobs;
        )sql")
                    .has_value());
    }
    const auto store = std::move(open_sqlite_store(path).value());
    const auto scraped = store->runs({.job = {.origin = JobOrigin::prometheus}}, {}).value().items;
    REQUIRE(scraped.size() == 1);
    CHECK(scraped[0].id.bytes[15] == '1');
    CHECK(scraped[0].origin == JobOrigin::prometheus);
    CHECK(store->runs({.job = {.without = JobOrigin::prometheus}}, {}).value().items.size() == 2);
    CHECK(store->jobs({.without = JobOrigin::prometheus}, {}).value().items.size() == 2);
}

TEST_CASE("a file of the first schema keeps its results, and learns of each spool's greatest rid") {
    TemporaryFolder folder;
    const std::string path = folder.path() + "/edge.db";
    {
        auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_write).value();
        REQUIRE(migrate(db, schema_steps().first(1)).has_value());
        REQUIRE(db.execute(R"sql(
            INSERT INTO nodes VALUES (1, 1, zeroblob(16), 'gz-1', zeroblob(32), 'enrolled', '{}', '', '', '[]', 1, NULL,
                NULL, 0, 0, 1);
            INSERT INTO spools VALUES (1, 1, 1, zeroblob(16), 2), (2, 1, 1, x'01', 0);
            INSERT INTO jobs VALUES (1, 1, zeroblob(16), 'ping', '{}', 't', 'all', '{}', 1);
            INSERT INTO runs (k, id, job, state, created_at, start_within_ms, run_within_ms, total)
                VALUES (1, zeroblob(16), 1, 'running', 1, 1, 1, 2);
            INSERT INTO tasks VALUES (1, 1, zeroblob(16), 1, 1, 'telecom', 'ct', 'succeeded', 1, 1, 1),
                (2, 1, x'02', 1, 1, 'telecom', 'ct', 'succeeded', 1, 1, 1);
            INSERT INTO results VALUES
                (1, 1, x'00000000000000000000000000000007', 1, 1, 1, 1, 1, 0, 'ok', 1, 1, '{}'),
                (2, 1, x'00000000000000000000000000000003', 1, 2, 1, 2, 1, 0, 'ok', 1, 1, '{}');
            INSERT INTO result_details VALUES (1, 1, '{"sent":1}');
        )sql")
                    .has_value());
    }
    const auto store = std::move(open_sqlite_store(path).value());
    const auto loaded = store->load().value();
    REQUIRE(loaded.spools.size() == 2);
    ResultId greatest;
    greatest.bytes[15] = 7;
    CHECK(loaded.spools[0].newest_rid == greatest);
    CHECK(loaded.spools[1].newest_rid.is_nil());
    CHECK(loaded.next_result == ResultRow{3});
    CHECK(store->known_rids(SpoolRow{1}, {greatest}).value().size() == 1);
    auto db = sqlite::Connection::open(path, sqlite::Connection::Mode::read_only).value();
    CHECK(db.ask("SELECT count(*) FROM results r JOIN result_details d ON d.result = r.k").value() == "1");
    CHECK(db.ask("SELECT count(*) FROM pragma_foreign_key_check").value() == "0");
    // … and each job what its run tells of how it was asked.
    CHECK(store->job(JobId{}).value()->terms == JobTerms{.start_within_ms = 1, .repeat = 2});
}

TEST_CASE("a writer from outside is waited for, and one that stays makes the store unavailable, not broken") {
    InSqlite kind;
    const auto store = kind.open();
    seed(*store);
    auto outside =
        sqlite::Connection::open(kind.folder.path() + "/edge.db", sqlite::Connection::Mode::read_write).value();
    sqlite3_busy_timeout(outside.handle(), 0);
    REQUIRE(outside.execute("BEGIN IMMEDIATE").has_value());
    auto waiting = std::async(std::launch::async, [&] { return store->apply(Batch{samples::run(1, 1, 1)}); });
    CHECK(waiting.wait_for(std::chrono::milliseconds(200)) == std::future_status::timeout);
    CHECK(store->runs({}, {}).value().items.empty());  // readers are held up by nobody
    REQUIRE(outside.execute("COMMIT").has_value());
    CHECK(waiting.get().has_value());
    CHECK(store->runs({}, {}).value().items.size() == 1);

    auto other =
        sqlite::Connection::open(kind.folder.path() + "/edge.db", sqlite::Connection::Mode::read_write).value();
    REQUIRE(other.execute("BEGIN IMMEDIATE").has_value());
    const auto refused = outside.execute("BEGIN IMMEDIATE");
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(refused.error().os_errno == EBUSY);
    REQUIRE(other.execute("ROLLBACK").has_value());
}

}  // namespace edge::broker
