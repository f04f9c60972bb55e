#include "agent/doctor/doctor.hpp"

#include "agent/doctor/checks.hpp"

namespace edge::agent {

Diagnosis examine(const Settings& settings) {
    Diagnosis diagnosis;
    check_kernel(diagnosis);
    check_broker(settings, diagnosis);
    check_agent(settings, diagnosis);
    LauncherQuestions launcher(settings.agent.launcher);
    const auto host = launcher.host();
    const auto lines = launcher.lines();
    const auto policy = launcher.policy();
    if (!host || !lines || !policy) {
        const Error& why = !host ? host.error() : !lines ? lines.error() : policy.error();
        const bool denied = why.os_errno == EACCES || why.os_errno == EPERM;
        const bool is_anothers = why.code == Errc::denied && !denied;
        diagnosis.add(FindingLevel::fail, "launcher", why.message(),
                      denied        ? "sudo edge-agent doctor"
                      : is_anothers ? "edge-agent doctor, as that user"
                                    : unit_command("start", "edge-launcher"));
        return diagnosis;
    }
    check_launcher(settings.agent.launcher, host.value(), diagnosis);
    check_ping(host.value(), diagnosis);
    check_lines(launcher, lines.value(), diagnosis);
    check_disabled(settings.lines, lines.value(), diagnosis);
    check_uplinks(settings, lines.value(), diagnosis);
    check_gateways(lines.value(), policy.value(), diagnosis);
    check_escapes(launcher, host.value(), lines.value(), policy.value(), diagnosis);
    return diagnosis;
}

}  // namespace edge::agent
