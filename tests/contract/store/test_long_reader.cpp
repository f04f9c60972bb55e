// Somebody who reads the store's file for long: the log grows meanwhile, that is told, and it is copied back in the
// end.
#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>

#include "broker/store/group_writer.hpp"
#include "broker/store/sqlite.hpp"
#include "broker/store/sqlite_store.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/contract/store/temporary_folder.hpp"

namespace edge::broker {
namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kMost = 48 * kMiB;        // of the log; SQLite cuts it to 32 MiB when it begins anew
constexpr std::uint32_t kResults = 8;             // of a batch, of 128 KiB each
constexpr std::uint64_t kCopiedBack = 33 * kMiB;  // 32 MiB, and the commit that cut it

/// A store that is written, each batch waited for, and what is told of its log.
struct Written {
    Written() { write({PutNode{samples::node(1)}, PutSpool{samples::spool(1, 1)}}); }

    void write(Batch batch) {
        std::unique_lock lock(mutex);
        const std::uint64_t id = ++pushed;
        writer.push({{id, std::move(batch), false}});
        REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return done == id; }));
    }
    void write_a_mebibyte() {
        ++run;
        const AddRun added = samples::run(run, kResults, run * kResults);
        Batch batch{added};
        const std::string detail = "{\"text\":\"" + std::string(kMiB / kResults, 'x') + "\"}";
        for (std::uint32_t task = 0; task < kResults; ++task)
            batch.push_back(samples::result(run * kResults + task, added, task, ++n, detail));
        write(std::move(batch));
    }

    TemporaryFolder folder;
    std::string path = folder.path() + "/broker.db";
    std::unique_ptr<Store> store = std::move(open_sqlite_store(path).value());
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t pushed = 0, done = 0, n = 0;
    std::int64_t run = 0;
    std::vector<bool> told;  // it is long, or it is back
    std::vector<std::uint64_t> at;
    GroupWriter writer{*store,
                       {.done =
                            [this](const std::vector<GroupWriter::Outcome>& outcomes) {
                                const std::lock_guard lock(mutex);
                                done = outcomes.back().id;
                                changed.notify_all();
                            },
                        .room_changed = [](const auto&) {},
                        .log_changed =
                            [this](bool is_long, std::uint64_t bytes) {
                                const std::lock_guard lock(mutex);
                                told.push_back(is_long);
                                at.push_back(bytes);
                            },
                        .fatal = [](const Error& error) { FAIL(error.message()); }},
                       {},
                       kMost};
};

}  // namespace

TEST_CASE("a log that a reader lets grow is told once, and once when it is back") {
    Written it;
    for (int i = 0; i < 40; ++i) it.write_a_mebibyte();
    CHECK(it.writer.log_bytes() < kCopiedBack);  // nobody reads
    for (int round = 1; round <= 2; ++round) {
        CAPTURE(round);
        auto reader = sqlite::Connection::open(it.path, sqlite::Connection::Mode::read_only);
        REQUIRE(reader);
        REQUIRE(reader.value().execute("BEGIN; SELECT count(*) FROM results"));
        const std::string before = reader.value().ask("SELECT count(*) FROM results").value();
        for (int i = 0; i < 60; ++i) it.write_a_mebibyte();
        CHECK(it.writer.log_bytes() > 60 * kMiB);
        CHECK(it.told.size() == static_cast<std::size_t>(2 * round - 1));
        CHECK(reader.value().ask("SELECT count(*) FROM results").value() == before);
        REQUIRE(reader.value().execute("COMMIT"));
        for (int i = 0; i < 20; ++i) it.write_a_mebibyte();  // 16 MiB later it is copied back, and begun anew and cut
        CHECK(it.writer.log_bytes() < kCopiedBack);
    }
    CHECK(it.told == std::vector<bool>{true, false, true, false});
    for (const std::size_t grown : {0, 2}) CHECK(it.at[grown] > kMost);
    for (const std::size_t back : {1, 3}) CHECK(it.at[back] < kCopiedBack);
}

}  // namespace edge::broker
