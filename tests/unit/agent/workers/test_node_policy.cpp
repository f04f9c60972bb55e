#include "agent/workers/node_policy.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "agent/workers/lines.hpp"

using namespace edge;
using namespace edge::agent;
using launcher::PolicyEntry;
using launcher::PolicyFact;

TEST_CASE("entries of a policy become the policy, part by part; what is not known is skipped") {
    launcher::PolicyPart part;
    std::strcpy(part.entries[0].text, "dns");
    part.entries[0].fact = PolicyFact::service;
    part.entries[1] = {.fact = PolicyFact::allow, .address = *address_from("10.0.0.0"), .text = {}, .number = 8};
    part.entries[2] = {.fact = PolicyFact::deny, .address = *address_from("2001:db8::7"), .text = {}, .number = 128};
    part.entries[3] = {.fact = PolicyFact::port, .address = {}, .text = {}, .number = 443};
    launcher::PolicyPart open;
    open.entries[0] = {.fact = PolicyFact::only, .address = *address_from("2001:db8::9"), .text = {}, .number = 7480};
    open.entries[1] = {.fact = PolicyFact::only, .address = {}, .text = {}, .number = 1};  // no address
    link::Policy policy;
    add_entries(part, policy);
    add_entries(open, policy);
    launcher::PolicyPart more;
    std::memset(more.entries[0].text, 'x', sizeof more.entries[0].text);  // no NUL
    more.entries[0].fact = PolicyFact::service;
    more.entries[1] = {.fact = PolicyFact::line_bytes_per_day, .address = {}, .text = {}, .number = 10'000'000'000};
    more.entries[2] = {.fact = PolicyFact{999}, .address = {}, .text = {}, .number = 5};
    more.entries[3] = {.fact = PolicyFact::host_load_per_cpu_percent, .address = {}, .text = {}, .number = 200};
    add_entries(more, policy);
    CHECK(policy.services == std::vector<std::string>{"dns", std::string(16, 'x')});
    CHECK(policy.targets.allow == std::vector<std::string>{"10.0.0.0/8"});
    CHECK(policy.targets.deny == std::vector<std::string>{"2001:db8::7/128"});
    CHECK(policy.targets.ports == std::vector<std::uint16_t>{443});
    CHECK(policy.targets.only == std::vector<std::string>{"[2001:db8::9]:7480"});
    CHECK(policy.line.bytes_per_day == 10'000'000'000);
    CHECK(policy.host.load_per_cpu_percent == 200);
}

TEST_CASE("a number that the link cannot carry is told as the largest that it can") {
    launcher::PolicyPart part;
    part.entries[0] = {.fact = PolicyFact::line_bytes_per_day, .address = {}, .text = {}, .number = ~0ull};
    part.entries[1] = {.fact = PolicyFact::worker_pids, .address = {}, .text = {}, .number = 1ull << 32};
    link::Policy policy;
    add_entries(part, policy);
    CHECK(policy.line.bytes_per_day == 1ull << 53);
    CHECK(policy.worker.pids == 0xffff'ffff);
}
