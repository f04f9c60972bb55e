#include <chrono>

#include "cli/commands/schedule_flags.hpp"
#include "cli/commands/things.hpp"
#include "cli/show/figures.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {
namespace {

struct Listing {
    std::vector<Column> columns;
    std::vector<Cell> (*row)(const Json& item, bool wide);
    const char* path;
    const char* none;  // what to say of an empty list
};

Column column(const char* title, int spare = 0, bool elastic = false) {
    return {.title = title, .align = Align::left, .spare = spare, .elastic = elastic};
}
Column figure(const char* title, int spare = 0) {
    return {.title = title, .align = Align::right, .spare = spare};
}

/// A node is held as well as its weakest line. What is not known now holds nothing.
std::string level_of(const Json& lines) {
    for (const char* by : {"none", "cooperative", "nft", "bpf"})  // the weakest first
        for (const auto& line : lines)
            if (text_at(line, "enforced_by") == by && text_at(line, "state") != "unknown") return level_text(by);
    return "-";
}

/// A run that was made of results after a restore has none.
Cell selector_of(const Json& item) {
    const Json& recovered = member(item, "recovered");
    if (recovered.is_boolean() && recovered.get<bool>()) return {"(recovered)", Tone::dim};
    return {printable(text_at(item, "selector"))};
}

Listing nodes() {
    return {
        {column("NAME"), column("STATE"), column("LINES"), column("LEVEL", 6), figure("RTT", 4), column("SINCE", 3),
         column("VERSION", 5), column("LABELS", 2, true), column("ID", 9), column("POLICY", 9), column("UPLINK", 8)},
        [](const Json& item, bool wide) {
            std::string lines, level = "-";
            if (const auto list = item.find("lines"); list != item.end() && list->is_array()) {
                std::size_t up = 0;
                for (const auto& line : *list) up += text_at(line, "state") == "up" ? 1u : 0u;
                lines = std::to_string(up) + "/" + std::to_string(list->size()) + " up";
                level = level_of(*list);
            }
            const auto state = text_at(item, "state");
            const auto busy = text_at(item, "busy");
            std::vector<Cell> row{
                {printable(text_at(item, "name"))},
                {printable(busy.empty() ? state : state + ", busy"), busy.empty() ? tone_of_state(state) : Tone::warn},
                {lines},
                {level},
                {duration_at(item, "rtt_us")},
                {age_at(item, state == "connected" ? "connected_at" : "last_seen_at")},
                {printable(text_at(item, "agent_version"))},
                {printable(terms_at(item, "labels"))}};
            if (wide) {
                row.push_back({printable(text_at(item, "id"))});
                row.push_back({printable(text_at(item, "policy_hash")).substr(0, 12)});
                row.push_back({printable(text_at(member(item, "uplink"), "name"))});
            }
            return row;
        },
        "/api/v1/nodes",
        "no node has enrolled yet; `edgectl token create` makes what a node needs for it"};
}

Listing lines() {
    return {{column("NODE"), column("LINE"), column("CARRIER"), column("STATE"), column("IDENTITY", 4),
             column("DEVICE", 3), column("ADDRESSES", 2, true), column("BY", 1), column("REASON", 0, true),
             column("RESOLVERS", 6, true), column("MARK", 7), column("TABLE", 7)},
            [](const Json& item, bool wide) {
                const auto state = text_at(item, "state");
                const auto identity = text_at(member(item, "health"), "identity");
                std::vector<Cell> row{{printable(text_at(member(item, "node"), "name"))},
                                      {printable(text_at(item, "name"))},
                                      {printable(text_at(item, "carrier"))},
                                      {printable(state), tone_of_state(state)},
                                      {identity == "unknown" ? "" : printable(identity), tone_of_state(identity)},
                                      {printable(text_at(item, "device"))},
                                      {printable(list_at(item, "addresses"))},
                                      {state == "unknown" ? "" : printable(level_text(text_at(item, "enforced_by")))},
                                      {printable(text_at(item, "reason"))}};
                if (wide) {
                    row.push_back({printable(list_at(item, "resolvers"))});
                    row.push_back({hex_text(static_cast<std::uint32_t>(number_at(item, "mark").value_or(0)))});
                    row.push_back({std::to_string(number_at(item, "table").value_or(0))});
                }
                return row;
            },
            "/api/v1/lines",
            "no node has told of a line yet"};
}

Listing runs() {
    return {{column("RUN"), column("SERVICE", 2), column("TARGET", 1, true), column("SELECTOR", 3, true),
             column("STATE"), figure("OK"), figure("FAILED"), figure("EXPIRED", 1), figure("CANCELED", 1),
             figure("TO COME"), figure("AGE", 4)},
            [](const Json& item, bool) {
                const Json& counts = member(item, "tasks");
                const auto n = [&](const char* key) { return number_at(counts, key).value_or(0); };
                const auto failed = n("failed") + n("timed_out") + n("lost");
                const auto expired = n("expired");
                const auto canceled = n("canceled");
                const auto waiting = n("queued") + n("running");
                const auto state = text_at(item, "state");
                return std::vector<Cell>{{printable(text_at(item, "id"))},
                                         {printable(text_at(item, "service"))},
                                         {printable(text_at(item, "target"))},
                                         selector_of(item),
                                         {printable(state), state == "finished" ? Tone::plain : Tone::busy},
                                         {std::to_string(n("succeeded"))},
                                         {std::to_string(failed), failed > 0 ? Tone::bad : Tone::plain},
                                         {expired > 0 ? std::to_string(expired) : "", Tone::warn},
                                         {canceled > 0 ? std::to_string(canceled) : ""},
                                         {waiting > 0 ? std::to_string(waiting) : ""},
                                         {age_at(item, "created_at")}};
            },
            "/api/v1/runs",
            "there was no run yet; edgectl ping TARGET from all"};
}

Listing jobs() {
    return {{column("JOB"), column("SERVICE"), column("TARGET", 1, true), column("SELECTOR", 3, true),
             column("SCHEDULE", 2, true), column("STATE", 2), column("LAST RUN", 5), figure("AGE", 4),
             column("LABELS", 6, true)},
            [](const Json& item, bool wide) {
                std::vector<Cell> row{{printable(text_at(item, "id"))},
                                      {printable(text_at(item, "service"))},
                                      {printable(text_at(member(item, "params"), "target"))},
                                      selector_of(item),
                                      {printable(schedule_text(member(item, "schedule")))},
                                      {printable(text_at(item, "state"))},
                                      {printable(text_at(item, "last_run"))},
                                      {age_at(item, "created_at")}};
                if (wide) row.push_back({printable(labels_at(item, "labels"))});
                return row;
            },
            "/api/v1/jobs",
            "there was no job yet; edgectl ping TARGET from all"};
}

Listing tokens() {
    return {{column("TOKEN"), column("NODE"), column("STATE"), figure("USED"), figure("AGE", 1), column("EXPIRES", 1),
             column("FROM", 3, true), column("LABELS", 2, true)},
            [](const Json& item, bool) {
                const auto uses = number_at(item, "uses").value_or(1);
                const auto used = number_at(item, "used").value_or(0);
                const auto expires = seconds_of(text_at(item, "expires_at"));
                const bool over = expires && *expires < now_seconds();
                const char* state = !text_at(item, "revoked_at").empty() ? "revoked"
                                    : used >= uses                       ? "used"
                                    : over                               ? "expired"
                                                                         : "open";
                const auto names = number_at(item, "names");
                return std::vector<Cell>{
                    {printable(text_at(item, "id"))},
                    {names ? "any of " + std::to_string(*names) : printable(text_at(item, "node"))},
                    {state, std::string_view(state) == "open" ? Tone::good : Tone::dim},
                    {std::to_string(used) + "/" + std::to_string(uses)},
                    {age_at(item, "created_at")},
                    {printable(text_at(item, "expires_at"))},
                    {printable(list_at(item, "cidrs"))},
                    {printable(terms_at(item, "labels"))}};
            },
            "/api/v1/join-tokens",
            "there is no join token; edgectl token create"};
}

constexpr std::uint32_t kNewestShown = 50;
constexpr std::uint32_t kMostItems = 1'000'000;

/// Of nodes, lines and tokens a list is expected to be whole; of runs and jobs somebody wants the newest.
bool grows_for_ever(Kind kind) {
    return kind == Kind::runs || kind == Kind::jobs;
}

Listing listing_of(Kind kind) {
    switch (kind) {
        case Kind::nodes:
            return nodes();
        case Kind::lines:
            return lines();
        case Kind::runs:
            return runs();
        case Kind::jobs:
            return jobs();
        case Kind::tokens:
            return tokens();
    }
    return nodes();
}

constexpr const char* kWithoutScrapes = "-origin:prometheus";

/// Of runs and jobs somebody wants those that were asked for, not what scrapes of /probe made.
bool leaves_scrapes_out(const GetCommand& asked) {
    return asked.query.empty() && grows_for_ever(asked.kind);
}

std::string path_of(const std::string& query, const std::string& sort, std::string path) {
    char mark = '?';
    for (const auto& [name, value] : {std::pair("q", query), std::pair("sort", sort)}) {
        if (value.empty()) continue;
        path += std::exchange(mark, '&') + std::string(name) + "=" + percent_encoded(value);
    }
    return path;
}

void say_what_is_left_out(Kind kind, const char* path, Client& client, const Screen& screen) {
    const auto scraped = client.list(path_of("origin:prometheus", {}, path), 1);
    if (scraped && scraped.value().empty()) return;
    const std::string command = kind == Kind::runs ? "edgectl get runs -q " : "edgectl get jobs -q ";
    screen.say("what scrapes of /probe made is left out; " + command + "all has everything, " + command +
               "origin:prometheus that alone");
}

}  // namespace

void GetCommand::add_to(Syntax& edgectl) {
    const auto given = std::make_shared<GetCommand>();
    auto syntax = edgectl.add("get", "WHAT", "nodes, lines, runs, jobs or tokens");
    syntax.kind(given->kind, Kind::tokens, "nodes, lines, runs, jobs or tokens");
    syntax.output(given->format, "table, wide, json or jsonl");
    syntax.text(
        "-q,--query", "SELECTOR", given->query,
        "those that match: a selector, also state: and version:; of runs and jobs service:, target: and origin:,"
        " of runs job:, too");
    syntax.text("--sort", "KEY", given->sort,
                "of nodes and lines: name, state, carrier, province, …; -KEY is the other way");
    syntax.number("--limit", given->limit, kMostItems,
                  "at most so many; without it the newest 50 runs or jobs, and all of the others");
    syntax.when_named([given, syntax]() -> Answer<Command> {
        if (!syntax.was_given("kind"))
            return usage("get what: nodes, lines, runs, jobs or tokens?", "edgectl get nodes");
        const bool placed = given->kind == Kind::nodes || given->kind == Kind::lines;
        if (!given->query.empty() && given->kind == Kind::tokens)
            return usage("-q is of nodes, lines, runs and jobs", "edgectl get nodes -q \"carrier:ct state:connected\"");
        if (!given->sort.empty() && !placed)
            return usage("--sort is of nodes and lines", "edgectl get nodes --sort=-last_seen_at");
        return *given;
    });
}

Answer<ExitCode> GetCommand::carry_out(Client& client, const Screen& screen) const {
    const Listing listing = listing_of(kind);
    const std::size_t most = limit.value_or(grows_for_ever(kind) ? kNewestShown : kMostItems);
    const bool partly = leaves_scrapes_out(*this);
    EDGE_TRY(auto items, client.list(path_of(partly ? kWithoutScrapes : query, sort, listing.path), most + 1));
    if (items.size() > most) {
        items.resize(most);
        screen.say(std::to_string(most) + " shown, there are more; --limit takes up to " + std::to_string(kMostItems));
    }
    if (partly) say_what_is_left_out(kind, listing.path, client, screen);
    if (format == Format::json || format == Format::jsonl) {
        screen.print(json_text(items, format));
        return ExitCode::ok;
    }
    if (items.empty()) {
        screen.say(query.empty() ? listing.none : "nothing matches " + query);
        return ExitCode::ok;
    }
    Table table{listing.columns, {}};
    for (const auto& item : items) table.rows.push_back(listing.row(item, format == Format::wide));
    for (const auto& line : lines_of(table, screen.width(), screen.out_style)) screen.print(line + "\n");
    return ExitCode::ok;
}

}  // namespace edge::cli
