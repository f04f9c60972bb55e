// What ip(8) prints of addresses, routes of IPv4 and IPv6, and rules, a line each: whatever is proposed from it is a
// lines.toml, a name, a table and a mark for each line.
#include <set>

#include "agent/enrolment/config_texts.hpp"
#include "agent/enrolment/ip_output.hpp"
#include "protocol/config/toml.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest = fuzz::text_of(data, size);
    const auto next = [&rest] {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        return line;
    };
    agent::NetworkFacts facts;
    (void)agent::add_devices(next(), facts);
    (void)agent::add_routes(next(), false, facts);
    (void)agent::add_routes(next(), true, facts);
    (void)agent::add_rules(next(), facts);
    facts.resolvers = agent::resolvers_in(rest);
    const auto proposal = agent::propose_lines(facts);
    if (!proposal) return 0;
    std::set<std::string> names;
    std::set<std::uint32_t> tables, marks;
    for (const auto& line : proposal.value().lines) {
        fuzz::demand(names.insert(line.name).second && !line.name.empty(), "each line has a name of its own");
        fuzz::demand(tables.insert(line.table).second && line.table != 0, "and a table");
        fuzz::demand(marks.insert(line.mark).second && line.mark != 0, "and a mark");
        fuzz::demand(!line.addresses.empty() && line.addresses.size() <= 4, "and one to four addresses");
    }
    fuzz::demand(bool(TomlText::parse(agent::lines_text(proposal.value()), "lines.toml")), "what is written is TOML");
    (void)agent::shown(proposal.value());
    return 0;
}
