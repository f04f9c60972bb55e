// The power goes while the store writes, again and again: whatever the disk forgets, what was committed is there.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "broker/store/sqlite_store.hpp"
#include "tests/contract/store/power_cut.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/contract/store/temporary_folder.hpp"

namespace edge::broker {
namespace {

constexpr std::uint32_t kTasks = 4;
constexpr std::size_t kLookedAt = 25;  // of what was committed, after each cut; all of it in the end

/// A store's file through its machine's life.
struct Life {
    TemporaryFolder folder;
    PowerCut power;
    std::mt19937 random{7};
    std::vector<RunId> committed;
    std::int64_t next_row = 1;
    std::uint64_t next_n = 1;
    std::size_t duplicated = 0;  // of what was looked at

    std::unique_ptr<Store> open() {
        StartCheck check;
        auto store = open_sqlite_store(folder.path() + "/broker.db", check);
        if (!store) return nullptr;
        CHECK(check.is_whole);
        return std::move(store.value());
    }

    Batch batch() {
        const AddRun added = samples::run(next_row, kTasks, next_row * kTasks);
        Batch batch{added};
        for (std::uint32_t task = 0; task < kTasks; ++task) {
            // Some are large, so that a commit is many pages, and the log is soon to be written into the file.
            const std::string detail = "{\"text\":\"" + std::string(random() % 8 == 0 ? 30'000 : 200, 'x') + "\"}";
            batch.push_back(samples::result(next_row * kTasks + task, added, task, next_n++, detail));
        }
        ++next_row;
        return batch;
    }

    /// Until the power goes.
    void write() {
        const auto store = open();
        if (!store || !store->load()) return;
        while (!power.is_cut()) {
            std::vector<Batch> group;
            std::vector<RunId> runs;
            for (std::uint32_t i = 0; i <= random() % 3; ++i) {
                group.push_back(batch());
                runs.push_back(std::get<AddRun>(group.back()[0]).run.id);
            }
            if (store->apply(group)) committed.insert(committed.end(), runs.begin(), runs.end());
            if (random() % 8 == 0) (void)store->idle();
        }
    }

    /// How many of the newest that were committed are not there, whole.
    std::size_t missing(std::size_t looked_at) {
        const auto store = open();
        REQUIRE(store);
        REQUIRE(store->load());
        std::size_t count = 0;
        const std::size_t from = committed.size() > looked_at ? committed.size() - looked_at : 0;
        for (std::size_t i = from; i < committed.size(); ++i) {
            const auto results = store->results(committed[i], {.limit = 10, .cursor = {}});
            REQUIRE(results);
            count += results.value().items.size() < kTasks;
            duplicated += results.value().items.size() > kTasks;
        }
        return count;
    }
};

void begin(Life& life) {
    const auto store = life.open();
    REQUIRE(store);
    REQUIRE(store->load());
    REQUIRE(store->apply(Batch{PutNode{samples::node(1)}, PutSpool{samples::spool(1, 1)}}));
}

}  // namespace

TEST_CASE("what was committed outlives a power cut at any write, sync or removal") {
    constexpr PowerCut::Leaves kLeaves[]{PowerCut::Leaves::nothing, PowerCut::Leaves::all,
                                         PowerCut::Leaves::some_sectors};
    const int rounds = std::getenv("EDGE_FULL") ? 2'000 : 200;
    Life life;
    begin(life);
    for (int round = 0; round < rounds; ++round) {
        CAPTURE(round);
        life.power.cut_at(static_cast<int>(life.random() % 160) + 1);
        life.write();
        REQUIRE(life.power.is_cut());
        life.power.restart(kLeaves[life.random() % 3], life.random);
        REQUIRE(life.missing(kLookedAt) == 0);
    }
    const std::size_t lost = life.missing(life.committed.size());
    std::printf("seen: %d power cuts of the store's disk: %zu lost, %zu duplicated of %zu runs of %u results\n", rounds,
                lost, life.duplicated, life.committed.size(), kTasks);
    CHECK(lost == 0);
    CHECK(life.duplicated == 0);
    CHECK(life.committed.size() > static_cast<std::size_t>(rounds));
}

TEST_CASE("a disk that only says that it synced is found out") {
    Life life;
    begin(life);
    life.power.lie();
    life.power.cut_at(400);
    life.write();
    life.power.restart(PowerCut::Leaves::nothing, life.random);
    CHECK(life.missing(life.committed.size()) > 0);
}

}  // namespace edge::broker
