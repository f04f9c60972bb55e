// Which address of a name comes first, by what was asked; against a name server of the test's own.
#include <doctest/doctest.h>

#include "probes/resolve/resolver.hpp"
#include "tests/unit/probes/loopback/own_network.hpp"
#include "tests/unit/probes/loopback/servers.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

/// 198.18.0.10 and 2001:db8::10, whatever is asked.
Bytes both(const Bytes& query) {
    Bytes answer = dns_answer(query);
    if (answer[7] == 1) return answer;
    answer[7] = 1;
    answer.insert(answer.end(), {0xc0, 0x0c, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16});
    answer.insert(answer.end(), {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10});
    return answer;
}

std::vector<std::string> resolved(boost::asio::io_context& io, Resolver& resolver, const std::string& name,
                                  Family family) {
    std::vector<std::string> texts;
    bool is_done = false;
    resolver.resolve(name, family, [&](const Lookup& lookup) {
        for (const IpAddress& one : lookup.addresses) texts.push_back(one.text());
        if (!lookup.code.empty()) texts.push_back(lookup.code);
        is_done = true;
    });
    io.restart();
    while (!is_done && io.run_one() > 0) {
    }
    return texts;
}

}  // namespace

TEST_CASE("a name's addresses come by family as asked: IPv4 first, or IPv6 first, or one of them alone") {
    const std::pair<Family, std::vector<std::string>> table[] = {
        {Family::any, {"198.18.0.10", "2001:db8::10"}},
        {Family::v6_first, {"2001:db8::10", "198.18.0.10"}},
        {Family::v4, {"198.18.0.10"}},
        {Family::v6, {"2001:db8::10"}},
    };
    std::vector<std::vector<std::string>> found;
    const bool has_run = in_own_network([&] {
        boost::asio::io_context io;
        UdpServer server(
            io, [](const Bytes& query) { return std::vector<Bytes>{both(query)}; }, 53);
        Resolver resolver(io, {IpAddress::parse("127.0.0.1").value()});
        for (const auto& [family, expected] : table) found.push_back(resolved(io, resolver, "www.lab.test", family));
    });
    if (!has_run) {
        MESSAGE("skipped: no network namespace of our own (needs root)");
        return;
    }
    REQUIRE(found.size() == std::size(table));
    for (std::size_t i = 0; i < found.size(); ++i) {
        CAPTURE(i);
        CHECK(found[i] == table[i].second);
    }
}

TEST_CASE("an address is its own answer, of its family") {
    boost::asio::io_context io;
    Resolver resolver(io, {});
    CHECK(resolved(io, resolver, "192.0.2.1", Family::v6_first) == std::vector<std::string>{"192.0.2.1"});
    CHECK(resolved(io, resolver, "2001:db8::1", Family::v6_first) == std::vector<std::string>{"2001:db8::1"});
    CHECK(resolved(io, resolver, "192.0.2.1", Family::v6) == std::vector<std::string>{"NODATA"});
}
