#include "probes/run_probe.hpp"

#include "probes/dns/dns_probe.hpp"
#include "probes/http/http_probe.hpp"
#include "probes/ping/ping_probe.hpp"

namespace edge::probes {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

ProbePtr make_probe(ProbeSpec spec, const Surroundings& around, ProbeEvents events) {
    return std::visit(Overloaded{
                          [&](DnsSpec& dns) { return make_dns_probe(std::move(dns), around, std::move(events)); },
                          [&](HttpSpec& http) { return make_http_probe(std::move(http), around, std::move(events)); },
                          [&](PingSpec& ping) { return make_ping_probe(std::move(ping), around, std::move(events)); },
                      },
                      spec);
}

Failure stopped(Stop reason, Source source, std::string phase) {
    if (reason == Stop::canceled) return Failure{Source::agent, std::move(phase), "canceled", "it was canceled"};
    return Failure{source, std::move(phase), "timeout", "the deadline came first"};
}

}  // namespace edge::probes
