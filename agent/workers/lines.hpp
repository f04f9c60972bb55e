// Lines and routes as the launcher tells them, in the words of the link and of evidence. Pure.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "protocol/evidence.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

struct Line {
    link::LineReport report;
    LineFacts facts;
    std::string towards;  // an address behind the line: its gateway or first resolver; empty when it has neither
    std::vector<std::string> gateways;  // at most one of each family
    std::vector<std::string> absent;    // of the addresses: those that the device does not have
    std::string netns;                  // the network namespace of its device; empty: the launcher's own
    std::string parent;                 // the device that its own was made on by the launcher; empty: it was not
    bool up = false;                    // its link
};

/// What is thought of a line beyond its link, and whether it is given work.
struct Standing {
    link::LineState state = link::LineState::up;
    std::string reason;  // empty when up
    bool takes_work = true;
    std::optional<link::LineHealth> health;
};

/// Errors: bad_value when the launcher's name is not one.
Result<Line> line_from(const launcher::LineInfo& info);

struct RouteAnswer {
    RouteGet route;
    bool link_up = false;
};
RouteAnswer route_from(const launcher::Route& route);

link::LineUsage usage_from(const LineName& name, const launcher::LineUsage& usage);
link::SandboxUsage usage_from(const LineName& line, const launcher::WorkerStats& stats);

/// The launcher's form of an address, or nothing when the text is not one.
std::optional<launcher::Address> address_from(const std::string& text);
std::string address_text(const launcher::Address& address);
/// Of an address's text.
bool is_v6(const std::string& address);
/// Those of one family.
std::vector<std::string> of_family(const std::vector<std::string>& addresses, bool v6);
launcher::LineName launcher_name(const LineName& name);

}  // namespace edge::agent
