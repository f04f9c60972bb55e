// Copies of a store: taken while it is written, and made the store again.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "broker/store/schema.hpp"
#include "broker/store/sqlite_backup.hpp"
#include "broker/store/sqlite_store.hpp"
#include "tests/contract/store/both_stores.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/contract/store/temporary_folder.hpp"

namespace edge::broker {
namespace {

namespace fs = std::filesystem;
using sqlite::Connection;

using samples::kNow;

std::set<std::string> files_in(const std::string& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
    return names;
}

struct Folder {
    TemporaryFolder folder;
    std::string store = folder.path() + "/edge.db";
    std::string backup = folder.path() + "/backup.db";

    std::unique_ptr<Store> open() const { return std::move(open_sqlite_store(store).value()); }
    std::set<std::string> files() const { return files_in(folder.path()); }
};

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("a backup of a store in use is one file, private and whole, and nothing is overwritten by it") {
    Folder at;
    const auto store = at.open();
    seed(*store);
    REQUIRE(store->apply(Batch{samples::run(1, 3, 1)}).has_value());
    const auto made = back_up(at.store, at.backup);
    REQUIRE(made.has_value());
    CHECK(made.value().generation == store->load().value().generation.id);
    CHECK(made.value().bytes == fs::file_size(at.backup));
    struct stat status {};
    REQUIRE(::stat(at.backup.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(at.files() == std::set<std::string>{"backup.db", "edge.db", "edge.db-shm", "edge.db-wal", "edge.db.lock"});
    auto copy = Connection::open(at.backup, Connection::Mode::read_only).value();
    CHECK(copy.ask("PRAGMA integrity_check").value() == "ok");
    CHECK(copy.ask("SELECT count(*) FROM tasks").value() == "3");

    REQUIRE(store->apply(Batch{samples::run(2, 2, 4)}).has_value());
    const auto again = back_up(at.store, at.backup);
    REQUIRE(!again.has_value());
    CHECK(again.error().code == Errc::conflict);
    CHECK(copy.ask("SELECT count(*) FROM tasks").value() == "3");
    const auto nowhere = back_up(at.folder.path() + "/none.db", at.folder.path() + "/other.db");
    REQUIRE(!nowhere.has_value());
    CHECK(nowhere.error().code == Errc::not_found);
    CHECK(!at.files().contains("other.db"));
}

TEST_CASE("what was committed before a backup began is in it, whatever is written meanwhile, and it is whole") {
    Folder at;
    const auto store = at.open();
    seed(*store);
    std::atomic<std::int64_t> committed = 0;
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        for (std::int64_t run = 1; !stop; ++run) {
            if (!store->apply(Batch{samples::run(run, 4, 1 + (run - 1) * 4)}).has_value()) return;
            committed = run;
        }
    });
    const int rounds = std::getenv("EDGE_FULL") != nullptr ? 100 : 8;
    for (int round = 0; round < rounds; ++round) {
        const std::int64_t before = committed;
        const std::string file = at.backup + std::to_string(round);
        const auto made = back_up(at.store, file);
        REQUIRE(made.has_value());
        auto copy = Connection::open(file, Connection::Mode::read_only).value();
        const std::int64_t runs = std::stoll(copy.ask("SELECT count(*) FROM runs").value());
        CHECK(runs >= before);
        CHECK(copy.ask("SELECT count(*) FROM tasks").value() == std::to_string(runs * 4));
        CHECK(copy.ask("PRAGMA integrity_check").value() == "ok");
        CHECK(copy.ask("SELECT count(*) FROM pragma_foreign_key_check").value() == "0");
        while (committed == before) std::this_thread::yield();  // it is written meanwhile, and behind it
    }
    stop = true;
    writer.join();
    CHECK(committed >= rounds);
}

TEST_CASE("a restored store is the backup under a new generation, and what was there is kept") {
    Folder at;
    GenerationId before;
    {
        const auto store = at.open();
        seed(*store);
        REQUIRE(store->apply(Batch{samples::run(1, 3, 1)}).has_value());
        before = store->load().value().generation.id;
        REQUIRE(back_up(at.store, at.backup).has_value());
        REQUIRE(store->apply(Batch{samples::run(2, 2, 4)}).has_value());
        const auto refused = restore(at.store, at.backup, kNow);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == Errc::conflict);
    }
    const auto done = restore(at.store, at.backup, kNow);
    REQUIRE(done.has_value());
    CHECK(done.value().generation != before);
    CHECK(done.value().set_aside == at.store + ".before-20251129T070640Z");
    {
        const auto loaded = at.open()->load().value();
        CHECK(loaded.generation.id == done.value().generation);
        CHECK(loaded.generation.row == GenerationRow{2});
        CHECK(loaded.generation.restored_at == kNow);
        CHECK(loaded.unfinished.size() == 1);
        CHECK(loaded.nodes.at(0).joined_in != loaded.generation.row);
    }
    {
        auto aside = Connection::open(done.value().set_aside, Connection::Mode::read_write).value();
        CHECK(aside.ask("SELECT count(*) FROM runs").value() == "2");
        CHECK(aside.ask("PRAGMA integrity_check").value() == "ok");
    }
    struct stat status {};
    REQUIRE(::stat(at.store.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    SUBCASE("again in the same second: nothing is overwritten") {
        const auto files = at.files();
        const auto again = restore(at.store, at.backup, kNow);
        REQUIRE(!again.has_value());
        CHECK(again.error().code == Errc::conflict);
        CHECK(at.files() == files);
    }
    SUBCASE("again later") {
        const auto again = restore(at.store, at.backup, kNow + 5'000'000);
        REQUIRE(again.has_value());
        CHECK(again.value().generation != done.value().generation);
    }
}

TEST_CASE("a store whose writer was killed keeps what is in its log when it is set aside") {
    Folder at;
    REQUIRE((at.open(), true));
    REQUIRE(back_up(at.store, at.backup).has_value());
    const pid_t child = ::fork();
    if (child == 0) {
        const auto store = std::move(open_sqlite_store(at.store).value());
        (void)store->apply(Batch{PutNode{samples::node(1)}});
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(at.files().contains("edge.db-wal"));
    const auto done = restore(at.store, at.backup, kNow);
    REQUIRE(done.has_value());
    CHECK(!at.files().contains("edge.db-wal"));
    CHECK(at.open()->load().value().nodes.empty());
    auto aside = Connection::open(done.value().set_aside, Connection::Mode::read_write).value();
    CHECK(aside.ask("SELECT count(*) FROM nodes").value() == "1");
}

TEST_CASE("a backup that was copied back by hand begins a generation in its place") {
    Folder at;
    GenerationId before;
    {
        const auto store = at.open();
        seed(*store);
        before = store->load().value().generation.id;
        const auto refused = restore_in_place(at.store, kNow);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == Errc::conflict);
    }
    const auto done = restore_in_place(at.store, kNow);
    REQUIRE(done.has_value());
    CHECK(done.value().set_aside.empty());
    const auto loaded = at.open()->load().value();
    CHECK(loaded.generation.id == done.value().generation);
    CHECK(loaded.generation.id != before);
    CHECK(loaded.nodes.size() == 1);
}

TEST_CASE("what is no whole store of ours is refused, and changes nothing") {
    Folder at;
    {
        const auto store = at.open();
        seed(*store);
        REQUIRE(back_up(at.store, at.backup).has_value());
    }
    struct Case {
        const char* name;
        Errc code;
    };
    const auto make = [&](std::string_view name, const std::string& path) {
        if (name == "text")
            write_file(path, "not a database, and longer than the header of one is: " + std::string(200, 'x'));
        if (name == "another database") {
            auto db = Connection::open(path, Connection::Mode::read_write).value();
            REQUIRE(db.execute("CREATE TABLE t (a)").has_value());
        }
        if (name == "of a newer broker") {
            fs::copy_file(at.backup, path);
            auto db = Connection::open(path, Connection::Mode::read_write).value();
            REQUIRE(db.execute("PRAGMA user_version = 9999").has_value());
        }
        if (name == "damaged") {
            fs::copy_file(at.backup, path);
            std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
            for (int page = 3; page < 20; ++page) {
                file.seekp(page * 4096);
                file << std::string(2'000, '\x7f');
            }
        }
    };
    for (const Case& one :
         {Case{"text", Errc::io}, Case{"another database", Errc::bad_value},
          Case{"of a newer broker", Errc::unsupported}, Case{"damaged", Errc::io}, Case{"missing", Errc::not_found}}) {
        CAPTURE(std::string(one.name));
        const std::string path = at.folder.path() + "/given";
        fs::remove(path);
        make(one.name, path);
        const auto files = at.files();
        const auto refused = restore(at.store, path, kNow);
        REQUIRE(!refused.has_value());
        CHECK_MESSAGE(refused.error().code == one.code, refused.error().message());
        CHECK(refused.error().where == path);
        CHECK(at.files() == files);
        CHECK(at.open()->load().value().nodes.size() == 1);
    }
    const auto itself = restore(at.store, at.store, kNow);
    REQUIRE(!itself.has_value());
    CHECK(itself.error().detail.find("--in-place") != std::string::npos);
}

TEST_CASE("a backup of an older schema is brought up to date when it is restored") {
    Folder at;
    {
        auto db = Connection::open(at.backup, Connection::Mode::read_write).value();
        REQUIRE(migrate(db, schema_steps().first(7)).has_value());
    }
    const auto done = restore(at.store, at.backup, kNow);
    REQUIRE(done.has_value());
    CHECK(at.open()->load().value().generation.id == done.value().generation);
}

TEST_CASE("a store that another broker has is refused at once") {
    Folder at;
    const auto store = at.open();
    const auto began = std::chrono::steady_clock::now();
    const auto second = open_sqlite_store(at.store);
    REQUIRE(!second.has_value());
    CHECK(second.error().code == Errc::conflict);
    CHECK(second.error().detail.find("another edge-broker") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(1));
}

TEST_CASE("a damaged store is refused at the start, and a check that takes too long is cut and says so") {
    Folder at;
    {
        const auto store = at.open();
        seed(*store);
        for (std::int64_t run = 1; run <= 40; ++run)
            REQUIRE(store->apply(Batch{samples::run(run, 1'000, 1 + (run - 1) * 1'000)}).has_value());
    }
    StartCheck whole;
    REQUIRE(open_sqlite_store(at.store, whole).has_value());
    CHECK(whole.is_whole);
    StartCheck none{.limit = std::chrono::milliseconds(1)};
    auto opened = open_sqlite_store(at.store, none);
    REQUIRE(opened.has_value());
    CHECK(!none.is_whole);
    CHECK(opened.value()->load().value().unfinished.size() == 40);
    opened.value().reset();
    {
        std::fstream file(at.store, std::ios::in | std::ios::out | std::ios::binary);
        const auto pages = static_cast<int>(fs::file_size(at.store) / 4096);
        for (int page = pages / 2; page < pages / 2 + 20; ++page) {
            file.seekp(page * 4096);
            file << std::string(1'000, '\x7f');
        }
    }
    const auto refused = open_sqlite_store(at.store);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::io);
    CHECK(refused.error().where == at.store);
    CHECK(refused.error().detail.find("edge-broker restore") != std::string::npos);
    CHECK(!back_up(at.store, at.backup).has_value());
    CHECK(!at.files().contains("backup.db"));
    CHECK(!at.files().contains("backup.db.part"));
}

// ── a migration that is killed ──

namespace {

/// From an empty file to the newest schema, killed before the statement with this number. True: it came to its end.
bool migrate_until(const std::string& path, int statement) {
    static int left = 0;
    const pid_t child = ::fork();
    if (child == 0) {
        auto db = Connection::open(path, Connection::Mode::read_write).value();
        (void)db.execute("PRAGMA journal_mode = WAL");
        left = statement;
        sqlite3_trace_v2(
            db.handle(), SQLITE_TRACE_STMT,
            [](unsigned, void*, void*, void*) {
                if (--left == 0) ::kill(::getpid(), SIGKILL);
                return 0;
            },
            nullptr);
        ::_exit(migrate(db).has_value() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) return false;
    REQUIRE(WEXITSTATUS(status) == 0);
    return true;
}

std::string schema_of(const std::string& path) {
    auto db = Connection::open(path, Connection::Mode::read_write).value();
    CHECK(db.ask("PRAGMA integrity_check").value() == "ok");
    return db.ask("PRAGMA user_version").value() + db.ask(
                                                         "SELECT group_concat(sql, char(10)) FROM "
                                                         "(SELECT sql FROM sqlite_schema ORDER BY name)")
                                                       .value();
}

}  // namespace

TEST_CASE("a migration that is killed at any of its statements is taken up where it was") {
    TemporaryFolder folder;
    const std::string whole = folder.path() + "/whole.db";
    REQUIRE(migrate_until(whole, 1 << 30));
    const std::string wanted = schema_of(whole);
    int kills = 0;
    for (int statement = 1;; ++statement) {
        CAPTURE(statement);
        const std::string path = folder.path() + "/" + std::to_string(statement) + ".db";
        const bool ended = migrate_until(path, statement);
        kills += ended ? 0 : 1;
        auto store = open_sqlite_store(path);
        REQUIRE(store.has_value());
        store.value().reset();
        CHECK(schema_of(path) == wanted);
        if (ended) break;
    }
    CHECK(kills > 30);
}

}  // namespace edge::broker
