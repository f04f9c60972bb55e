#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "agent/launcher/sandbox/loaded_files.hpp"

using namespace edge;
using namespace edge::launcher;

TEST_CASE("what the loader lists is read as paths") {
    const auto paths = paths_listed(
        "\tlinux-vdso.so.1 (0x00007ffd)\n"
        "\tlibcares.so.2 => /lib/x86_64-linux-gnu/libcares.so.2 (0x00007f1c)\n"
        "\t/lib64/ld-linux-x86-64.so.2 (0x00007f2d)\n");
    REQUIRE(paths);
    CHECK(paths.value() ==
          std::vector<std::string>{"/lib/x86_64-linux-gnu/libcares.so.2", "/lib64/ld-linux-x86-64.so.2"});
    CHECK(paths_listed("\tlibgone.so.1 => not found\n").error().message() ==
          "libgone.so.1 => not found: install the library");
}

TEST_CASE("this program's own files are found, each once, itself first") {
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    const auto files = loaded_files(self);
    REQUIRE(files);
    auto sorted = files.value();
    CHECK(sorted[0] == self);
    for (const auto& file : sorted) CHECK(std::filesystem::exists(file));
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::unique(sorted.begin(), sorted.end()) == sorted.end());
    CHECK(std::any_of(sorted.begin(), sorted.end(),
                      [](const auto& file) { return file.find("libc.so.6") != std::string::npos; }));
}

TEST_CASE("what is no program is refused") {
    CHECK(loaded_files("/etc/hostname").error().message() == "/etc/hostname: is no program for this machine");
    CHECK(loaded_files("/nowhere/edge-probe").error().code == Errc::bad_value);
}
