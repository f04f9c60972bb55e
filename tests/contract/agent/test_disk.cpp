#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "agent/disk/posix_disk.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

class Directory {
  public:
    Directory() {
        char name[] = "/tmp/edge-disk-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

void each_disk(const std::function<void(Disk&)>& check) {
    SUBCASE("the real one") {
        const Directory directory;
        auto disk = PosixDisk::open(directory.path());
        REQUIRE(disk);
        check(disk.value());
    }
    SUBCASE("the fake") {
        ForgetfulDisk disk;
        check(disk);
    }
}

}  // namespace

TEST_CASE("what was appended is read back, whole and in part") {
    each_disk([](Disk& disk) {
        REQUIRE(disk.append("a", "hello "));
        REQUIRE(disk.append("a", "world"));
        REQUIRE(disk.sync("a"));
        CHECK(disk.read("a").value() == "hello world");
        CHECK(disk.read_at("a", 6, 5).value() == "world");
        CHECK(disk.read_at("a", 6, 6).error().code == Errc::io);
    });
}

TEST_CASE("a file that is not there is not_found, and removing it is fine") {
    each_disk([](Disk& disk) {
        CHECK(disk.read("none").error().code == Errc::not_found);
        CHECK(disk.remove("none"));
        CHECK(disk.rename("none", "other").error().code == Errc::not_found);
    });
}

TEST_CASE("truncating shortens, and appending goes on at the new end") {
    each_disk([](Disk& disk) {
        REQUIRE(disk.append("a", "0123456789"));
        REQUIRE(disk.truncate("a", 4));
        REQUIRE(disk.append("a", "x"));
        CHECK(disk.read("a").value() == "0123x");
    });
}

TEST_CASE("replace makes the file, and changes all of it") {
    each_disk([](Disk& disk) {
        REQUIRE(disk.replace("a", "one"));
        CHECK(disk.read("a").value() == "one");
        REQUIRE(disk.replace("a", "two!"));
        CHECK(disk.read("a").value() == "two!");
        CHECK(disk.list().value() == std::vector<std::string>{"a"});
    });
}

TEST_CASE("a renamed or removed file is not written to under its old name") {
    each_disk([](Disk& disk) {
        REQUIRE(disk.append("a", "old"));
        CHECK(disk.read_at("a", 0, 3).value() == "old");
        REQUIRE(disk.rename("a", "b"));
        REQUIRE(disk.append("a", "new"));
        CHECK(disk.read("b").value() == "old");
        CHECK(disk.read_at("a", 0, 3).value() == "new");
        REQUIRE(disk.remove("a"));
        REQUIRE(disk.append("a", "third"));
        CHECK(disk.read("a").value() == "third");
        REQUIRE(disk.sync_names());
        CHECK(disk.list().value() == std::vector<std::string>{"a", "b"});
    });
}

TEST_CASE("the real disk makes files for its owner alone and lets one process in") {
    const Directory directory;
    auto disk = PosixDisk::make(directory.path() + "/state");
    REQUIRE(disk);
    REQUIRE(disk.value().replace("key", "secret"));
    namespace fs = std::filesystem;
    CHECK(fs::status(directory.path() + "/state/key").permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(fs::status(directory.path() + "/state").permissions() == fs::perms::owner_all);
    REQUIRE(disk.value().lock());
    auto second = PosixDisk::open(directory.path() + "/state");
    REQUIRE(second);
    CHECK(second.value().lock().error().code == Errc::conflict);
    CHECK(PosixDisk::open(directory.path() + "/none").error().code == Errc::not_found);
}
