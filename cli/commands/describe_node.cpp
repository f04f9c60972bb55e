#include "cli/commands/describe.hpp"
#include "cli/commands/things.hpp"
#include "cli/show/figures.hpp"
#include "cli/show/sheet.hpp"
#include "protocol/nearest.hpp"

namespace edge::cli {
namespace {

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

std::string uplink_text(const Json& node) {
    const Json& uplink = member(node, "uplink");
    if (!uplink.is_object()) return {};
    const auto bound = text_at(uplink, "bound");
    const auto why = text_at(uplink, "why");
    return text_at(uplink, "name") + " to " + text_at(uplink, "broker") +
           (bound == "host" ? ", as the host routes"
                            : ", bound by " + (bound == "launcher" ? "edge-launcher" : bound)) +
           (text_at(uplink, "transport") == "poll" ? ", by HTTPS requests" : "") + (why.empty() ? "" : "; " + why);
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
        const auto of_whom = of.empty() ? text_at(event, "kind") + " "
                                        : (line.empty() ? "line " + of + " " : "") +
                                              (text_at(event, "kind") == "line_identity" ? "identity " : "");
        const auto what = became.empty() ? text_at(event, "kind")
                                         : of_whom + (was.empty() ? "" : was + " -> ") + became +
                                               (reason.empty() ? "" : ": " + reason);
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

}  // namespace

Answer<ExitCode> describe_node(const DescribeCommand& command, Client& client, const Screen& screen) {
    EDGE_TRY(const auto node, find_node(command.id, client));
    if (command.format == Format::json || command.format == Format::jsonl) {
        screen.print(printable_json(dump_json(node)) + "\n");
        return ExitCode::ok;
    }
    Sheet sheet(screen.out_style);
    sheet.title("node " + printable(text_at(node, "name")));
    const auto state = text_at(node, "state");
    const auto reason = text_at(node, "reason");
    sheet.item("state", printable(state + (reason.empty() ? "" : ": " + reason)), tone_of_state(state));
    if (state == "pending")
        sheet.item("to let it in", "edgectl approve " + printable(text_at(node, "name")), Tone::warn);
    sheet.item("id", printable(text_at(node, "id")));
    sheet.item("came by", printable(text_at(node, "join_token")));
    sheet.item("new key", time_and_age(node, "new_key_at"));
    sheet.item("connected", time_and_age(node, "connected_at"));
    sheet.item("last seen", time_and_age(node, "last_seen_at"));
    sheet.item("enrolled", time_and_age(node, "enrolled_at"));
    sheet.item("round trip", duration_at(node, "rtt_us"));
    sheet.item("uplink", printable(uplink_text(node)));
    sheet.item("agent", printable(text_at(node, "agent_version")));
    sheet.item("busy", printable(text_at(node, "busy")), Tone::warn);
    sheet.item("policy", printable(text_at(node, "policy_hash")));
    put_policy(sheet, member(node, "policy"));
    for (const auto& [key, value] : member(node, "labels").items())
        sheet.item("label", printable(key + ":" + (value.is_string() ? value.get<std::string>() : "")));
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

}  // namespace edge::cli
