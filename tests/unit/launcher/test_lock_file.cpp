// A lock beside a user's socket: what else has its name is left alone.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/launcher/os/files.hpp"
#include "agent/launcher/os/lock_file.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

struct Folder {
    std::string path = "/tmp/edge-lock-test.XXXXXX";
    Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string lock() const { return path + "/s.lock"; }
    void write(const std::string& text) const { std::ofstream(lock()) << text; }
};

}  // namespace

TEST_CASE("it is held by one, tells whose it is, and goes with its holder") {
    const Folder folder;
    {
        const auto lock = LockFile::take_at(folder.lock(), "a note");
        REQUIRE(lock);
        CHECK(read_file(folder.lock()).value() == std::to_string(::getpid()) + "\na note");
        CHECK(LockFile::take_at(folder.lock()).error().code == Errc::conflict);  // by this very process
    }
    CHECK_FALSE(std::filesystem::exists(folder.lock()));
}

TEST_CASE("what a killed holder left is taken, and so is a file that is not written yet") {
    const Folder folder;
    for (const std::string left : {"4242\nits note", ""}) {
        CAPTURE(left);
        folder.write(left);
        CHECK(LockFile::take_at(folder.lock()));
    }
}

TEST_CASE("a file that is no lock of ours is refused, and stays as it is") {
    const Folder folder;
    std::string text = "4242\n";
    SUBCASE("of other words") {
        text = "my poetry deps\n";
    }
    SUBCASE("of a number alone") {
        text = "4242";
    }
    SUBCASE("under two names") {
        folder.write(text);
        std::filesystem::create_hard_link(folder.lock(), folder.path + "/other");
    }
    SUBCASE("of somebody else's") {
        folder.write(text);
        if (::chown(folder.lock().c_str(), 4242, 4242) != 0) return;  // takes root
    }
    folder.write(text);
    const auto lock = LockFile::take_at(folder.lock());
    REQUIRE_FALSE(lock);
    CHECK(lock.error().code == Errc::io);
    CHECK(lock.error().message().find("no lock of ours; move it") != std::string::npos);
    CHECK(read_file(folder.lock()).value() == text);
}
