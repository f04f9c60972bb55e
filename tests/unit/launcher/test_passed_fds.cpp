#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/launcher/os/passed_fds.hpp"

using namespace edge::launcher;

TEST_CASE("a packet whose descriptor finds no room is told from the end of the other side") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    const Fd here(ends[0]);
    Fd there(ends[1]);
    const std::byte word[4]{std::byte{1}};
    const int passed = here.get();
    for (int i = 0; i < 2; ++i) REQUIRE(send_with_fds(there.get(), word, {&passed, 1}));
    std::byte buffer[4];
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const Fd lowest(::dup(here.get()));
    const rlimit full{static_cast<rlim_t>(lowest.get()) + 1, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &full) == 0);
    const auto short_of = receive_with_fds(here.get(), buffer);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(short_of.bytes == 4);
    CHECK(short_of.truncated);
    CHECK(short_of.fds.empty());
    const auto whole = receive_with_fds(here.get(), buffer);
    CHECK_FALSE(whole.truncated);
    CHECK(whole.fds.size() == 1);
    there.reset();
    CHECK(receive_with_fds(here.get(), buffer).bytes == 0);
}
