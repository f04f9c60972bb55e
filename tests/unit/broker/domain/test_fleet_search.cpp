// Lists of nodes and lines: which match, in which order, and page by page.
#include <doctest/doctest.h>

#include "broker/domain/fleet_search.hpp"
#include "broker/domain/list_query.hpp"

namespace edge::broker {
namespace {

link::LineReport line(const char* name, const char* carrier, link::LineState state) {
    link::LineReport report;
    report.name = LineName::parse(name).value();
    report.carrier = carrier;
    report.state = state;
    return report;
}

/// Four nodes: gz-1 and sz-1 in guangdong, sh-1, and bj-1 that has told of no line. gz-1 and sh-1 are connected.
struct Nodes {
    Nodes() {
        using link::LineState;
        add(1, "gz-1", "guangdong", 40, {line("telecom", "ct", LineState::up), line("unicom", "cu", LineState::down)});
        add(2, "sz-1", "guangdong", 10, {line("telecom", "ct", LineState::up)});
        add(3, "sh-1", "shanghai", 30, {line("mobile", "cm", LineState::degraded)});
        add(4, "bj-1", "", 20, {});
        connect("gz-1");
        connect("sh-1");
    }
    void add(std::uint8_t number, const char* name, const char* province, WallTime seen,
             std::vector<link::LineReport> lines) {
        NodeRecord record;
        record.row = NodeRow{number};
        record.id.bytes[15] = number;
        record.name = NodeName::parse(name).value();
        record.state = NodeState::enrolled;
        if (*province) record.labels = {{"province", province}};
        record.connected_at = seen;
        record.last_seen_at = seen;
        record.agent_version = "1." + std::to_string(number);
        record.lines = std::move(lines);
        fleet.add(std::move(record));
    }
    void connect(const char* name) {
        auto& session = sessions.emplace_back(std::make_unique<Session>());
        session->confirmed = true;
        session->node = fleet.find(NodeName::parse(name).value());
        session->node->session = session.get();
    }

    std::string nodes(const std::string& q, const std::string& sort = "", std::uint32_t limit = 100) {
        return walk(
            q, sort, limit, [&](const ListRequest& list) { return find_nodes(fleet, list); },
            [](const NodeView& node) { return node.node.name.text(); });
    }
    std::string lines(const std::string& q, const std::string& sort = "", std::uint32_t limit = 100) {
        return walk(
            q, sort, limit, [&](const ListRequest& list) { return find_lines(fleet, list); },
            [](const LineView& one) { return one.node.name.text() + "/" + one.line.name.text(); });
    }
    /// The whole list, page after page.
    template <class Find, class Show>
    std::string walk(const std::string& q, const std::string& sort, std::uint32_t limit, Find find, Show show) {
        ListRequest list{q, sort, {limit, {}}};
        std::string text;
        std::size_t items = 0;
        while (true) {
            const auto page = find(list);
            if (!page) return page.error().where + ": " + page.error().detail;
            for (const auto& item : page.value().items) text += (text.empty() ? "" : " ") + show(item);
            items += page.value().items.size();
            total = *page.value().total;
            if (!page.value().next_cursor) break;
            list.page.cursor = *page.value().next_cursor;
        }
        CHECK(items == total);
        return text;
    }

    Fleet fleet;
    std::vector<std::unique_ptr<Session>> sessions;
    std::uint64_t total = 0;
};

}  // namespace

TEST_CASE("nodes and lines are found by a selector, by state and by version") {
    Nodes all;
    const std::pair<std::string, std::string> nodes[] = {
        {"", "bj-1 gz-1 sh-1 sz-1"},
        {"all", "bj-1 gz-1 sh-1 sz-1"},
        {"province:guangdong", "gz-1 sz-1"},
        {"-province:guangdong", "bj-1 sh-1"},
        {"carrier:ct", "gz-1 sz-1"},        // one of its lines does
        {"-carrier:cu", "bj-1 sh-1 sz-1"},  // none of its lines does
        {"state:connected", "gz-1 sh-1"},
        {"-state:Connected", "bj-1 sz-1"},
        {"version:1.3", "sh-1"},
        {"guangdong state:disconnected", "sz-1"},
        {"node:bj-1", "bj-1"},
        {"province:hainan", ""},  // nobody has it: an empty list
        {"carrier:cbn", ""},      // nor that, yet
        {"Province:guangdong", "gz-1 sz-1"},
    };
    for (const auto& [q, expected] : nodes) {
        CAPTURE(q);
        CHECK(all.nodes(q) == expected);
    }
    const std::pair<std::string, std::string> lines[] = {
        {"", "gz-1/telecom gz-1/unicom sh-1/mobile sz-1/telecom"},
        {"state:up", "gz-1/telecom"},
        {"state:unknown", "sz-1/telecom"},  // its node is away
        {"-state:up", "gz-1/unicom sh-1/mobile sz-1/telecom"},
        {"telecom node:gz-1", "gz-1/telecom"},
    };
    for (const auto& [q, expected] : lines) {
        CAPTURE(q);
        CHECK(all.lines(q) == expected);
    }
}

TEST_CASE("lists are sorted by one key, ties by name, and pages follow each other without gaps") {
    Nodes all;
    for (const std::uint32_t limit : {1u, 2u, 3u, 100u}) {
        CAPTURE(limit);
        CHECK(all.nodes("", "name", limit) == "bj-1 gz-1 sh-1 sz-1");
        CHECK(all.nodes("", "-name", limit) == "sz-1 sh-1 gz-1 bj-1");
        CHECK(all.nodes("", "last_seen_at", limit) == "sz-1 bj-1 sh-1 gz-1");
        CHECK(all.nodes("", "-last_seen_at", limit) == "gz-1 sh-1 bj-1 sz-1");
        CHECK(all.nodes("", "province", limit) == "bj-1 gz-1 sz-1 sh-1");
        CHECK(all.nodes("", "-province", limit) == "sh-1 gz-1 sz-1 bj-1");
        CHECK(all.nodes("", "-lines", limit) == "gz-1 sh-1 sz-1 bj-1");
        CHECK(all.lines("", "carrier", limit) == "sh-1/mobile gz-1/telecom sz-1/telecom gz-1/unicom");
        CHECK(all.lines("", "-state", limit) == "gz-1/telecom sz-1/telecom gz-1/unicom sh-1/mobile");
    }
    CHECK(all.total == 4);
}

TEST_CASE("a page goes on where it was when items come and go") {
    Nodes all;
    auto page = find_nodes(all.fleet, {"", "province", {2, {}}}).value();
    REQUIRE(page.next_cursor);
    all.add(5, "cq-1", "chongqing", 1, {});  // before the place: not shown
    all.add(6, "tj-1", "tianjin", 1, {});
    page = find_nodes(all.fleet, {"", "province", {100, *page.next_cursor}}).value();
    std::string names;
    for (const auto& node : page.items) names += node.node.name.text() + " ";
    CHECK(names == "sz-1 sh-1 tj-1 ");
    CHECK(*page.total == 6);
}

TEST_CASE("a list goes on behind whatever a node says of itself") {
    Nodes all;
    const std::string odd("a\x1f:2:\0b\"", 8);
    all.fleet.find(NodeName::parse("gz-1").value())->record.labels = {{"province", odd}};
    all.fleet.find(NodeName::parse("bj-1").value())->record.labels = {{"province", odd + odd}};
    CHECK(all.nodes("", "province", 1) == "gz-1 bj-1 sz-1 sh-1");
    CHECK(all.nodes("", "-province", 1) == "sh-1 sz-1 bj-1 gz-1");
}

TEST_CASE("what is wrong with a list is said") {
    Nodes all;
    CHECK(all.nodes("carrier:").starts_with("/q: at character 9"));
    CHECK(all.nodes("limit:3").starts_with("/q: limit: is of a job"));
    CHECK(all.nodes("", "age").starts_with("/sort: expected one of name, state,"));
    const auto cursor = *find_nodes(all.fleet, {"", "province", {1, {}}}).value().next_cursor;
    for (const auto& [sort, given] :
         std::vector<std::pair<std::string, std::string>>{{"-province", cursor},
                                                          {"name", cursor},
                                                          {"", "nonsense"},
                                                          {"", "AAAA"},
                                                          {"", "NDpuYW1lOTk5OTk5OTk5OTk5OTk5OTk5OTk5OTo="}}) {
        CAPTURE(given);
        const auto page = find_nodes(all.fleet, {"", sort, {1, given}});
        REQUIRE(!page);
        CHECK(page.error().where == "/cursor");
    }
}

TEST_CASE("a selection is counted as a job would ask it") {
    Nodes all;
    const auto counted = [&](const char* selector, std::optional<Service> service = {}) {
        const auto counts = count_selection(all.fleet, selector, service);
        if (!counts) return counts.error().where;
        const auto& n = counts.value();
        return std::to_string(n.lines) + " " + std::to_string(n.nodes) + " " + std::to_string(n.connected_nodes) +
               (n.reason.empty() ? "" : " " + n.reason.substr(0, 15));
    };
    CHECK(counted("all") == "4 3 2");
    CHECK(counted("guangdong") == "3 2 1");
    CHECK(counted("all limit:1") == "1 1 1");
    CHECK(counted("all limit:2") == "2 2 2");
    CHECK(counted("all limit:3") == "3 3 2");
    CHECK(counted("telecm") == "0 0 0 nothing matches");
    CHECK(counted("carrier:") == "/q");
    link::Policy policy;
    policy.services = {"dns"};
    all.fleet.find(NodeName::parse("gz-1").value())->record.policy = policy;
    CHECK(counted("all", Service::ping) == "2 2 1");
    CHECK(counted("all", Service::dns) == "4 3 2");
    CHECK(counted("node:gz-1", Service::ping) == "0 0 0 gz-1/telecom: t");
}

TEST_CASE("a word that a list cannot know is refused, and what is near is named") {
    Nodes all;
    const std::pair<std::string, std::string> nodes[] = {
        {"carier:ct", R"(/q: "carier:ct": there is no key "carier"; did you mean "carrier"?)"},
        {"-provnce:hainan", R"(/q: "-provnce:hainan": there is no key "provnce"; did you mean "province"?)"},
        {"os:debian",
         R"(/q: "os:debian": there is no key "os"; keys are node, line, carrier, state, version, token, province, city)"},
        {"-state:conected",
         R"(/q: "-state:conected": state is one of enrolled, connected, disconnected, pending, revoked, locked; did you mean "-state:connected"?)"},
        {"state:up", R"(/q: "state:up": state is one of enrolled, connected, disconnected, pending, revoked, locked)"},
        {"carrier:ctt",
         R"(/q: "carrier:ctt": carrier is one of bgp, cbn, cm, ct, cu, edu, overseas; did you mean "carrier:ct"?)"},
    };
    for (const auto& [q, expected] : nodes) {
        CAPTURE(q);
        CHECK(all.nodes(q) == expected);
    }
    CHECK(all.nodes("city:haikou") == "");  // a word of the selector, whether or not some node has it
    CHECK(all.lines("-city:haikou province:shanghai") == "sh-1/mobile");
    CHECK(all.lines("state:upp").ends_with("draining; did you mean \"state:up\"?"));
    CHECK(all.lines("state:connected").starts_with("/q: "));
    all.add(5, "hk-1", "", 1, {line("a", "hkt", link::LineState::up)});
    CHECK(all.lines("carrier:hkt") == "hk-1/a");
}

TEST_CASE("a list of runs or jobs is asked for by service, state, target and origin") {
    const auto filter = parse_run_filter("service:dns state:Running target:www. -origin:prometheus").value();
    CHECK(filter.job.service == Service::dns);
    CHECK(filter.state == RunState::running);
    CHECK(filter.job.target == "www.");
    CHECK(filter.job.without == JobOrigin::prometheus);
    CHECK(!filter.job.origin);
    CHECK(parse_job_filter("origin:api service:ping").value().origin == JobOrigin::api);
    CHECK(parse_run_filter("-origin:prometheus service:dns service:DNS origin:api").value().job.service ==
          Service::dns);
    CHECK(!parse_run_filter("").value().job.service);
    CHECK(!parse_run_filter("all").value().job.without);
    const std::pair<const char*, const char*> runs[] = {
        {"service:pong", R"("service:pong": service is one of dns, http, ping; did you mean "service:ping"?)"},
        {"state:up", R"("state:up": state is one of running, finished)"},
        {"-state:running", R"("-state:running": state: takes no '-' in this list)"},
        {"telecom",
         R"("telecom": a word alone means nothing in this list; keys are service, state, target, origin, job)"},
        {"node:gz-1", R"("node:gz-1": there is no key "node"; keys are service, state, target, origin, job)"},
        {"orign:api", R"("orign:api": there is no key "orign"; did you mean "origin"?)"},
        {"-origin:promethus",
         R"("-origin:promethus": origin is one of api, prometheus; did you mean "-origin:prometheus"?)"},
        {"state:", "at character 7: a value is missing after \"state:\""},
        {"service:dns service:ping", R"("service:ping": "service:" stands there already, with another value)"},
        {"state:running state:finished", R"("state:finished": "state:" stands there already, with another value)"},
        {"target:www. target:ftp.", R"("target:ftp.": "target:" stands there already, with another value)"},
        {"-origin:api -origin:prometheus",
         R"("-origin:prometheus": "-origin:" stands there already, with another value)"},
    };
    for (const auto& [q, detail] : runs) {
        CAPTURE(q);
        const auto wrong = parse_run_filter(q);
        REQUIRE(!wrong);
        CHECK(wrong.error().where == "/q");
        CHECK(wrong.error().detail == detail);
    }
}

TEST_CASE("a list of jobs is asked for by state as well, and for all but some") {
    const auto filter = parse_job_filter("-state:once -state:Deleted service:ping").value();
    CHECK(filter.not_in == std::vector{JobState::once, JobState::deleted});
    CHECK(!filter.state);
    CHECK(is_of_recurring(filter));
    CHECK(is_of_recurring(parse_job_filter("state:paused").value()));
    CHECK(!is_of_recurring(parse_job_filter("state:once").value()));
    CHECK(!is_of_recurring(parse_job_filter("-state:deleted").value()));
    const std::pair<const char*, const char*> jobs[] = {
        {"state:running", R"("state:running": state is one of once, active, paused, deleted)"},
        {"state:replaced", R"("state:replaced": state is one of once, active, paused, deleted)"},
        {"state:active state:paused", R"("state:paused": "state:" stands there already, with another value)"},
        {"-service:ping", R"("-service:ping": service: takes no '-' in this list)"},
        {"job:x", R"("job:x": there is no key "job"; keys are service, target, origin, state)"},
    };
    for (const auto& [q, detail] : jobs) {
        CAPTURE(q);
        const auto wrong = parse_job_filter(q);
        REQUIRE(!wrong);
        CHECK(wrong.error().detail == detail);
    }
}

}  // namespace edge::broker
