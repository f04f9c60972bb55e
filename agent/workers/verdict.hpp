// From what a worker reported, or did not, to the result the broker is told. Pure.
#pragma once
#include <optional>
#include <string>

#include "agent/moment.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

/// A result without its number, and its line of detail.
struct Finished {
    link::TaskResult result;
    std::string detail;
};

/// When the agent handed a task over and got its end, as its own clocks saw it.
struct Span {
    std::uint64_t queued_us = 0;
    std::uint64_t started_us = 0;  // wall
    std::uint64_t ended_us = 0;    // wall
};

/// The report of a task that never reached a worker, or whose worker did not live to answer.
ProbeReport failed_report(Status status, Source source, std::string phase, std::string code, std::string text);
ProbeReport no_launcher_report();
ProbeReport link_down_report(const Line& line);
/// Of a line whose link is up and that takes no work all the same.
ProbeReport no_work_report(const LineName& line, const Standing& standing);

/// A probe that failed while its line was down, or without a route, failed because of the line.
void blame_line(const std::optional<RouteAnswer>& route, ProbeReport& report);
/// Could the line be at fault? Then its state is asked for before blaming anybody.
bool may_be_the_line(const ProbeReport& report);

/// Joins task, report and evidence. A worker parses hostile bytes and is not trusted: what is no address is dropped
/// where one belongs, texts are cut to a sane length, and the detail is left out when both do not fit a message as they
/// are written.
Finished make_finished(const link::Task& task, const Span& span, ProbeReport report, const Evidence& evidence);

/// The target as far as the params say one.
std::string target_in(const Json& params);

}  // namespace edge::agent
