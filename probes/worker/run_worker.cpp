#include "probes/worker/run_worker.hpp"

#include <malloc.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "probes/reactor/line_device.hpp"
#include "probes/worker/engines.hpp"
#include "probes/worker/landlock.hpp"
#include "probes/worker/options.hpp"
#include "probes/worker/seccomp_filter.hpp"
#include "probes/worker/session.hpp"

namespace edge::probes {
namespace {

int complain(const Error& error, int status) {
    std::fprintf(stderr, "edge-probe worker: %s\n", error.message().c_str());
    return status;
}

/// Without a bundle the worker still pings and asks; HTTPS then finds every issuer unknown.
TrustStore load_trust(const std::string& file) {
    auto trust = TrustStore::load(file);
    if (trust) return std::move(trust.value());
    complain(trust.error(), 0);
    return TrustStore();
}

}  // namespace

int run_worker(const std::vector<std::string>& arguments) {
    auto options = parse_worker_options(arguments);
    if (!options) return complain(options.error(), EX_USAGE);
    std::signal(SIGPIPE, SIG_IGN);
    bind_sockets_to(options.value().bind);
    Engines engines(options.value().policy, options.value().resolvers, load_trust(options.value().ca_file));
    std::string why_closed;
    Session session(engines.surroundings(), options.value().fd, [&](const std::string& why) {
        why_closed = why;
        engines.io().stop();
    });
    const bool has_landlock = give_up_files();
    if (auto sealed = seal_system_calls(options.value().bind.empty() ? Binding::done : Binding::by_itself); !sealed)
        return complain(sealed.error(), EX_OSERR);
    malloc_trim(0);  // starting up took more than serving does
    session.start(has_landlock ? "seccomp+landlock" : "seccomp");
    engines.run();
    if (!why_closed.empty()) std::fprintf(stderr, "edge-probe worker: event=closed why=\"%s\"\n", why_closed.c_str());
    _exit(why_closed.empty() ? EX_OK : EX_PROTOCOL);  // nothing to flush, and a thousand sockets need no farewell
}

}  // namespace edge::probes
