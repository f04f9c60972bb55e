#include "broker/serve.hpp"

#include <spdlog/spdlog.h>
#include <sysexits.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include "broker/api/api.hpp"
#include "broker/certificate.hpp"
#include "broker/console_files/console_files.hpp"
#include "broker/domain/make_domain.hpp"
#include "broker/gateway/echo.hpp"
#include "broker/gateway/gateway.hpp"
#include "broker/http/text.hpp"
#include "broker/http/tls_context.hpp"
#include "broker/listeners.hpp"
#include "broker/live/stream.hpp"
#include "broker/signals.hpp"
#include "broker/status_report.hpp"
#include "broker/store/sqlite_store.hpp"
#include "broker/store/store.hpp"
#include "broker/watchdog_round.hpp"
#include "broker/webhooks/cloud_event.hpp"
#include "broker/webhooks/sender.hpp"
#include "broker/zones/zones.hpp"
#include "protocol/systemd/listen_sockets.hpp"
#include "protocol/systemd/notifier.hpp"

namespace edge::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kDrainLimit{8'000};
constexpr std::chrono::seconds kMoreTime{120};  // an index of a large table is made in one step, which says nothing
constexpr std::chrono::seconds kAskAgain{5};
using Tls = std::shared_ptr<boost::asio::ssl::context>;

Result<Tls> tls_of(bool wanted, const std::string& cert, const std::string& key, http::MinTls min) {
    if (!wanted) return Tls{};
    EDGE_TRY(auto context, http::make_tls_context(cert, key, min));
    return Tls(std::move(context));
}

Result<Digest> key_digest(const std::string& cert_file) {
    EDGE_TRY(auto pem, read_file(cert_file));
    auto digest = spki_digest(pem);
    if (!digest) return Error{digest.error().code, cert_file, digest.error().detail};
    return digest;
}

/// How agents know the gateway, now and soon.
Result<> put_pins(const GatewayConfig& gateway, DomainOptions& options) {
    if (!gateway.tls) return ok();
    EDGE_TRY(const auto current, key_digest(gateway.cert_file));
    options.gateway_pin = pin_in_token(current);
    options.pins = link::Pins{pin_text(current), {}};
    if (gateway.next_cert_file.empty()) return ok();
    EDGE_TRY(const auto next, key_digest(gateway.next_cert_file));
    options.pins->next = pin_text(next);
    return ok();
}

/// A wrong path would make a new, empty store beside the right one.
Result<> store_is_there(const std::string& path) {
    if (::access(path.c_str(), F_OK) == 0) return ok();
    Error error = os_error(errno, path, "no store is there; edge-broker init makes one, or correct [store] path");
    error.code = Errc::not_found;
    return error;
}

Result<Tls> api_tls_of(const BrokerConfig& config) {
    return tls_of(config.api.tls, config.api.cert_file, config.api.key_file, http::MinTls::v1_2);
}

Result<Tls> gateway_tls_of(const BrokerConfig& config) {
    return tls_of(config.gateway.tls, config.gateway.cert_file, config.gateway.key_file, http::MinTls::v1_3);
}

/// The manager is told that the start goes on, not oftener than it needs to hear.
std::function<void()> asks_for_time(systemd::Notifier& manager) {
    return [&manager, last = std::optional<steady_clock::time_point>()]() mutable {
        const auto now = steady_clock::now();
        if (last && now - *last < kAskAgain) return;
        last = now;
        manager.extend(kMoreTime);
    };
}

Result<std::unique_ptr<Domain>> open_domain(const BrokerConfig& config, systemd::Notifier& manager) {
    DomainOptions options;
    EDGE_TRY(put_pins(config.gateway, options));
    EDGE_TRY(store_is_there(config.store.path));
    StartCheck check;
    check.goes_on = asks_for_time(manager);
    EDGE_TRY(auto store, open_sqlite_store(config.store.path, check));
    if (check.is_whole)
        spdlog::info("store.checked took_ms={}", check.took.count());
    else
        spdlog::warn("store.checked_in_part took_ms={} hint=\"edge-broker backup FILE checks all of it\"",
                     check.took.count());
    options.open_tasks = config.broker.open_tasks;
    options.node_results_per_s = config.gateway.node_results_per_s;
    options.target_probes_per_s = config.api.target_probes_per_s;
    options.plan_lease_ms = config.broker.plan_lease_ms;
    options.lease_ms = config.broker.lease_ms;
    options.zone_offsets = [](const std::string& zone, WallTime from) {
        return zone_offsets(kZonesFolder, zone, from);
    };
    constexpr std::uint64_t kDayUs = 24ULL * 3'600 * 1'000'000;
    options.retention = {.runs_us = config.retention.results_days * kDayUs,
                         .failed_us = config.retention.failed_days * kDayUs,
                         .keys_us = kDayUs};  // as long as they are answered
    options.event_text = [source = config.gateway.public_url](const OutsideEvent& event) {
        return webhooks::cloud_event(event, source);
    };
    return make_domain(std::move(options), std::move(store), *spdlog::default_logger());
}

/// `problems` is all that is wrong with the file; what it asks for that cannot be done is told, and does not keep the
/// broker from starting.
Result<prometheus::Settings> prometheus_settings(const PrometheusConfig& config, std::vector<Error>& problems,
                                                 std::vector<std::string>& refused) {
    prometheus::Settings settings;
    settings.most_series = config.most_series;
    if (config.modules.empty()) return settings;
    EDGE_TRY(auto text, read_file(config.modules));
    auto loaded = prometheus::load_modules(text, config.modules);
    problems = std::move(loaded.problems);
    for (const auto& [name, module] : *loaded.modules) {
        if (!module.refused.empty()) refused.push_back("module " + name + " cannot be used: " + module.refused);
    }
    settings.modules = std::move(loaded.modules);
    return settings;
}

webhooks::ReceiverRule receiver_rule(const WebhooksConfig& config) {
    webhooks::ReceiverRule rule{
        .allow_http = config.allow_http, .ports = config.ports, .allow = {}, .allow_hosts = config.allow_hosts};
    for (const auto& text : config.allow) rule.allow.push_back(IpPrefix::parse(text).value());  // checked when read
    return rule;
}

webhooks::SenderOptions sender_options(const WebhooksConfig& config) {
    return {.rule = receiver_rule(config),
            .concurrency = config.concurrency,
            .timeout = milliseconds(config.timeout_ms),
            .ca_file = config.ca_file,
            .on_fatal = [](const Error&) { std::_Exit(EX_SOFTWARE); }};
}

http::Settings api_settings(const BrokerConfig& config, http::ListenAddress listen, Tls tls, Domain& domain,
                            prometheus::Settings faces, std::shared_ptr<live::Live> live) {
    http::Settings settings;
    settings.name = "api";
    settings.listen = listen;
    settings.tls = std::move(tls);
    settings.per_address = config.api.connections_per_address;
    settings.handler = api::make_handler(domain, {.gateway_url = config.gateway.public_url,
                                                  .live = std::move(live),
                                                  .api_tls = config.api.tls,
                                                  .elsewhere = console::make_handler(),
                                                  .prometheus = std::move(faces),
                                                  .receivers = receiver_rule(config.webhooks)});
    return settings;
}

/// All servers at once; what is not done by the limit is cut when the threads stop.
void drain(const std::vector<http::Server*>& servers, Signals& signals) {
    const auto until = steady_clock::now() + kDrainLimit;
    const auto left =
        std::make_shared<std::atomic<std::size_t>>(servers.size());  // owners: this and the servers' callbacks
    const auto done = [left, &signals] {
        if (--*left == 0) signals.wake();
    };
    for (http::Server* server : servers) server->drain(done);
    while (*left > 0 && steady_clock::now() < until) {
        const auto rest = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
        if (signals.wait_for(std::max(rest, milliseconds(1))) && *left > 0) break;  // asked a second time: now
    }
    spdlog::info("broker.drained complete={}", *left == 0);
}

}  // namespace

FilesChecked check_files(const BrokerConfig& file) {
    FilesChecked checked;
    auto& problems = checked.problems;
    const auto named = with_credentials(file);
    if (!named) problems.push_back(named.error());
    if (!named) return checked;
    const BrokerConfig& config = named.value();
    const auto add = [&](const auto& result) {
        // The API and the gateway may share a file.
        const auto told = [&](const Error& one) { return one.message() == result.error().message(); };
        if (!result && std::ranges::none_of(problems, told)) problems.push_back(result.error());
    };
    add(api_tls_of(config));
    add(gateway_tls_of(config));
    if (!config.gateway.next_cert_file.empty()) add(key_digest(config.gateway.next_cert_file));
    add(store_is_there(config.store.path));
    std::vector<Error> in_modules;
    add(prometheus_settings(config.prometheus, in_modules, checked.notes));
    problems.insert(problems.end(), in_modules.begin(), in_modules.end());
    return checked;
}

Result<> serve(const BrokerConfig& file) {
    Signals signals;
    systemd::Notifier manager(systemd::take_notify_terms(), *spdlog::default_logger());
    EDGE_TRY(auto given, systemd::take_listen_sockets());
    EDGE_TRY(const BrokerConfig config, with_credentials(file));
    EDGE_TRY(auto listeners, listeners_of(config, std::move(given)));
    EDGE_TRY(auto api_tls, api_tls_of(config));
    EDGE_TRY(auto gateway_tls, gateway_tls_of(config));
    std::vector<Error> in_modules;
    std::vector<std::string> refused;
    EDGE_TRY(auto faces, prometheus_settings(config.prometheus, in_modules, refused));
    if (!in_modules.empty()) return in_modules.front();
    for (const auto& one : refused) spdlog::warn("prometheus.module_refused what=\"{}\"", http::for_log(one));

    // Destroyed in reverse: servers, then the domain (which commits what is under way), then the contexts it posts to.
    http::IoThreads threads(config.broker.io_threads);
    EDGE_TRY(auto domain, open_domain(config, manager));
    const webhooks::Sender sender(sender_options(config.webhooks), domain->webhooks(), *spdlog::default_logger());
    faces.webhooks = [&sender] { return sender.counters(); };
    faces.post = [executor = threads.at(threads.size() - 1).get_executor()](std::function<void()> work) {
        boost::asio::post(executor, std::move(work));
    };
    gateway::SessionOptions sessions;
    sessions.alternative = config.gateway.alternative;
    sessions.console_url = config.api.public_url;
    const auto polls = std::make_shared<gateway::Polls>(threads.at(0).get_executor(), sessions, *domain);
    EDGE_TRY(auto gateway,
             http::Server::listen(
                 threads, gateway::gateway_settings(listeners.gateway.address, gateway_tls, sessions, *domain, polls),
                 std::move(listeners.gateway.given)));
    EDGE_TRY(auto api,
             http::Server::listen(threads,
                                  api_settings(config, listeners.api.address, api_tls, *domain, std::move(faces),
                                               live::make_live(*domain, threads.at(0).get_executor())),
                                  std::move(listeners.api.given)));
    std::unique_ptr<http::Server> echo;
    if (!config.echo.listen.empty()) {
        EDGE_TRY(auto listen, http::ListenAddress::parse(config.echo.listen));
        EDGE_TRY(echo, http::Server::listen(threads, gateway::echo_settings(listen)));
    }
    std::vector<http::Server*> servers{gateway.get(), api.get()};
    if (echo) servers.push_back(echo.get());
    for (http::Server* server : servers) server->start();
    threads.start();
    const std::string api_host = listeners.api.address.address.text();
    const std::string gateway_host = listeners.gateway.address.address.text();
    spdlog::info("broker.ready version={} api={}://{} gateway={}://{} public_url={} echo={} store={}", EDGE_VERSION,
                 config.api.tls ? "https" : "http", http::host_and_port(api_host, api->port()),
                 config.gateway.tls ? "wss" : "ws", http::host_and_port(gateway_host, gateway->port()),
                 config.gateway.public_url, config.echo.listen.empty() ? "off" : config.echo.listen, config.store.path);
    manager.ready("started");
    const auto report = StatusReport::begin(threads.at(0), *domain, manager);
    WatchdogRound::begin(threads, *domain, manager);

    const int signal = signals.wait();
    spdlog::info("broker.stopping signal={}", signal == SIGINT ? "SIGINT" : "SIGTERM");
    report->stopping();
    domain->stop_soon();
    drain(servers, signals);
    threads.stop();
    polls->let_go();
    return ok();
}

}  // namespace edge::broker
