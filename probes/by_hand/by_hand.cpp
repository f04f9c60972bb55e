#include "probes/by_hand/by_hand.hpp"

#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "probes/by_hand/command_line.hpp"
#include "probes/by_hand/print.hpp"
#include "probes/by_hand/run_here.hpp"
#include "probes/by_hand/run_on_line.hpp"

namespace edge::probes {
namespace {

constexpr int kExitFailed = 1;

void put(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

int complain(const Error& error) {
    std::fprintf(stderr, "edge-probe: %s\n", printable(error.message()).c_str());
    switch (error.code) {
        case Errc::unavailable:
            return EX_UNAVAILABLE;
        case Errc::denied:
            return EX_NOPERM;
        case Errc::not_found:
        case Errc::bad_value:
            return kExitMistake;
        default:
            return kExitFailed;
    }
}

bool lacks_privilege(const ProbeReport& report) {
    return report.failure && report.failure->source == Source::agent && report.failure->phase == "start" &&
           (report.failure->code == "EACCES" || report.failure->code == "EPERM");
}

std::string ping_group_range() {
    std::ifstream file("/proc/sys/net/ipv4/ping_group_range");
    std::string line;
    std::getline(file, line);
    return line;
}

int exit_status(const ProbeReport& report) {
    if (report.status == Status::ok || report.status == Status::partial) return EX_OK;
    return lacks_privilege(report) ? EX_NOPERM : kExitFailed;
}

}  // namespace

int run_by_hand(int argc, char** argv) {
    auto parsed = read_command_line(argc, argv);
    if (const Told* told = std::get_if<Told>(&parsed)) {
        std::fputs(printable(told->text).c_str(), told->status == 0 ? stdout : stderr);
        return told->status;
    }
    const Command& command = std::get<Command>(parsed);
    const Service service = service_of(command.spec);
    const ShowProgress show = [&](const Json& data) {
        if (!command.as_json) put(progress_text(service, data));
    };
    Outcome outcome;
    if (command.line.empty()) {
        const std::string hint = ping_hint(::getegid(), ping_group_range());  // sealed, neither can be asked
        outcome = run_here(command.spec, show);
        if (service == Service::ping && lacks_privilege(outcome.report)) outcome.report.failure->text += hint;
    } else {
        auto on_line = run_on_line(command, show);
        if (!on_line) return complain(on_line.error());
        outcome = std::move(on_line.value());
    }
    put(command.as_json ? dump_json(outcome_json(command.spec, outcome)) + "\n" : outcome_text(command.spec, outcome));
    return exit_status(outcome.report);
}

}  // namespace edge::probes
