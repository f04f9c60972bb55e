#include "probes/ping/control_messages.hpp"

#include <doctest/doctest.h>
#include <linux/errqueue.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <string>

using namespace edge;
using namespace edge::probes;

namespace {

template <class T>
std::string bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string message(int level, int type, const std::string& payload) {
    std::string bytes(CMSG_SPACE(payload.size()), '\0');
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(payload.size());
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + CMSG_LEN(0), payload.data(), payload.size());
    return bytes;
}

ControlFacts read(std::string control) {
    msghdr header{};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    return read_control(header);
}

std::string unreachable() {
    sock_extended_err why{};
    why.ee_errno = EHOSTUNREACH;
    why.ee_origin = SO_EE_ORIGIN_ICMP;
    why.ee_type = 3;
    why.ee_code = 1;
    return bytes_of(why);
}

std::string offender() {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(0xc0000209);
    return bytes_of(four);
}

}  // namespace

TEST_CASE("time and TTL stand beside a reply") {
    const auto facts = read(message(SOL_SOCKET, SCM_TIMESTAMPNS, bytes_of(timespec{5, 7})) +
                            message(IPPROTO_IP, IP_TTL, bytes_of(57)));
    CHECK(facts.stamped == std::chrono::nanoseconds(5'000'000'007));
    CHECK(facts.ttl == 57u);
    CHECK_FALSE(facts.error);
}

TEST_CASE("an error says what, and who sent it") {
    const auto facts = read(message(IPPROTO_IP, IP_RECVERR, unreachable() + offender()));
    REQUIRE(facts.error);
    CHECK(facts.error->type == 3);
    CHECK(facts.error->code == 1);
    CHECK(facts.error->os_errno == EHOSTUNREACH);
    CHECK_FALSE(facts.error->is_local);
    REQUIRE(facts.error->from);
    CHECK(facts.error->from->text() == "192.0.2.9");
    CHECK_FALSE(read(message(IPPROTO_IP, IP_RECVERR, unreachable())).error->from);
}

TEST_CASE("what is too short, or said to be longer than there is, is left out") {
    CHECK_FALSE(read(message(IPPROTO_IP, IP_RECVERR, "\x71")).error);
    CHECK_FALSE(read(message(IPPROTO_IP, IP_TTL, "ab")).ttl);
    std::string too_long = message(IPPROTO_IP, IP_RECVERR, unreachable() + offender());
    const std::size_t length = 4096;
    std::memcpy(too_long.data(), &length, sizeof length);
    CHECK_FALSE(read(too_long).error);
    CHECK_FALSE(read("").ttl);
}

TEST_CASE("a clock that is set beyond reason tells no time") {
    CHECK_FALSE(read(message(SOL_SOCKET, SCM_TIMESTAMPNS, bytes_of(timespec{1LL << 62, 0}))).stamped);
    CHECK_FALSE(read(message(SOL_SOCKET, SCM_TIMESTAMPNS, bytes_of(timespec{-1, 0}))).stamped);
}
