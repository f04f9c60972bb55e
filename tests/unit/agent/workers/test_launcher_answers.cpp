#include <doctest/doctest.h>

#include <cerrno>

#include "agent/workers/launcher_answers.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

template <class B>
std::string packet_of(const B& body, std::int32_t status = 0) {
    launcher::Packet<B> packet;
    packet.header = {.type = launcher::Type::route_get, .serial = 1, .status = status};
    packet.body = body;
    return {reinterpret_cast<const char*>(&packet), sizeof packet};
}

}  // namespace

TEST_CASE("a whole answer gives its body") {
    const auto route = body_of<launcher::Route>(packet_of(good_route()));
    REQUIRE(route);
    CHECK(route.value().table == 101);
}

TEST_CASE("an answer of another size, version or magic is none") {
    const std::string packet = packet_of(good_route());
    CHECK(body_of<launcher::Route>("").error().code == Errc::bad_syntax);
    CHECK(body_of<launcher::Route>(packet.substr(0, sizeof(launcher::Header) - 1)).error().code == Errc::bad_syntax);
    CHECK(body_of<launcher::Route>(packet.substr(0, packet.size() - 1)).error().code == Errc::bad_syntax);
    CHECK(body_of<launcher::Route>(packet + '\0').error().code == Errc::bad_syntax);
    std::string other = packet;
    other[0] ^= 1;
    CHECK(body_of<launcher::Route>(other).error().code == Errc::unsupported);
    other = packet;
    other[offsetof(launcher::Header, version)] ^= 2;
    CHECK(body_of<launcher::Route>(other).error().code == Errc::unsupported);
}

TEST_CASE("a refusal says what the launcher said, as far as its packet goes") {
    launcher::Failure failure;
    CHECK(body_of<launcher::Spawned>(packet_of(failure, ENOENT)).error().detail == std::strerror(ENOENT));
    std::memset(failure.text, 'n', sizeof failure.text);
    const auto refused = body_of<launcher::Spawned>(packet_of(failure, EACCES));
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(refused.error().detail == std::string(sizeof failure.text, 'n'));
    const std::string cut = packet_of(failure, EACCES).substr(0, sizeof(launcher::Header) + 3);
    CHECK(body_of<launcher::Spawned>(cut).error().detail == "nnn");
}
