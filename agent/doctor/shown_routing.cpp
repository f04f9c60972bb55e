#include "agent/doctor/shown_routing.hpp"

#include <algorithm>
#include <iterator>

#include "protocol/json/bounded.hpp"
#include "protocol/launcher/line_commands.hpp"

namespace edge::agent {
namespace {

constexpr JsonLimits kShown{.bytes = 4 << 20, .values = 1 << 20};
constexpr std::int64_t kMainTable = 32766;  // where its rule stands: what stands behind it is never reached

std::string text_at(const Json& rule, const char* key) {
    const auto at = rule.find(key);
    return at != rule.end() && at->is_string() ? at->get<std::string>() : std::string();
}

/// With that selector and no other, before the main table's.
bool is_rule(const Json& rule, const std::string& from, const std::string& device, const std::string& table) {
    if (!rule.is_object()) return false;
    for (const auto& [key, value] : rule.items())
        if (key != "priority" && key != "src" && key != "oif" && key != "table" && key != "protocol") return false;
    const auto priority = rule.find("priority");
    return priority != rule.end() && priority->is_number_integer() && priority->get<std::int64_t>() < kMainTable &&
           text_at(rule, "src") == from && text_at(rule, "oif") == device && text_at(rule, "table") == table;
}

}  // namespace

std::optional<std::vector<std::string>> missing_rules(const std::string& shown, const Line& line, bool v6) {
    const auto rules = parse_json(shown, kShown);
    if (!rules || !rules.value().is_array()) return std::nullopt;
    std::vector<std::string> commands;
    const auto need = [&](const std::string& from, const std::string& device, const std::string& selector) {
        const auto is_it = [&](const Json& rule) {
            return is_rule(rule, from, device, std::to_string(line.facts.table));
        };
        if (std::none_of(rules.value().begin(), rules.value().end(), is_it))
            commands.push_back(launcher::rule_command(v6, selector, line.facts.table));
    };
    need("all", line.facts.ifname, "oif " + line.facts.ifname);
    for (const auto& address : of_family(line.facts.addresses, v6)) need(address, "", "from " + address);
    return commands;
}

bool has_default_route(const std::string& shown) {
    const auto routes = parse_json(shown, kShown);
    return routes && routes.value().is_array() &&
           std::any_of(routes.value().begin(), routes.value().end(),
                       [](const Json& route) { return route.is_object() && text_at(route, "dst") == "default"; });
}

std::vector<std::string> of_family(const std::vector<std::string>& addresses, bool v6) {
    std::vector<std::string> some;
    std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(some),
                 [v6](const std::string& one) { return (one.find(':') != std::string::npos) == v6; });
    return some;
}

}  // namespace edge::agent
