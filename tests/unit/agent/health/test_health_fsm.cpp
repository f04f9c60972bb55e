#include "agent/health/health_fsm.hpp"

#include <doctest/doctest.h>

#include "protocol/json/described.hpp"
#include "tests/unit/agent/health/reports.hpp"
#include "tests/unit/agent/results.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;
using link::LineState;

namespace {

HealthSettings with_anchor() {
    HealthSettings settings;
    settings.anchors = {"198.51.100.20"};
    return settings;
}

struct HealthRig {
    HealthFsm health;
    Time now{Time{} + 100s};
    std::map<std::string, std::uint64_t> out;  // questions that wait, by what is asked: `ping 198.51.100.20`
    std::vector<std::string> judged;
    std::vector<std::string> notes;
    std::vector<std::string> origins;

    explicit HealthRig(HealthSettings settings = with_anchor(), LineSettings lines = {})
        : health(std::move(settings), lines, 7) {}

    void take(HealthActions actions) {
        struct Visitor {
            HealthRig& rig;
            void operator()(const OwnProbe& one) {
                rig.out[std::string(enum_text(service_of(one.spec))) + " " + target_of(one.spec)] = one.id;
            }
            void operator()(const LookUpRoute& one) { rig.out["route " + one.destination] = one.id; }
            void operator()(const LookAtNeighbour& one) { rig.out["neighbour " + one.address] = one.id; }
            void operator()(const FindOrigin& one) { rig.origins.push_back(one.address); }
            void operator()(const Judge& one) {
                rig.judged.push_back(std::string(enum_text(one.standing.state)) + " " + one.standing.reason);
            }
            void operator()(const HealthNote& one) { rig.notes.push_back(one.text); }
        };
        for (const auto& action : actions) std::visit(Visitor{*this}, action);
    }
    void line(bool up = true) { take(health.line(line_from(line_info(0, "telecom", up)).value(), now)); }
    /// Time passes until this question is put.
    std::uint64_t until(const std::string& question) {
        for (int i = 0; i < 1000 && !out.contains(question); ++i) {
            const auto deadline = health.deadline();
            REQUIRE(deadline);
            now = std::max(now, *deadline);
            take(health.tick(now));
        }
        REQUIRE(out.contains(question));
        return out.extract(question).mapped();
    }
    void answer(const std::string& question, const ProbeReport& report) {
        take(health.answered(until(question), report, now));
    }
    std::string state() const { return judged.empty() ? std::string() : judged.back(); }
};

}  // namespace

TEST_CASE("a line that is up is judged at once, and asked within two seconds") {
    HealthRig rig;
    rig.line();
    CHECK(rig.judged == std::vector<std::string>{"up "});
    REQUIRE(rig.health.deadline());
    CHECK(*rig.health.deadline() == rig.now);
    rig.take(rig.health.tick(rig.now));
    CHECK(rig.out.size() == 1);
    CHECK(rig.out.contains("route 198.51.100.20"));
    rig.take(rig.health.tick(rig.now + 2s));
    CHECK(rig.out.size() == 4);
    CHECK(!rig.health.deadline());  // all is out
}

TEST_CASE("a silent anchor takes the line down at the third time, asked sooner; two answers bring it back") {
    HealthRig rig;
    rig.line();
    rig.answer("ping 198.51.100.20", good_report());
    const Time began = rig.now;
    rig.answer("ping 198.51.100.20", timeout_report());
    CHECK(rig.now - began >= 27s);
    CHECK(rig.now - began <= 33s);
    const Time doubted = rig.now;
    rig.answer("ping 198.51.100.20", timeout_report());
    CHECK(rig.state() == "up ");
    rig.answer("ping 198.51.100.20", timeout_report());
    CHECK(rig.now - doubted <= 11s);
    CHECK(rig.state() == "down anchor 198.51.100.20 does not answer: timeout: no answer");
    rig.answer("ping 198.51.100.20", good_report());
    CHECK(rig.state().starts_with("down"));
    rig.answer("ping 198.51.100.20", good_report());
    CHECK(rig.state() == "up ");
    CHECK(rig.now - doubted <= 25s);
}

TEST_CASE("a judgement is told when it changes, and only then") {
    HealthRig rig;
    rig.line();
    rig.answer("ping 198.51.100.20", good_report());
    const std::size_t told = rig.judged.size();
    for (int i = 0; i < 5; ++i) rig.answer("ping 198.51.100.20", good_report());
    rig.line();
    CHECK(rig.judged.size() == told);
    CHECK(rig.notes.size() == 1);
}

TEST_CASE("a gateway that answers no ping is looked up among the neighbours") {
    struct Case {
        const char* name;
        ProbeReport ping;
        Neighbour neighbour;
        const char* check;
    };
    const Case cases[] = {
        {"forbidden, reachable", denied_report(), Neighbour::reachable, "neighbour ok "},
        {"silent, reachable", timeout_report(), Neighbour::reachable, "neighbour ok "},
        {"silent, and nothing known", timeout_report(), Neighbour::unknown,
         "ping unknown timeout: no answer; the kernel's neighbour table does not tell"},
        {"forbidden, and nothing known", denied_report(), Neighbour::unknown,
         "ping unknown policy forbids asking: it is private; the kernel's neighbour table does not tell"},
    };
    for (const Case& one : cases) {
        SUBCASE(one.name) {
            HealthRig rig;
            rig.line();
            rig.answer("ping 100.64.1.1", one.ping);
            std::string said;
            for (const auto& action : rig.health.neighbour(rig.until("neighbour 100.64.1.1"), one.neighbour, rig.now)) {
                if (const auto* judge = std::get_if<Judge>(&action)) {
                    const auto& check = judge->standing.health->checks.at(1);
                    said = check.how + " " + std::string(enum_text(check.state)) + " " + check.text;
                }
            }
            CHECK(said == one.check);
        }
    }
}

TEST_CASE("a lost link is down at once and forgets what was asked; an answer that comes late says nothing") {
    HealthRig rig;
    rig.line();
    const auto late = rig.until("ping 198.51.100.20");
    rig.line(false);
    CHECK(rig.state() == "down no carrier on the device");
    CHECK(!rig.health.deadline());
    rig.take(rig.health.answered(late, timeout_report(), rig.now));
    rig.line();
    CHECK(rig.state() == "up ");
    rig.answer("ping 198.51.100.20", timeout_report());
    rig.answer("ping 198.51.100.20", timeout_report());
    CHECK(rig.state() == "up ");
}

TEST_CASE("no route is down at once, in both directions") {
    HealthRig rig;
    rig.line();
    RouteAnswer none;
    none.link_up = true;
    none.route.error = "ENETUNREACH";
    rig.take(rig.health.route(rig.until("route 198.51.100.20"), none, rig.now));
    CHECK(rig.state() == "down no route to 198.51.100.20 (ENETUNREACH)");
    rig.take(rig.health.route(rig.until("route 198.51.100.20"), route_from(good_route()), rig.now));
    CHECK(rig.state() == "up ");
}

TEST_CASE("a line that is told again as it was is asked for its routes at once, and nothing else") {
    HealthRig rig;
    rig.line();
    rig.take(rig.health.route(rig.until("route 198.51.100.20"), route_from(good_route()), rig.now));
    rig.answer("ping 198.51.100.20", good_report());
    rig.out.clear();
    rig.line();
    rig.take(rig.health.tick(rig.now));
    CHECK(rig.out.size() == 1);
    auto elsewhere = route_from(good_route());
    elsewhere.route.table = 254;
    rig.take(rig.health.route(rig.until("route 198.51.100.20"), elsewhere, rig.now));
    CHECK(rig.state() == "down no route to 198.51.100.20 (by wan0 from table 254, not wan0 from 101)");
}

TEST_CASE("the egress address is looked up, and a mismatch is told with its words") {
    HealthSettings settings;
    settings.echo = "http://192.0.2.80:7480/";
    settings.prefix_file = "/p.txt";
    HealthRig rig(settings);
    rig.line();
    rig.answer("http http://192.0.2.80:7480/", echo_of("203.0.113.7"));
    REQUIRE(rig.origins == std::vector<std::string>{"203.0.113.7"});
    rig.take(rig.health.origin(line_name("telecom"), "203.0.113.7", Origin{9808, "cm"}));
    CHECK(rig.state() == "degraded should leave by ct, leaves by AS9808 cm as 203.0.113.7");
    CHECK(rig.notes.back().find("identity=mismatch") != std::string::npos);
    rig.take(rig.health.origin(line_name("telecom"), "203.0.113.7", Origin{4134, "ct"}));
    CHECK(rig.state() == "up ");
    rig.answer("http http://192.0.2.80:7480/", echo_of("203.0.113.8"));
    CHECK(rig.notes.back().find("identity=unknown") != std::string::npos);
}

TEST_CASE("what the settings expect of a line stands above its carrier") {
    HealthSettings settings;
    settings.echo = "http://192.0.2.80:7480/";
    settings.prefix_file = "/p.txt";
    settings.expect = {{"telecom", "AS4837"}};
    HealthRig rig(settings);
    rig.line();
    rig.answer("http http://192.0.2.80:7480/", echo_of("203.0.113.7"));
    rig.take(rig.health.origin(line_name("telecom"), "203.0.113.7", Origin{4134, "ct"}));
    CHECK(rig.state() == "degraded should leave by AS4837, leaves by AS4134 ct as 203.0.113.7");
}

TEST_CASE("a disabled line is asked nothing") {
    HealthRig rig(with_anchor(), LineSettings{{line_name("telecom")}});
    rig.line();
    CHECK(rig.state() == "disabled agent.toml says so");
    CHECK(!rig.health.deadline());
}

TEST_CASE("a name in disabled that no line has is said once all lines are told, after each start of the launcher") {
    HealthRig rig({}, LineSettings{{line_name("telekom"), line_name("unicom"), line_name("xyz")}});
    for (int start = 0; start < 2; ++start) {
        rig.notes.clear();
        rig.line();
        rig.take(rig.health.line(line_from(line_info(1, "unicom")).value(), rig.now));
        const auto said = [&](const char* name) {
            return std::ranges::count_if(rig.notes, [&](const std::string& note) {
                return note.starts_with(std::string("line_unknown name=") + name + " ");
            });
        };
        rig.take(rig.health.disable({line_name("telekom"), line_name("unicom"), line_name("xyz")}, rig.now));
        CHECK(said("telekom") == 0);  // it may be told yet
        rig.take(rig.health.all_seen());
        CHECK(said("telekom") == 1);
        CHECK(said("xyz") == 1);
        CHECK(said("unicom") == 0);
        rig.health.forget();
    }
}

TEST_CASE("a line that is disabled later is asked no more, and enabled again it is asked from the start") {
    HealthRig rig;
    rig.line();
    const auto asked = rig.until("ping 198.51.100.20");
    rig.take(rig.health.disable({line_name("telecom")}, rig.now));
    CHECK(rig.state() == "disabled agent.toml says so");
    CHECK(!rig.health.deadline());
    const std::size_t judged = rig.judged.size();
    rig.take(rig.health.answered(asked, failed_report(Status::failed, Source::path, "wait", "timeout", ""), rig.now));
    rig.take(rig.health.disable({line_name("telecom")}, rig.now));
    CHECK(rig.judged.size() == judged);
    rig.take(rig.health.all_seen());
    rig.notes.clear();
    rig.take(rig.health.disable({line_name("telekom")}, rig.now));
    CHECK(rig.notes.front() ==
          "line_unknown name=telekom why=\"[lines] disabled names no line of lines.toml; did you mean "
          "'telecom'?\"");
    CHECK(rig.state() == "up ");
    rig.until("ping 198.51.100.20");
}

TEST_CASE("questions of a node are spread over the interval") {
    HealthRig rig;
    rig.line();
    rig.answer("ping 198.51.100.20", good_report());
    rig.answer("dns .", good_report());
    const auto first = rig.until("ping 198.51.100.20");
    CHECK(first != 0);
    CHECK(!rig.out.contains("dns ."));
}
