#include <algorithm>

#include "agent/disk/posix_disk.hpp"
#include "agent/doctor/checks.hpp"
#include "agent/link/identity.hpp"
#include "protocol/json/described.hpp"

namespace edge::agent {

void check_uplinks(const Settings& settings, const std::vector<launcher::LineInfo>& lines, Diagnosis& diagnosis) {
    for (const std::string& name : settings.link.uplinks) {
        if (name == link::kHostUplink) continue;
        const auto info = std::ranges::find(lines, name, [](const launcher::LineInfo& one) -> std::string {
            return {one.name.text, strnlen(one.name.text, sizeof one.name.text)};
        });
        if (info == lines.end()) {
            diagnosis.add(FindingLevel::fail, "uplink " + name, "no line of this name is in lines.toml",
                          "set [link] uplinks of agent.toml to names of lines, or mgmt");
            continue;
        }
        const auto line = line_from(*info);
        if (line && !line.value().up)
            diagnosis.add(FindingLevel::warn, "uplink " + name,
                          "cannot carry the link now: " + line.value().report.reason);
    }
    auto state = PosixDisk::open(settings.agent.state_dir);
    if (!state) return;  // check_broker has said so
    const auto used = load_uplink(state.value());
    if (!used) return;
    const link::Uplink& uplink = used.value();
    const std::string bound = uplink.bound == link::UplinkBound::host
                                  ? ", as the host routes"
                                  : ", bound: " + std::string(enum_text(uplink.bound));
    diagnosis.add(FindingLevel::ok, "uplink",
                  "the link's last session is over " + uplink.name + " to " + uplink.broker + bound +
                      (uplink.transport == link::LinkTransport::poll ? ", by HTTPS requests" : "") +
                      (uplink.why.empty() ? "" : "; " + uplink.why));
}

}  // namespace edge::agent
