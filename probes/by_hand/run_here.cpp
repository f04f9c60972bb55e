#include "probes/by_hand/run_here.hpp"

#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "probes/run_probe.hpp"
#include "probes/worker/engines.hpp"
#include "probes/worker/landlock.hpp"
#include "probes/worker/seccomp_filter.hpp"

namespace edge::probes {
namespace {

std::string read_file(const char* path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

TrustStore system_trust() {
    auto trust = TrustStore::load("/etc/ssl/certs/ca-certificates.crt");
    if (trust) return std::move(trust.value());
    std::fprintf(stderr, "edge-probe: %s\n", trust.error().message().c_str());
    return TrustStore();
}

void seal() {
    give_up_files();
    if (auto sealed = seal_system_calls(); !sealed)
        std::fprintf(stderr, "edge-probe: runs without its filter: %s\n", sealed.error().message().c_str());
}

}  // namespace

Outcome run_here(ProbeSpec spec, const ShowProgress& show) {
    Engines engines(TargetPolicy::unrestricted(), nameservers(read_file("/etc/resolv.conf")), system_trust());
    seal();
    Outcome outcome;
    boost::asio::steady_timer deadline(engines.io(), std::chrono::milliseconds(longest_run_ms(spec) + 1'000));
    ProbeEvents events{show, [&](ProbeReport report) {
                           outcome.report = std::move(report);
                           outcome.report.concurrency = 1;
                           deadline.cancel();
                       }};
    const ProbePtr probe = make_probe(std::move(spec), engines.surroundings(), std::move(events));
    deadline.async_wait([&](boost::system::error_code error) {
        if (!error) probe->stop(Stop::deadline);
    });
    probe->start();
    engines.run();
    return outcome;
}

}  // namespace edge::probes
