#include <doctest/doctest.h>

#include "probes/resolve/target.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

Lookup found(std::initializer_list<const char*> addresses) {
    Lookup lookup;
    for (const char* text : addresses) lookup.addresses.push_back(IpAddress::parse(text).value());
    return lookup;
}

Lookup code(const char* text) {
    Lookup lookup;
    lookup.code = text;
    return lookup;
}

TargetPolicy policy() {
    TargetPolicy p;
    p.services = {Service::http};
    return p;
}

}  // namespace

TEST_CASE("the first address that policy allows is taken") {
    CHECK(std::get<IpAddress>(choose_target("a.test", found({"1.1.1.1", "8.8.8.8"}), policy(), 80)).text() ==
          "1.1.1.1");
    CHECK(
        std::get<IpAddress>(choose_target("a.test", found({"10.0.0.1", "1.1.1.1", "fd00::1"}), policy(), 80)).text() ==
        "1.1.1.1");
}

TEST_CASE("P3: a name with nothing but forbidden addresses is refused, whatever they are") {
    const auto none = choose_target("rebind.test", found({"127.0.0.1", "::1", "169.254.169.254"}), policy(), 80);
    REQUIRE(std::holds_alternative<NoTarget>(none));
    CHECK(std::get<NoTarget>(none).status == Status::refused);
    CHECK(std::get<NoTarget>(none).failure.source == Source::policy);
    CHECK(std::get<NoTarget>(none).failure.phase == "resolve");
    CHECK(std::get<NoTarget>(none).failure.code == "denied");
    const auto literal = choose_target("127.0.0.1", found({"127.0.0.1"}), policy(), 80);
    CHECK(std::get<NoTarget>(literal).failure.phase == "connect");
}

TEST_CASE("a name without an address fails as the resolver's, by code") {
    for (const char* text : {"NXDOMAIN", "SERVFAIL", "timeout", "NODATA"}) {
        const auto none = choose_target("a.test", code(text), policy(), 80);
        CHECK(std::get<NoTarget>(none).status == Status::failed);
        CHECK(std::get<NoTarget>(none).failure.source == Source::resolver);
        CHECK(std::get<NoTarget>(none).failure.code == text);
    }
    CHECK(std::get<NoTarget>(choose_target("a.test", code("no_resolver"), policy(), 80)).failure.source ==
          Source::agent);
}

TEST_CASE("nameservers of a resolv.conf") {
    const auto found_servers = nameservers(
        "# nameserver 9.9.9.9\nsearch lab\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver\n"
        "nameserver 2001:db8::53 trailing\noptions ndots:1\n");
    CHECK(texts(found_servers) == std::vector<std::string>{"192.0.2.53", "2001:db8::53"});
    CHECK(nameservers("").empty());
}
