#include "broker/config.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "broker/webhooks/receiver_rule.hpp"
#include "protocol/config/toml.hpp"
#include "protocol/systemd/credentials.hpp"

namespace edge::broker {
namespace {

void check_listener(TomlChecker& checker, const std::string& section, const std::string& listen, bool tls,
                    const std::string& cert, const std::string& key, const char* what_decides) {
    const auto address = http::ListenAddress::parse(listen);
    checker.need(bool(address), section + "/listen", address ? std::string() : address.error().detail);
    if (checker.is_left_out(section + "/tls")) return;  // what the others must be is not known
    const auto fits = address ? may_listen(address.value(), tls) : ok();
    checker.need(fits || checker.is_left_out(section + "/listen"), section + what_decides,
                 fits ? std::string() : fits.error().detail);
    checker.need(!tls || !cert.empty(), section + "/cert_file", "cert_file is missing; edge-broker init makes one");
    checker.need(!tls || !key.empty(), section + "/key_file", "key_file is missing; edge-broker init makes one");
}

/// In another spelling it would be none of any receiver, and nobody would be told.
bool is_receivers_host(const std::string& host) {
    const bool is_v6 = host.find(':') != std::string::npos;
    const auto url = webhooks::parse_receiver("https://" + (is_v6 ? "[" + host + "]" : host));
    return url && url.value().host == host;
}

void check(const BrokerConfig& config, TomlChecker& checker) {
    const auto& [api, gateway, echo, store, retention, broker, prometheus, log, webhooks] = config;
    check_listener(checker, "/api", api.listen, api.tls, api.cert_file, api.key_file, "/listen");
    check_listener(checker, "/gateway", gateway.listen, gateway.tls, gateway.cert_file, gateway.key_file, "/tls");
    checker.need(api.public_url.empty() || is_origin(api.public_url), "/api/public_url",
                 "expected https://HOST or https://HOST:PORT, where people open the console, and no path");
    if (!echo.listen.empty()) {
        const auto address = http::ListenAddress::parse(echo.listen);
        checker.need(bool(address), "/echo/listen", address ? std::string() : address.error().detail);
    }
    const auto host = host_of_url(gateway.public_url);
    checker.need(bool(host), "/gateway/public_url", host ? std::string() : "public_url: " + host.error().detail);
    if (!gateway.alternative.empty()) {
        const auto other = host_of_url(gateway.alternative);
        checker.need(bool(other), "/gateway/alternative",
                     other ? std::string() : "alternative: " + other.error().detail);
    }
    checker.range(gateway.node_results_per_s, 0, 1'000'000, "/gateway/node_results_per_s");
    checker.range(api.connections_per_address, 1, 1'024, "/api/connections_per_address");
    checker.range(api.target_probes_per_s, 0, 1'000'000, "/api/target_probes_per_s");
    checker.need(!store.path.empty(), "/store/path", "path is missing");
    checker.range(retention.results_days, 0, 3'650, "/retention/results_days");
    checker.range(retention.failed_days, 0, 3'650, "/retention/failed_days");
    checker.need(
        retention.failed_days == 0 || (retention.results_days != 0 && retention.failed_days >= retention.results_days),
        "/retention/failed_days",
        "failed_days is less than results_days; what failed is kept at least as long as the rest");
    checker.range(broker.io_threads, 1, 64, "/broker/io_threads");
    checker.range(broker.open_tasks, 1'000, 10'000'000, "/broker/open_tasks");
    checker.range(broker.plan_lease_ms, 60'000, 604'800'000, "/broker/plan_lease_ms");
    checker.range(broker.lease_ms, 1'000, 3'600'000, "/broker/lease_ms");
    checker.range(prometheus.most_series, 1'000, 10'000'000, "/prometheus/most_series");
    for (std::size_t i = 0; i < webhooks.allow.size(); ++i) {
        const auto prefix = IpPrefix::parse(webhooks.allow[i]);
        checker.need(bool(prefix), "/webhooks/allow/" + std::to_string(i), prefix ? "" : prefix.error().detail);
    }
    for (std::size_t i = 0; i < webhooks.allow_hosts.size(); ++i) {
        checker.need(is_receivers_host(webhooks.allow_hosts[i]), "/webhooks/allow_hosts/" + std::to_string(i),
                     "expected a host as a URL has it, in small letters, with no port and no bracket");
    }
    checker.range(webhooks.concurrency, 1, 1'024, "/webhooks/concurrency");
    checker.range(webhooks.timeout_ms, 1'000, 30'000, "/webhooks/timeout_ms");
}

}  // namespace

Result<std::string> host_of_url(std::string_view url) {
    const Error wrong{Errc::bad_value, {}, "expected https://HOST:PORT, where agents reach the gateway"};
    constexpr std::string_view kScheme = "https://";
    if (!url.starts_with(kScheme)) return wrong;
    std::string_view rest = url.substr(kScheme.size());
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return wrong;
    std::string_view host = rest.substr(0, colon);
    const std::string_view digits = rest.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failed != std::errc{} || stop != digits.data() + digits.size() || port == 0) return wrong;
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (!IpAddress::parse(host)) return wrong;
    }
    for (const unsigned char c : host) {
        const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                          c == '.' || c == ':';
        if (!fits) return wrong;
    }
    return std::string(host);
}

Result<> may_listen(const http::ListenAddress& address, bool tls) {
    if (tls || address.is_loopback()) return ok();
    return Error{Errc::bad_value,
                 {},
                 "without TLS only a loopback address may be listened on, and " + address.text() +
                     " is none; set tls = true with cert_file and key_file"};
}

bool is_origin(const std::string& url) {
    const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : std::string::npos;
    if (scheme == std::string::npos || url.size() == scheme || url.size() > 256) return false;
    const auto fits = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
    };
    return std::all_of(url.begin() + static_cast<std::ptrdiff_t>(scheme), url.end(), fits);
}

ConfigOrProblems read_config(std::string_view text, const std::string& file) {
    auto decoded = decode_toml<BrokerConfig>(text, file, check);
    if (!decoded) return {{}, decoded.error()};
    return {std::move(decoded.value()), {}};
}

Result<BrokerConfig> with_credentials(BrokerConfig config) {
    const std::pair<const char*, std::string*> settings[] = {
        {"[api] cert_file", &config.api.cert_file},
        {"[api] key_file", &config.api.key_file},
        {"[gateway] cert_file", &config.gateway.cert_file},
        {"[gateway] key_file", &config.gateway.key_file},
        {"[gateway] next_cert_file", &config.gateway.next_cert_file},
    };
    for (const auto& [name, setting] : settings) {
        auto file = systemd::file_of(*setting);
        if (!file) return Error{file.error().code, std::string(name) + " " + file.error().where, file.error().detail};
        *setting = std::move(file.value());
    }
    return config;
}

Result<std::string> read_file(const std::string& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();  // `text` fails for an empty file as well: errno tells
    if (errno == 0) return text.str();
    Error error = os_error(errno, file, "cannot be read");
    error.code = Errc::not_found;
    return error;
}

}  // namespace edge::broker
