#include "agent/health/prefix_scan.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

using namespace edge;
using namespace edge::agent;

namespace {

struct File {
    std::string path = "/tmp/edge-prefixes-" + std::to_string(::getpid()) + ".txt";
    ~File() { ::unlink(path.c_str()); }
    /// Replaced whole, as an operator should: another inode.
    void write(const std::string& text) const {
        std::ofstream(path + ".new") << text;
        REQUIRE(std::rename((path + ".new").c_str(), path.c_str()) == 0);
    }
};

struct ScanRig {
    boost::asio::io_context io;
    std::vector<std::string> found;
    PrefixScan scan;
    explicit ScanRig(const std::string& path)
        : scan(io, path, [this](const std::string& address, const std::optional<Origin>& origin) {
              found.push_back(address + " " + (origin ? origin->text() : "nothing"));
          }) {}
    std::size_t run() {
        io.restart();
        return io.run();
    }
};

}  // namespace

TEST_CASE("a file is read in pieces, once for an address, and again when it is another file") {
    const File file;
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "10.0.0.0/8 AS64500\n";
    file.write(text + "203.0.113.0/24 AS4134 ct\n");
    ScanRig rig(file.path);
    rig.scan.find("203.0.113.7");
    rig.scan.find("8.8.8.8");  // while it is being read
    CHECK(rig.found.empty());
    CHECK(rig.run() > 10);  // turns of the loop
    CHECK(rig.found == std::vector<std::string>{"203.0.113.7 AS4134 ct", "8.8.8.8 nothing"});
    rig.scan.find("203.0.113.7");
    CHECK(rig.found.size() == 3);
    CHECK(rig.run() == 0);

    file.write("203.0.113.0/24 AS9808 cm\n");
    rig.scan.find("203.0.113.7");
    rig.run();
    CHECK(rig.found.back() == "203.0.113.7 AS9808 cm");
}

TEST_CASE("a file that is gone tells nothing, and is read when it is there again") {
    const File file;
    ScanRig rig(file.path);
    rig.scan.find("203.0.113.7");
    rig.run();
    CHECK(rig.found == std::vector<std::string>{"203.0.113.7 nothing"});
    file.write("203.0.113.0/24 AS4134 ct\n");
    rig.scan.find("203.0.113.7");
    rig.run();
    CHECK(rig.found.back() == "203.0.113.7 AS4134 ct");
}

TEST_CASE("what is wrong with a file is said at the start, with its lines") {
    const File file;
    CHECK(check_prefix_file(file.path).at(0).message().starts_with(file.path + ": cannot be read"));
    file.write("203.0.113.0/24 AS4134 ct\n203.0.113.0/24 ct\n\n10.0.0.0/8\n");
    const auto problems = check_prefix_file(file.path);
    REQUIRE(problems.size() == 2);
    CHECK(problems[0].where == file.path + ":2");
    CHECK(problems[1].where == file.path + ":4");
}
