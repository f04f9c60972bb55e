// What the host's settings keep from working, by their texts as /proc/sys has them.
#include <doctest/doctest.h>

#include "agent/launcher/host_warnings.hpp"
#include "protocol/launcher/ping_groups.hpp"

using namespace edge::launcher;

TEST_CASE("ping is let to the workers' groups beside those that it is let to already") {
    const std::string sysctl = "sysctl -w net.ipv4.ping_group_range=";
    struct {
        const char* range;
        const char* wanted;  // empty: it is well as it is
    } const kCases[] = {
        {"0\t2147483647\n", ""},
        {"70000\t70255\n", ""},
        {"1\t0\n", "'70000 70255'"},  // as every new network namespace has it: nobody
        {"70001\t70255\n", "'70000 70255'"},
        {"70000\t70254\n", "'70000 70255'"},
        {"0\t100\n", "'0 70255'"},
        {"80000\t80001\n", "'70000 80001'"},
        {"70100\t70110\n", "'70000 70255'"},
        {"80000\t100\n", "'70000 70255'"},
    };
    for (const auto& one : kCases) {
        CAPTURE(one.range);
        const std::string wanted = one.wanted;
        const auto command = ping_command(one.range, 70000, 70255);
        CHECK(command.value_or("") == (wanted.empty() ? "" : sysctl + wanted));
    }
    CHECK_FALSE(ping_command("1000\t1000\n", 1000, 1000));  // an ordinary user's one group
}

TEST_CASE("a device answers ARP for others' addresses unless it, or all, are told not to") {
    CHECK(answers_for_others("0\n", "0\n"));
    CHECK_FALSE(answers_for_others("1\n", "0\n"));
    CHECK_FALSE(answers_for_others("2\n", "0\n"));
    CHECK_FALSE(answers_for_others("0\n", "1\n"));  // the larger of the two holds
    CHECK_FALSE(answers_for_others("", "0\n"));     // it is not there
    CHECK(answers_for_others("0\n", ""));
}
