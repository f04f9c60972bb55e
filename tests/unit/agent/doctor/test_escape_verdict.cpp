#include <doctest/doctest.h>

#include "agent/doctor/escape_verdict.hpp"

using namespace edge;
using namespace edge::agent;
using launcher::Enforcement;
using launcher::PayloadAim;

namespace {

TargetPolicy lends_100_64() {
    link::Policy policy;
    policy.targets.allow = {"100.64.0.0/10"};
    policy.targets.deny = {"100.65.9.0/24"};
    policy.targets.ports = {53, 80};
    policy.targets.only = {"10.0.0.9:7480"};
    return targets_of(policy, {"192.168.1.53"}, {"100.65.1.2"});
}

}  // namespace

TEST_CASE("an answer is judged by what policy lends, and by what the level claims to hold") {
    struct Case {
        const char* outcome;  // null: it did not answer
        PayloadAim aim;
        Enforcement by;
        EscapeVerdict verdict;
        const char* why;
    };
    const auto bpf = Enforcement::bpf_guard, nft = Enforcement::nft_guard, cooperative = Enforcement::cooperative;
    const auto target = PayloadAim::target, line = PayloadAim::line, file = PayloadAim::file;
    const Case cases[] = {
        {"stopped EPERM", target, bpf, EscapeVerdict::blocked, ""},
        {"stopped skipped there is none", target, bpf, EscapeVerdict::not_tried, ""},
        {nullptr, PayloadAim::host, bpf, EscapeVerdict::blocked, ""},
        {"through sendto to 100.100.100.200:80", target, bpf, EscapeVerdict::allowed,
         "reaches 100.100.100.200: policy.toml allows 100.64.0.0/10"},
        {"through an echo from 100.65.1.1", target, bpf, EscapeVerdict::allowed,
         "reaches 100.65.1.1: policy.toml allows 100.64.0.0/10"},
        {"through sendto to 8.8.8.8:80", target, bpf, EscapeVerdict::allowed,
         "reaches 8.8.8.8: policy.toml does not deny it"},
        // Denied after all: by `deny`, as an address of the node, by its port, as what an IPv6 address leads to.
        {"through sendto to 100.65.9.1:80", target, bpf, EscapeVerdict::escaped, "through sendto to 100.65.9.1:80"},
        {"through sendto to 100.65.1.2:80", target, bpf, EscapeVerdict::escaped, "through sendto to 100.65.1.2:80"},
        {"through sendto to 100.65.1.1:22", target, bpf, EscapeVerdict::escaped, "through sendto to 100.65.1.1:22"},
        {"through sendto to [::ffff:169.254.169.254]:80", target, bpf, EscapeVerdict::escaped,
         "through sendto to [::ffff:169.254.169.254]:80"},
        {"through connect to 10.0.0.9:7480", target, bpf, EscapeVerdict::allowed,
         "reaches 10.0.0.9: policy.toml does not deny it"},
        {"through sendto to 10.0.0.9:7480", target, bpf, EscapeVerdict::escaped, "through sendto to 10.0.0.9:7480"},
        {"through sendto to 192.168.1.53:53", target, bpf, EscapeVerdict::allowed,
         "reaches 192.168.1.53: policy.toml does not deny it"},
        // Of two ways out the one that is not lent counts.
        {"through sendto to 169.254.169.254:80, sendto to 100.100.100.200:80", target, bpf, EscapeVerdict::escaped,
         "through sendto to 169.254.169.254:80"},
        {"through sendto to 100.64.0.1:80, an echo from 10.0.0.1", target, bpf, EscapeVerdict::escaped,
         "through an echo from 10.0.0.1"},
        {"through listens", target, bpf, EscapeVerdict::escaped, "through listens"},
        // Policy lends targets; to leave by another line is an escape wherever it leads.
        {"through sendto to 100.64.0.1:80", line, bpf, EscapeVerdict::escaped, "through sendto to 100.64.0.1:80"},
        {"through sendto to 10.0.0.1:80", target, cooperative, EscapeVerdict::not_held, "sendto to 10.0.0.1:80"},
        {"through sendto to 100.64.0.1:80", target, cooperative, EscapeVerdict::allowed,
         "reaches 100.64.0.1: policy.toml allows 100.64.0.0/10"},
        {"through opened", file, cooperative, EscapeVerdict::escaped, "through opened"},
        // nftables drops what was sent, and lets calls be made.
        {"through connect to 10.0.0.1:80", target, nft, EscapeVerdict::blocked, ""},
        {"through connect to 10.0.0.1:80, sendto to 10.0.0.2:80", target, nft, EscapeVerdict::escaped,
         "through sendto to 10.0.0.2:80"},
        {"through a socket", line, nft, EscapeVerdict::escaped, "through a socket"},
        {"through bind", line, nft, EscapeVerdict::blocked, ""},
    };
    for (const Case& one : cases) {
        CAPTURE(one.outcome);
        std::vector<std::string> said{"trying"};
        if (one.outcome != nullptr) said.emplace_back(one.outcome);
        const auto judged = judge_escape(said, false, one.aim, one.by, lends_100_64());
        CHECK(judged.verdict == one.verdict);
        CHECK(judged.why == one.why);
    }
}

TEST_CASE("what was not tried, or was something else, counts as an escape") {
    const auto policy = lends_100_64();
    CHECK(judge_escape({}, true, PayloadAim::file, Enforcement::bpf_guard, policy).why == "it could not be tried");
    CHECK(judge_escape({"broken x"}, true, PayloadAim::file, Enforcement::bpf_guard, policy).verdict ==
          EscapeVerdict::escaped);
    CHECK(judge_escape({"trying"}, true, PayloadAim::file, Enforcement::bpf_guard, policy).why ==
          "it ran something else");
}
