#include "agent/enrolment/config_texts.hpp"

#include <cstdio>

namespace edge::agent {
namespace {

std::string quoted(const std::string& text) {
    return '"' + text + '"';  // names of devices and carriers have no character that TOML would escape
}

/// Of what may have a device's name in it, and such a name nearly anything.
std::string plain(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    return text;
}

std::string address_text(const FoundAddress& address) {
    return address.ip.text() + (address.length != 0 ? "/" + std::to_string(address.length) : "");
}

template <class Each, class Text>
std::string list_of(const Each& each, Text text, const char* quote) {
    std::string all;
    for (const auto& one : each) all += (all.empty() ? "" : ", ") + (quote + text(one) + quote);
    return all;
}

std::string mark_text(std::uint32_t mark) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", mark);
    return text;
}

std::string carrier_note(const ProposedLine& line) {
    return line.carrier_from.empty() ? "not known; ct, cu, cm, cbn, edu, … if you know it"
                                     : plain("guessed from " + line.carrier_from);
}

std::string line_text(const ProposedLine& line) {
    std::string text = "\n[[line]]\nname = " + quoted(line.name) + "\n# " + carrier_note(line) +
                       "\ncarrier = " + quoted(line.carrier) + "\n";
    if (line.shares_device) text += "kind = \"address\"\n";
    text += "device = " + quoted(line.device) + "\naddresses = [" + list_of(line.addresses, address_text, "\"") + "]\n";
    if (line.gateway4) text += "gateway4 = " + quoted(line.gateway4->text()) + "\n";
    if (line.gateway6) text += "gateway6 = " + quoted(line.gateway6->text()) + "\n";
    text += "table = " + std::to_string(line.table) + "\nmark = " + mark_text(line.mark) + "\nresolvers = [" +
            list_of(
                line.resolvers, [](const IpAddress& ip) { return ip.text(); }, "\"") +
            "]\nroutes = " + (line.managed ? "\"managed\"" : "\"external\"") + "\n";
    for (const auto& note : line.notes) text += "# " + plain(note) + "\n";
    return text;
}

}  // namespace

std::string lines_text(const Proposal& proposal) {
    std::string text =
        "# The node's uplinks, as edge-agent enroll found them. Every key: lines.toml(5). After a change: "
        "edge-launcher\n"
        "# --check-config, and systemctl restart edge-launcher.\n";
    for (const auto& line : proposal.lines) text += line_text(line);
    if (!proposal.notes.empty()) text += "\n# Left out:\n";
    for (const auto& note : proposal.notes) text += "# " + plain(note) + "\n";
    return text;
}

std::string policy_text() {
    return "# What probes may do on this node; written by edge-agent enroll. Every key: policy.toml(5). After a "
           "change:\n"
           "# edge-launcher --check-config, and systemctl restart edge-launcher.\n"
           "services = [\"dns\", \"http\", \"ping\"]\n\n"
           "[targets]\n"
           "# Private, link-local, metadata and other special ranges are closed unless they stand here.\n"
           "allow = []\n"
           "ports = [53, 80, 443]\n";
}

std::string agent_text() {
    return "# Written by edge-agent enroll: all is as agent.toml(5) says it is by default. After a change: edge-agent\n"
           "# --check-config, and systemctl restart edge-agent.\n";
}

std::string shown(const Proposal& proposal) {
    std::string text;
    for (const auto& line : proposal.lines) {
        const auto row = [&](const std::string& what) { text += "            " + what + "\n"; };
        text += "  " + line.name + std::string(line.name.size() < 10 ? 10 - line.name.size() : 1, ' ') + "carrier " +
                line.carrier + " (" + carrier_note(line) + ")\n";
        std::string ways = line.device + ": " + list_of(line.addresses, address_text, "");
        if (line.gateway4) ways += "  gateway " + line.gateway4->text();
        if (line.gateway6) ways += "  gateway " + line.gateway6->text();
        row(ways);
        row("table " + std::to_string(line.table) +
            (line.managed ? ", whose routes EDGE writes" : ", which is there, and its routes stay as they are") +
            "; mark " + mark_text(line.mark) +
            (line.resolvers.empty()
                 ? ""
                 : "; resolvers " + list_of(
                                        line.resolvers, [](const IpAddress& ip) { return ip.text(); }, "")));
        for (const auto& note : line.notes) row("note: " + plain(note));
    }
    for (const auto& note : proposal.notes) text += "  left out: " + plain(note) + "\n";
    return text;
}

}  // namespace edge::agent
