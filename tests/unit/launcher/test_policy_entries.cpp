#include <doctest/doctest.h>

#include <cerrno>
#include <set>

#include "agent/launcher/packets.hpp"
#include "agent/launcher/policy_entries.hpp"

using namespace edge;
using namespace edge::launcher;

TEST_CASE("a policy is told whole, four entries a packet") {
    Policy policy;
    policy.services = {"dns", "traceroute"};
    policy.targets.allow = {IpPrefix::parse("10.0.0.0/8").value(), IpPrefix::parse("fd00::/8").value()};
    policy.targets.deny = {IpPrefix::parse("192.0.2.0/24").value()};
    policy.targets.ports = {53, 443};
    policy.targets.only = {TargetPort::parse("[2001:db8::7]:7480").value()};
    policy.line.bytes_per_day = 10'000'000'000;
    policy.host.cpu_pressure_percent = 33;
    const auto entries = policy_entries(policy);
    std::vector<PolicyEntry> told;
    std::uint32_t parts = 1;
    for (std::uint32_t part = 0; part < parts; ++part) {
        const auto answer = policy_part(entries, part);
        REQUIRE(answer);
        CHECK(answer.value().part == part);
        parts = answer.value().parts;
        for (const auto& entry : answer.value().entries)
            if (entry.fact != PolicyFact{}) told.push_back(entry);
    }
    REQUIRE(told.size() == entries.size());
    CHECK(policy_part(entries, parts).error().os_errno == ENOENT);
    CHECK(std::string(told[1].text) == "traceroute");
    CHECK(told[3].fact == PolicyFact::allow);
    CHECK(address_in(told[3].address)->text() == "fd00::");
    CHECK(told[3].number == 8);
    CHECK(told[4].fact == PolicyFact::deny);
    CHECK(told[6].number == 443);
    CHECK(told[7].fact == PolicyFact::only);
    CHECK(address_in(told[7].address)->text() == "2001:db8::7");
    CHECK(told[7].number == 7480);
    std::set<PolicyFact> facts;
    std::uint64_t day = 0, pressure = 0;
    for (const auto& entry : told) {
        facts.insert(entry.fact);
        if (entry.fact == PolicyFact::line_bytes_per_day) day = entry.number;
        if (entry.fact == PolicyFact::host_cpu_pressure_percent) pressure = entry.number;
    }
    CHECK(day == 10'000'000'000);
    CHECK(pressure == 33);
    for (auto fact = PolicyFact::line_bytes_per_s; fact <= PolicyFact::host_load_per_cpu_percent;
         fact = PolicyFact{static_cast<std::uint32_t>(fact) + 1})
        CHECK(facts.contains(fact));
}
