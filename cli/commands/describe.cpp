#include <algorithm>

#include "cli/commands/commands.hpp"
#include "cli/commands/things.hpp"
#include "cli/run/watch_run.hpp"
#include "cli/show/figures.hpp"
#include "cli/show/line_table.hpp"

namespace edge::cli {
namespace {

/// `name   value` lines, the names padded alike.
class Sheet {
  public:
    explicit Sheet(const Style& style) : style_(style) {}
    void title(const std::string& text) { text_ += style_.paint(text, Tone::bold) + "\n"; }
    void item(const std::string& name, const std::string& value, Tone tone = Tone::plain) {
        if (!value.empty())
            text_ += "  " + style_.paint(pad(name, 12, Align::left) + (name.size() >= 12 ? " " : ""), Tone::dim) +
                     style_.paint(value, tone) + "\n";
    }
    void line(const std::string& text) { text_ += text + "\n"; }
    const std::string& text() const { return text_; }

  private:
    Style style_;
    std::string text_;
};

std::string time_and_age(const Json& object, const char* key) {
    const auto time = printable(text_at(object, key));
    return time.empty() ? time : time + " (" + age_at(object, key) + " ago)";
}

void put_line(Sheet& sheet, const Json& line) {
    const auto state = text_at(line, "state");
    const auto reason = text_at(line, "reason");
    sheet.item("state", printable(state + (reason.empty() ? "" : ": " + reason)), tone_of_state(state));
    sheet.item("carrier", printable(text_at(line, "carrier")));
    sheet.item("device", printable(text_at(line, "device")));
    sheet.item("addresses", printable(list_at(line, "addresses")));
    sheet.item("resolvers", printable(list_at(line, "resolvers")));
    sheet.item("mark", hex_text(static_cast<std::uint32_t>(number_at(line, "mark").value_or(0))) + ", table " +
                           std::to_string(number_at(line, "table").value_or(0)));
    sheet.item("enforced by", state == "unknown" ? "" : printable(level_text(text_at(line, "enforced_by"))));
}

/// `50 B/s`, or nothing for 0, which is no limit.
std::string limit_text(const Json& object, const char* key, const char* unit, bool is_bytes) {
    const auto number = number_at(object, key).value_or(0);
    if (number == 0) return {};
    return (is_bytes ? bytes_text(number) : std::to_string(number)) + unit;
}

std::string comma_list(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
        if (!text.empty()) all += (all.empty() ? "" : ", ") + text;
    }
    return all;
}

void put_policy(Sheet& sheet, const Json& policy) {
    if (!policy.is_object()) return;
    const Json& targets = member(policy, "targets");
    const Json& line = member(policy, "line");
    const Json& host = member(policy, "host");
    const Json& destination = member(policy, "destination");
    std::vector<std::string> ports;
    for (const auto& port : member(targets, "ports")) ports.push_back(dump_json(port));
    sheet.item("  lends", printable(list_at(policy, "services")));
    sheet.item("  ports", ports.empty() ? "any" : comma_list(ports));
    const auto allowed = printable(list_at(targets, "allow"));
    sheet.item("  allowed", allowed.empty() ? "" : allowed + ", although reserved; public addresses need no entry");
    sheet.item("  denied", printable(list_at(targets, "deny")));
    sheet.item("  open", printable(list_at(targets, "only")));
    sheet.item("  each line", comma_list({limit_text(line, "bytes_per_s", "/s", true),
                                          limit_text(line, "packets_per_s", " packets/s", false),
                                          limit_text(line, "bytes_per_day", " a day", true),
                                          limit_text(line, "p95_bytes_per_s", "/s at the 95th percentile", true)}));
    sheet.item("  target", comma_list({limit_text(destination, "probes_per_s", " probes/s", false),
                                       limit_text(destination, "burst", " at once", false)}));
    sheet.item("  busy at", comma_list({limit_text(host, "cpu_pressure_percent", " % cpu pressure", false),
                                        limit_text(host, "memory_pressure_percent", " % memory pressure", false),
                                        limit_text(host, "load_per_cpu_percent", " % load per cpu", false)}));
}

/// `as_of`: when its node was seen last, where that is not connected; what it found then is no news.
void put_health(Sheet& sheet, const Json& line, const std::string& as_of) {
    const Json& health = member(line, "health");
    if (!health.is_object()) return;
    const auto tone = [&](const std::string& state) { return as_of.empty() ? tone_of_state(state) : Tone::dim; };
    sheet.item("as of", as_of, Tone::warn);
    const auto origin = text_at(health, "origin");
    sheet.item("leaves by", printable(list_at(health, "egress") + (origin.empty() ? "" : " of " + origin)));
    const auto identity = text_at(health, "identity");
    if (identity != "unknown") sheet.item("identity", printable(identity), tone(identity));
    for (const auto& check : member(health, "checks")) {
        const auto state = text_at(check, "state");
        const auto text = text_at(check, "text");
        sheet.item(printable(text_at(check, "what")),
                   printable(text_at(check, "target") + " " + state + ", by " + text_at(check, "how") +
                             (text.empty() ? "" : ": " + text)),
                   tone(state));
    }
}

/// What became of a node, or of one line of it, newest first; nothing where the broker does not know of events.
void put_events(Sheet& sheet, Client& client, const std::string& node, const std::string& line) {
    constexpr std::size_t kRead = 256;
    constexpr std::size_t kShown = 10;
    const auto events = client.list("/api/v1/nodes/" + percent_encoded(node) + "/events", kRead);
    if (!events) return;
    std::size_t shown = 0;
    for (const auto& event : events.value()) {
        const auto of = text_at(event, "line");
        if ((!line.empty() && of != line) || shown == kShown) continue;
        if (shown++ == 0) {
            sheet.line("");
            sheet.title("lately");
        }
        const auto was = text_at(event, "was");
        const auto became = text_at(event, "became");
        const auto reason = text_at(event, "reason");
        const auto what = of.empty()
                              ? text_at(event, "kind")
                              : (line.empty() ? "line " + of + " " : "") +
                                    (text_at(event, "kind") == "line_identity" ? "identity " : "") +
                                    (was.empty() ? "" : was + " -> ") + became + (reason.empty() ? "" : ": " + reason);
        sheet.line("  " + printable(text_at(event, "at")) + "  " + printable(what));
    }
}

std::string old_since(const Json& node) {
    return text_at(node, "state") == "connected" ? std::string()
                                                 : time_and_age(node, "last_seen_at") + ", when the node was seen last";
}

constexpr std::size_t kAll = 1'000'000;

Answer<Json> find_node(const std::string& id, Client& client) {
    auto node = client.get("/api/v1/nodes/" + percent_encoded(id));
    if (node || node.error().exit != ExitCode::not_found) return node;
    EDGE_TRY(const auto nodes, client.list("/api/v1/nodes", kAll));
    std::vector<std::string> names;
    for (const auto& one : nodes) names.push_back(text_at(one, "name"));
    return Trouble{ExitCode::not_found, "no node \"" + id + "\"" + did_you_mean(id, names), "edgectl get nodes"};
}

Answer<ExitCode> describe_node(const DescribeCommand& command, Client& client, const Screen& screen) {
    EDGE_TRY(const auto node, find_node(command.id, client));
    if (command.format == Format::json || command.format == Format::jsonl) {
        screen.print(printable_json(dump_json(node)) + "\n");
        return ExitCode::ok;
    }
    Sheet sheet(screen.out_style);
    sheet.title("node " + printable(text_at(node, "name")));
    const auto state = text_at(node, "state");
    sheet.item("state", printable(state), tone_of_state(state));
    sheet.item("id", printable(text_at(node, "id")));
    sheet.item("connected", time_and_age(node, "connected_at"));
    sheet.item("last seen", time_and_age(node, "last_seen_at"));
    sheet.item("enrolled", time_and_age(node, "enrolled_at"));
    sheet.item("round trip", duration_at(node, "rtt_us"));
    sheet.item("agent", printable(text_at(node, "agent_version")));
    sheet.item("busy", printable(text_at(node, "busy")), Tone::warn);
    sheet.item("policy", printable(text_at(node, "policy_hash")));
    put_policy(sheet, member(node, "policy"));
    for (const auto& [key, value] : member(node, "labels").items())
        sheet.item("label", printable(key + "=" + (value.is_string() ? value.get<std::string>() : "")));
    if (member(node, "lines").empty())
        sheet.item("lines", "none; its edge-launcher does not run, or not where its agent looks for it", Tone::bad);
    for (const auto& line : member(node, "lines")) {
        sheet.line("");
        sheet.title("line " + printable(text_at(line, "name")));
        put_line(sheet, line);
        put_health(sheet, line, old_since(node));
    }
    put_events(sheet, client, command.id, "");
    screen.print(sheet.text());
    return ExitCode::ok;
}

/// NODE/LINE, or LINE where only one node has it.
Answer<Json> find_line(const std::string& id, Client& client) {
    const auto slash = id.find('/');
    const std::string node = slash == std::string::npos ? std::string() : id.substr(0, slash);
    const std::string name = slash == std::string::npos ? id : id.substr(slash + 1);
    EDGE_TRY(const auto lines, client.list("/api/v1/lines", kAll));
    std::vector<Json> found;
    std::vector<std::string> names;
    for (const auto& line : lines) {
        const Json& owner = member(line, "node");
        const std::string full = text_at(owner, "name") + "/" + text_at(line, "name");
        names.push_back(slash == std::string::npos ? text_at(line, "name") : full);
        const bool node_fits = node.empty() || node == text_at(owner, "name") || node == text_at(owner, "id");
        if (node_fits && name == text_at(line, "name")) found.push_back(line);
    }
    if (found.empty())
        return Trouble{ExitCode::not_found, "no line \"" + id + "\"" + did_you_mean(id, names), "edgectl get lines"};
    if (found.size() > 1)
        return Trouble{ExitCode::usage, std::to_string(found.size()) + " nodes have a line \"" + id + "\"",
                       "edgectl describe line " + text_at(member(found[0], "node"), "name") + "/" + name};
    return found[0];
}

Answer<ExitCode> describe_line(const DescribeCommand& command, Client& client, const Screen& screen) {
    EDGE_TRY(const auto line, find_line(command.id, client));
    if (command.format == Format::json || command.format == Format::jsonl) {
        screen.print(printable_json(dump_json(line)) + "\n");
        return ExitCode::ok;
    }
    Sheet sheet(screen.out_style);
    sheet.title("line " + printable(text_at(line, "name")) + " of node " +
                printable(text_at(member(line, "node"), "name")));
    put_line(sheet, line);
    std::string as_of;
    if (text_at(line, "state") == "unknown") {
        const auto node = client.get("/api/v1/nodes/" + percent_encoded(text_at(member(line, "node"), "id")));
        if (node) as_of = old_since(node.value());
    }
    put_health(sheet, line, as_of);
    put_events(sheet, client, text_at(member(line, "node"), "id"), text_at(line, "name"));
    screen.print(sheet.text());
    return ExitCode::ok;
}

void put_evidence(Sheet& sheet, const ProbeResult& result) {
    const Evidence& e = result.evidence;
    if (e.verified) {
        sheet.item("evidence", "verified", Tone::good);
    } else {
        sheet.item("evidence", printable("not verified: " + e.mismatch_reason),
                   e.src_addr.empty() ? Tone::dim : Tone::bad);
    }
    const auto end = [](const std::string& address, std::uint16_t port) {
        if (address.empty()) return std::string();
        const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
        return port == 0 ? address : host + ":" + std::to_string(port);
    };
    if (!e.src_addr.empty())
        sheet.item("socket", printable(end(e.src_addr, e.src_port) + " -> " + end(e.dst_addr, e.dst_port)));
    sheet.item("device", printable(e.ifname) + ", index " + std::to_string(e.ifindex) + ", mark " + hex_text(e.fwmark) +
                             ", table " + std::to_string(e.table));
    if (e.route_get) {
        const RouteGet& r = *e.route_get;
        sheet.item("kernel says", printable(!r.error.empty() ? r.error
                                                             : r.oif + (r.gw.empty() ? " on-link" : " via " + r.gw) +
                                                                   (r.prefsrc.empty() ? "" : " from " + r.prefsrc) +
                                                                   ", table " + std::to_string(r.table)));
    }
    sheet.item("enforced by", level_text(std::string(enum_text(e.enforced_by))));
}

void put_detail(Sheet& sheet, const ProbeResult& result) {
    if (result.service == "dns") {
        if (const auto detail = decode<DnsDetail>(result.detail, UnknownFields::ignore)) {
            for (const auto& r : detail.value().answer)
                sheet.item("answer", printable(r.name + " " + std::to_string(r.ttl) + " " + r.type + " " + r.rdata));
        }
    }
    if (result.service == "http") {
        if (const auto detail = decode<HttpDetail>(result.detail, UnknownFields::ignore)) {
            for (const auto& hop : detail.value().hops) {
                sheet.item("hop", printable(std::to_string(hop.status) + " " + hop.url + " at " + hop.peer + ", " +
                                            hop.protocol));
                if (hop.tls)
                    sheet.item("tls",
                               printable(hop.tls->version + ", " + hop.tls->subject + ", until " + hop.tls->not_after +
                                         (hop.tls->verified ? "" : ", NOT trusted: " + hop.tls->verify_error)));
            }
        }
    }
    if (result.service == "ping") {
        if (const auto detail = decode<PingDetail>(result.detail, UnknownFields::ignore);
            detail && detail.value().sent > 0) {
            const auto& d = detail.value();
            sheet.item("replies", std::to_string(d.rcvd) + " of " + std::to_string(d.sent) +
                                      (d.dup > 0 ? ", " + std::to_string(d.dup) + " duplicates" : ""));
            if (d.avg_us) {
                sheet.item("round trip", "min " + duration_text(d.min_us.value_or(0)) + ", avg " +
                                             duration_text(*d.avg_us) + ", max " + duration_text(d.max_us.value_or(0)) +
                                             ", mdev " + duration_text(d.mdev_us.value_or(0)));
            }
        }
    }
}

void put_row(Sheet& sheet, const Row& row, bool is_numbered) {
    const auto outcome = outcome_of(row);
    sheet.line("");
    sheet.title(printable(row.task.line.name + " (" + row.task.line.carrier + ") of " + row.task.node.name) +
                (is_numbered ? ", task " + std::to_string(row.number) : ""));
    sheet.item("status", printable(outcome), tone_of(outcome));
    if (!row.result) return;
    const ProbeResult& result = *row.result;
    if (result.failure) sheet.item("failure", printable(failure_text(*result.failure)), Tone::bad);
    sheet.item("took", duration_text(result.summary.duration_us) + ", queued " + duration_text(result.queued_us) +
                           (result.attempt > 1 ? ", attempt " + std::to_string(result.attempt) : ""));
    if (result.summary.code) sheet.item("code", printable(*result.summary.code));
    put_detail(sheet, result);
    put_evidence(sheet, result);
    sheet.item("result", printable(result.id));
}

/// The run as the API has it, and its results so far.
std::string with_results(const RunState& state) {
    Json run = encode(state.run());
    run.erase("tasks_list");
    std::string text = printable_json(dump_json(run));
    text.pop_back();
    text += ",\"results\":[";
    const char* separator = "\n  ";
    for (const auto& row : state.rows()) {
        if (row.result) text += std::exchange(separator, ",\n  ") + printable_json(row.raw);
    }
    return text + "]}\n";
}

Answer<ExitCode> describe_run(const DescribeCommand& command, Client& client, const Screen& screen) {
    if (const auto other = no_run(command.id, client)) return *other;
    if (command.follow) return follow(command.id, command.timeout, command.fail_on, command.format, client, screen);
    RunState state;
    EDGE_TRY(fetch_run(client, command.id, state));
    const ExitCode exit = state.is_finished() ? exit_of(state, command.fail_on, Asked::afterwards) : ExitCode::ok;
    if (command.format == Format::json) {
        screen.print(with_results(state));
        return exit;
    }
    if (command.format == Format::jsonl) {
        make_run_view(command.format, screen)->finish(state);
        return exit;
    }
    const Run& run = state.run();
    Sheet sheet(screen.out_style);
    sheet.title(printable(run.service + " " + run.target + " from " + run.selector));
    sheet.item("run", printable(run.id));
    sheet.item(
        "state",
        printable(run.state) + (state.is_finished() ? "" : "; edgectl describe run " + printable(run.id) + " --follow"),
        state.is_finished() ? Tone::plain : Tone::busy);
    sheet.item("began", printable(run.created_at));
    sheet.item("ended", printable(run.finished_at.value_or("")));
    sheet.item("lines", summary_line(state));
    if (is_told_by_line(state)) {
        sheet.item("results", "edgectl describe run " + printable(run.id) + " -o jsonl");
        sheet.line("");
        const Detail detail = command.format == Format::wide ? Detail::wide : Detail::normal;
        for (const auto& line : lines_of(line_table(state, detail), screen.width(), screen.out_style)) sheet.line(line);
    } else {
        for (const auto& row : state.rows()) put_row(sheet, row, state.repeats());
    }
    screen.print(sheet.text());
    return exit;
}

Answer<ExitCode> describe_job(const DescribeCommand& command, Client& client, const Screen& screen) {
    EDGE_TRY(const auto job, client.get("/api/v1/jobs/" + percent_encoded(command.id)));
    if (command.format == Format::json || command.format == Format::jsonl) {
        screen.print(printable_json(dump_json(job)) + "\n");
        return ExitCode::ok;
    }
    Sheet sheet(screen.out_style);
    sheet.title("job " + printable(text_at(job, "id")));
    sheet.item("service", printable(text_at(job, "service")));
    sheet.item("selector", printable(text_at(job, "selector")));
    const auto item = [&sheet](std::string_view name, const Json& value) {
        sheet.item(printable(name), printable(value.is_string() ? value.get<std::string>() : dump_json(value)));
    };
    for (const auto& [key, value] : member(job, "params").items()) item(key, value);
    for (const char* key : {"start_within_ms", "repeat", "require_level"}) {
        if (job.contains(key)) item(key, job[key]);
    }
    sheet.item("labels", printable(labels_at(job, "labels")));
    sheet.item("made", time_and_age(job, "created_at"));
    sheet.item("last run", printable(text_at(job, "last_run")));
    screen.print(sheet.text());
    return ExitCode::ok;
}

}  // namespace

Answer<ExitCode> describe(const DescribeCommand& command, Client& client, const Screen& screen) {
    switch (command.kind) {
        case Kind::nodes:
            return describe_node(command, client, screen);
        case Kind::lines:
            return describe_line(command, client, screen);
        case Kind::runs:
            return describe_run(command, client, screen);
        case Kind::jobs:
            return describe_job(command, client, screen);
        case Kind::tokens:
            break;
    }
    return Trouble{ExitCode::usage, "describe shows a node, a line, a run or a job", "edgectl help describe"};
}

}  // namespace edge::cli
