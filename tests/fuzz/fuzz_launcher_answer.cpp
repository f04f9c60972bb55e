// What the agent is told on the launcher's socket: a line or a route that is taken goes on to the broker, which takes
// it.
#include "agent/workers/launcher_answers.hpp"
#include "agent/workers/lines.hpp"
#include "agent/workers/node_policy.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

namespace {

template <class B>
void check_size(std::string_view packet) {
    if (agent::body_of<B>(packet))
        fuzz::demand(packet.size() == sizeof(launcher::Packet<B>), "a body is whole, and nothing is behind it");
}

void check_line(const launcher::LineInfo& info) {
    const auto line = agent::line_from(info);
    if (!line) return;
    fuzz::demand(line.value().report.addresses.size() <= launcher::kMaxAddresses, "a line has four addresses at most");
    fuzz::demand(line.value().towards.empty() || IpAddress::parse(line.value().towards), "towards is an address");
    const std::string told = link::encode_envelope(link::Lines{{line.value().report}});
    const auto received = link::decode_message(told);
    fuzz::demand(received && received.value().size() == 1, "the broker takes what is told of a line");
    fuzz::demand(link::encode_envelope(received.value()[0].envelope) == told, "and understands the same");
}

void check_route(const launcher::Route& route) {
    const agent::RouteAnswer answer = agent::route_from(route);
    fuzz::demand(answer.route.error.empty() == (route.error == 0), "an errno has a name");
    const LineFacts line{
        .name = "telecom", .ifname = "wan0", .table = 101, .addresses = {"100.64.1.2"}, .enforced_by = EnforcedBy::bpf};
    const SocketFacts socket{.src_addr = "100.64.1.2", .ifname = "wan0"};
    const auto evidence = make_evidence(line, {{socket, answer.route}});
    const bool agrees = route.error == 0 && answer.route.oif == line.ifname && route.table == line.table;
    fuzz::demand(evidence.verified == agrees, "verified is a route by the line's device and table");
}

void check_policy(const launcher::PolicyPart& part) {
    link::Policy policy;
    agent::add_entries(part, policy);
    const std::string told = link::encode_envelope(policy);
    const auto received = link::decode_message(told);
    fuzz::demand(received && received.value().size() == 1, "the broker takes what is told of a policy");
    fuzz::demand(link::encode_envelope(received.value()[0].envelope) == told, "and understands the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view packet = fuzz::text_of(data, size);
    check_size<launcher::HostInfo>(packet);
    check_size<launcher::Spawned>(packet);
    check_size<launcher::WorkerExited>(packet);
    check_size<launcher::Done>(packet);
    if (const auto line = agent::body_of<launcher::LineInfo>(packet)) check_line(line.value());
    if (const auto part = agent::body_of<launcher::PolicyPart>(packet)) check_policy(part.value());
    const auto route = agent::body_of<launcher::Route>(packet);
    if (route) check_route(route.value());
    if (!route) fuzz::demand(route.error().message().find('\0') == std::string::npos, "an error is text");
    return 0;
}
