#include "agent/health/checks.hpp"

#include <algorithm>

#include "protocol/anywhere.hpp"
#include "protocol/cut_text.hpp"
#include "protocol/ip.hpp"
#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

constexpr unsigned kToFail = 3;
constexpr unsigned kToRecover = 2;
constexpr std::uint32_t kTimeoutMs = 2'000;
constexpr std::uint32_t kEchoTimeoutMs = 5'000;
constexpr std::uint32_t kEchoBytes = 256;
constexpr std::size_t kText = 120;

/// The family of a URL whose host is an address.
std::optional<bool> family_in_url(std::string_view url) {
    url.remove_prefix(std::min(url.size(), url.find("://") + 3));
    const bool bracketed = url.starts_with('[');
    const auto host = bracketed ? url.substr(1, url.find(']') - 1) : url.substr(0, url.find_first_of(":/?#"));
    const auto address = IpAddress::parse(host);
    return address ? std::optional(address.value().v6) : std::nullopt;
}

std::string route_target(bool v6, const std::vector<std::string>& anchors) {
    const auto of_family = std::ranges::find_if(anchors, [v6](const auto& anchor) { return is_v6(anchor) == v6; });
    return of_family != anchors.end() ? *of_family : v6 ? kAnywhere6 : kAnywhere4;
}

std::string short_text(std::string text) {
    cut_text(text, kText);
    return text;
}

/// The address in an echo's answer.
Heard echoed(const Check& check, const ProbeReport& report) {
    const auto detail = decode<HttpDetail>(report.detail.tree(), UnknownFields::ignore);
    if (!detail || detail.value().hops.empty()) return {Outcome::bad, "no answer of HTTP"};
    const std::uint32_t status = detail.value().hops.back().status;
    if (status != 200) return {Outcome::bad, "answers " + std::to_string(status)};
    const auto json = parse_json(detail.value().body.value_or(""), JsonLimits{.bytes = kEchoBytes});
    const bool told = json && json.value().is_object() && json.value().contains("address");
    const Json address = told ? json.value().at("address") : Json();
    const auto ip = address.is_string() ? IpAddress::parse(address.get_ref<const std::string&>())
                                        : Result<IpAddress>(Error{Errc::bad_value});
    if (!ip || ip.value().v6 != check.v6) return {Outcome::bad, "answers no address of the family asked for"};
    return {Outcome::good, {}, ip.value().text()};
}

}  // namespace

link::LineCheck Check::report() const {
    const char* how = what == What::route                     ? "lookup"
                      : what == What::resolver                ? "dns"
                      : what == What::egress                  ? (v6 ? "http over IPv6" : "http over IPv4")
                      : what == What::gateway && by_neighbour ? "neighbour"
                                                              : "ping";
    return {std::string(enum_text(what)), target, how, state, state == link::CheckState::ok ? std::string() : text};
}

std::vector<Check> checks_of(const Line& line, const HealthSettings& settings) {
    std::vector<Check> checks;
    const auto has = [&](bool v6) {
        return std::ranges::any_of(line.report.addresses, [v6](const auto& one) { return is_v6(one) == v6; });
    };
    const auto add = [&](What what, const std::string& address) {
        if (has(is_v6(address))) checks.push_back({.what = what, .v6 = is_v6(address), .target = address});
    };
    for (const bool v6 : {false, true}) {
        const auto& gateways = line.gateways;
        const bool leads_out =
            gateways.empty() || std::ranges::any_of(gateways, [v6](const auto& one) { return is_v6(one) == v6; });
        if (leads_out) add(What::route, route_target(v6, settings.anchors));
    }
    if (settings.interval_ms == 0) return checks;
    for (const auto& gateway : line.gateways) add(What::gateway, gateway);
    for (const auto& resolver : line.report.resolvers) add(What::resolver, resolver);
    for (const auto& anchor : settings.anchors) add(What::anchor, anchor);
    if (settings.echo.empty()) return checks;
    const auto family = family_in_url(settings.echo);
    for (const bool v6 : {false, true}) {
        if (has(v6) && family.value_or(v6) == v6)
            checks.push_back({.what = What::egress, .v6 = v6, .target = settings.echo});
    }
    return checks;
}

ProbeSpec spec_of(const Check& check) {
    if (check.what == What::resolver) {
        DnsSpec dns;
        dns.target = ".";
        dns.type = "NS";  // every resolver has it at hand
        dns.server = check.target;
        dns.timeout_ms = kTimeoutMs;
        return dns;
    }
    if (check.what == What::egress) {
        HttpSpec http;
        http.target = check.target;
        http.family = check.v6 ? Family::v6 : Family::v4;
        http.max_bytes = http.keep_body_bytes = kEchoBytes;
        http.timeout_ms = kEchoTimeoutMs;
        return http;
    }
    PingSpec ping;
    ping.target = check.target;
    ping.count = 1;
    ping.timeout_ms = kTimeoutMs;
    return ping;
}

Heard hear(const Check& check, const ProbeReport& report) {
    if (report.status == Status::ok) return check.what == What::egress ? echoed(check, report) : Heard{Outcome::good};
    if (!report.failure) return {Outcome::none, "no reason was given"};
    const Failure& failure = *report.failure;
    if (failure.source == Source::policy) return {Outcome::none, short_text("policy forbids asking: " + failure.text)};
    if (failure.source == Source::agent || report.status == Status::refused)
        return {Outcome::none, short_text("could not be asked: " + failure.text)};
    return {Outcome::bad, short_text(failure.code + ": " + failure.text)};
}

Heard hear(const Line& line, const std::optional<RouteAnswer>& answer) {
    if (!answer || !answer->link_up) return {Outcome::none, "the launcher did not say"};
    const RouteGet& route = answer->route;
    if (!route.error.empty()) return {Outcome::bad, route.error};
    if (route.oif == line.facts.ifname && route.table == line.facts.table) return {Outcome::good};
    return {Outcome::bad, "by " + route.oif + " from table " + std::to_string(route.table) + ", not " +
                              line.facts.ifname + " from " + std::to_string(line.facts.table)};
}

void count(Check& check, const Heard& heard) {
    using link::CheckState;
    switch (heard.outcome) {
        case Outcome::none:
            if (check.state == CheckState::unknown) check.text = heard.text;
            return;
        case Outcome::good:
            check.bad = 0;
            check.good = std::min(check.good + 1, kToRecover);
            if (check.what == What::route || check.state != CheckState::failed || check.good == kToRecover) {
                check.state = CheckState::ok;
                check.text.clear();
            }
            return;
        case Outcome::bad:
            check.good = 0;
            check.bad = std::min(check.bad + 1, kToFail);
            if (check.what != What::route && check.bad < kToFail) return;
            if (check.state != CheckState::failed)
                check.text = heard.text;  // the first one, so that it stays as it was told
            check.state = CheckState::failed;
            return;
    }
}

}  // namespace edge::agent
