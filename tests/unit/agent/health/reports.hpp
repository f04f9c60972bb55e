// What workers answer to health's probes.
#pragma once
#include <string>

#include "agent/health/checks.hpp"
#include "agent/workers/verdict.hpp"
#include "protocol/json/described.hpp"

namespace edge::agent {

inline ProbeReport good_report() {
    ProbeReport report;
    report.status = Status::ok;
    return report;
}

inline ProbeReport timeout_report() {
    return failed_report(Status::failed, Source::target, "wait", "timeout", "no answer");
}

inline ProbeReport denied_report() {
    return failed_report(Status::refused, Source::policy, "start", "denied", "it is private");
}

/// Of the broker's echo.
inline ProbeReport echo_report(const std::string& body, std::uint32_t status = 200) {
    HttpDetail detail;
    detail.hops.emplace_back().status = status;
    detail.body = body;
    ProbeReport report = good_report();
    report.detail = encode(detail);
    return report;
}

inline ProbeReport echo_of(const std::string& address) {
    return echo_report("{\"address\":\"" + address + "\",\"port\":40000}");
}

}  // namespace edge::agent
