// Namespaces over fake networks: what is done when one comes, goes, or cannot be looked at.
#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <cerrno>
#include <sstream>

#include "agent/launcher/lines/line_namespaces.hpp"
#include "fake_network.hpp"

using namespace edge;
using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

Line line(const std::string& name, const std::string& netns) {
    Line line;
    line.name = name;
    line.device = "wan0";
    line.kind = netns.empty() ? LineKind::device : LineKind::netns;
    line.netns = netns;
    return line;
}

struct Setting {
    Setting() {
        own.add_device("wan0", {7, true, true, {}});
        there["/run/netns/carrier-a"] = there["/srv/b"] = true;
    }
    Result<std::unique_ptr<Network>> open(const std::string& path) {
        ++tried;
        if (!there.at(path)) return Error{Errc::not_found, path, "no such network namespace", ENOENT};
        auto fresh = std::make_unique<FakeNetwork>();
        fresh->add_device("wan0", {3, true, true, {}});
        opened[path] = fresh.get();
        return std::unique_ptr<Network>(std::move(fresh));
    }
    void take_away(const std::string& path) {
        there[path] = false;
        opened.at(path)->go_away();
    }
    /// What was logged since it was asked last.
    std::string said() {
        auto all = text.str();
        text.str("");
        return all;
    }

    const std::vector<Line> lines{line("own", ""), line("a1", "carrier-a"), line("a2", "carrier-a"),
                                  line("b", "/srv/b")};
    FakeNetwork own;
    std::map<std::string, bool> there;
    std::map<std::string, FakeNetwork*> opened;
    int tried = 0;
    std::ostringstream text;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(text)};
    LineNamespaces spaces{lines, own, [this](const std::string& path) { return open(path); }, log};
};

}  // namespace

TEST_CASE("a namespace is opened once for all lines in it, and a line's device is the one in its own") {
    Setting at;
    CHECK(at.spaces.networks().size() == 1);  // the own one, before anything was looked at
    CHECK(at.spaces.device_of(at.lines[0]) == nullptr);
    for (int looks = 0; looks < 2; ++looks) {
        REQUIRE(at.spaces.look());
        CHECK(at.tried == 2);
    }
    CHECK(at.spaces.networks() ==
          std::vector<Network*>{&at.own, at.opened.at("/run/netns/carrier-a"), at.opened.at("/srv/b")});
    CHECK(at.spaces.own().network == &at.own);
    CHECK(&at.spaces.of(at.lines[1]) == &at.spaces.of(at.lines[2]));
    CHECK(at.spaces.device_of(at.lines[0])->index == 7);
    for (const std::size_t inside : {1U, 2U, 3U}) CHECK(at.spaces.device_of(at.lines[inside])->index == 3);
    const auto& a = at.spaces.of(at.lines[1]).lines;
    REQUIRE(a.size() == 2);
    CHECK(a[0].name == "a1");
    CHECK(a[1].name == "a2");
    for (const auto& one : at.lines) CHECK(at.spaces.enter(one));
    CHECK(at.said().empty());
}

TEST_CASE("one that went is cleared, handed over with its lines and told to each of them once; so is its return") {
    Setting at;
    REQUIRE(at.spaces.look());
    auto* went = at.opened.at("/run/netns/carrier-a");
    RoutingChanges ours;
    ours.add_rules = {Rule{false, 10000, 0x101, {}, 101}};
    REQUIRE(went->apply(ours).empty());
    at.take_away("/run/netns/carrier-a");
    REQUIRE(at.spaces.look());  // one that is not there is no error
    const auto said = at.said();
    CHECK(said.find("line_namespace line=a1 netns=carrier-a why=") != std::string::npos);
    CHECK(said.find("line_namespace line=a2 netns=carrier-a why=") != std::string::npos);
    CHECK(said.find("line=b") == std::string::npos);
    auto left = at.spaces.take_left();
    REQUIRE(left.size() == 1);
    CHECK(left[0].network == went);
    REQUIRE(left[0].lines.size() == 2);
    CHECK(left[0].lines[0].name == "a1");
    CHECK(left[0].lines[1].name == "a2");
    CHECK(went->owned().value().rules.empty());
    CHECK(at.spaces.take_left().empty());
    CHECK(at.spaces.networks().size() == 2);
    CHECK(at.spaces.device_of(at.lines[1]) == nullptr);
    CHECK(at.spaces.device_of(at.lines[3])->index == 3);
    const auto refused = at.spaces.enter(at.lines[2]);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::unavailable);
    CHECK(refused.error().where == "line a2");
    CHECK(refused.error().message().find("no such network namespace") != std::string::npos);

    REQUIRE(at.spaces.look());
    CHECK(at.spaces.take_left().empty());
    CHECK(at.said().empty());
    at.there["/run/netns/carrier-a"] = true;
    REQUIRE(at.spaces.look());
    CHECK(at.said().find("line_namespace line=a2 netns=carrier-a why=\"it is back\"") != std::string::npos);
    CHECK(at.spaces.device_of(at.lines[1])->index == 3);
    CHECK(at.spaces.enter(at.lines[2]));
}

TEST_CASE("where it cannot be told what devices there are, those that were stand, and the others are seen") {
    Setting at;
    REQUIRE(at.spaces.look());
    auto& blind = *at.opened.at("/run/netns/carrier-a");
    blind.remove_device("wan0");
    blind.fail_to_look();
    at.opened.at("/srv/b")->remove_device("wan0");
    const auto looked = at.spaces.look();
    REQUIRE_FALSE(looked);
    CHECK(looked.error().os_errno == ENOBUFS);
    CHECK(at.spaces.device_of(at.lines[1])->index == 3);
    CHECK(at.spaces.device_of(at.lines[3]) == nullptr);
    REQUIRE(at.spaces.look());
    CHECK(at.spaces.device_of(at.lines[1]) == nullptr);
}
