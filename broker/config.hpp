// broker.toml: what it may say, and what is wrong with it.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/http/listen_address.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

struct ApiConfig {
    static constexpr bool fields_have_defaults = true;
    std::string listen = "127.0.0.1:8080";  // ADDRESS:PORT
    bool tls = false;                       // false only on loopback
    std::string cert_file{};                // PEM, with the chain
    std::string key_file{};
    std::string public_url{};  // https://HOST[:PORT] or http://…, where people open the console; empty: not said
    std::uint32_t connections_per_address = 256;  // 1..1024; there are 1024 in all
    std::uint32_t target_probes_per_s = 100;      // of one target, over all nodes; 0..1'000'000, 0 is no limit
};
BOOST_DESCRIBE_STRUCT(ApiConfig, (),
                      (listen, tls, cert_file, key_file, public_url, connections_per_address, target_probes_per_s))

struct GatewayConfig {
    static constexpr bool fields_have_defaults = true;
    std::string listen = "0.0.0.0:7443";
    bool tls = true;  // false only on loopback: benches
    std::string cert_file{};
    std::string key_file{};
    std::string public_url{};      // https://HOST:PORT, where agents find the gateway
    std::string next_cert_file{};  // of the key that will take its place: agents are told of it; empty: none
    std::uint32_t node_results_per_s = 10'000;  // that a node is given credit for; 0..1'000'000, 0 is no limit
    std::string alternative{};  // https://HOST:PORT of a broker to go to when this one stops; empty: none
};
BOOST_DESCRIBE_STRUCT(GatewayConfig, (),
                      (listen, tls, cert_file, key_file, public_url, next_cert_file, node_results_per_s, alternative))

struct EchoConfig {
    static constexpr bool fields_have_defaults = true;
    std::string listen{};  // ADDRESS:PORT, plain HTTP; empty: none
};
BOOST_DESCRIBE_STRUCT(EchoConfig, (), (listen))

struct StoreConfig {
    static constexpr bool fields_have_defaults = true;
    std::string path = "/var/lib/edge-broker/edge.db";
};
BOOST_DESCRIBE_STRUCT(StoreConfig, (), (path))

struct RetentionConfig {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t results_days = 30;  // runs with their results, from their end on; 0..3650, 0: for ever
    std::uint32_t failed_days = 90;   // of which a task failed, timed out, expired or was lost
};
BOOST_DESCRIBE_STRUCT(RetentionConfig, (), (results_days, failed_days))

struct CapacityConfig {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t io_threads = 2;              // 1..64
    std::uint32_t open_tasks = 200'000;        // 1'000..10'000'000; more are refused. Some 400 bytes of memory each
    std::uint32_t plan_lease_ms = 86'400'000;  // 60'000..604'800'000; for so long nodes do recurring jobs by themselves
    std::uint32_t lease_ms = 30'000;           // 1'000..3'600'000; no longer is a node waited for, where a job says so
};
BOOST_DESCRIBE_STRUCT(CapacityConfig, (), (io_threads, open_tasks, plan_lease_ms, lease_ms))

struct PrometheusConfig {
    static constexpr bool fields_have_defaults = true;
    std::uint64_t most_series = 100'000;  // of one scrape; 1'000..10'000'000
    std::string modules{};                // a file of blackbox_exporter's modules; empty: those built in
};
BOOST_DESCRIBE_STRUCT(PrometheusConfig, (), (most_series, modules))

enum class LogLevel { debug, info, warn, error };
BOOST_DESCRIBE_ENUM(LogLevel, debug, info, warn, error)

struct LogConfig {
    static constexpr bool fields_have_defaults = true;
    LogLevel level = LogLevel::info;
};
BOOST_DESCRIBE_STRUCT(LogConfig, (), (level))

struct WebhooksConfig {
    static constexpr bool fields_have_defaults = true;
    bool allow_http = false;                 // receivers without TLS
    std::vector<std::string> allow{};        // prefixes of private receivers, `10.1.0.0/16`
    std::vector<std::string> allow_hosts{};  // names that may lead to any address
    std::vector<std::uint16_t> ports{443};   // of receivers; none: any
    std::uint32_t concurrency = 256;         // deliveries under way at once, over all endpoints; 1..1024
    std::uint32_t timeout_ms = 15'000;       // for the head of an answer; 1'000..30'000
    std::string ca_file{};                   // PEM; empty: the system's
};
BOOST_DESCRIBE_STRUCT(WebhooksConfig, (), (allow_http, allow, allow_hosts, ports, concurrency, timeout_ms, ca_file))

struct BrokerConfig {
    static constexpr bool fields_have_defaults = true;
    ApiConfig api{};
    GatewayConfig gateway{};
    EchoConfig echo{};
    StoreConfig store{};
    RetentionConfig retention{};
    CapacityConfig broker{};
    PrometheusConfig prometheus{};
    LogConfig log{};
    WebhooksConfig webhooks{};
};
BOOST_DESCRIBE_STRUCT(BrokerConfig, (), (api, gateway, echo, store, retention, broker, prometheus, log, webhooks))

/// The host of `https://HOST:PORT`. Errors: bad_value, it is no such URL.
Result<std::string> host_of_url(std::string_view url);

/// Errors: bad_value, TLS is off and the address is not on loopback. Pure.
Result<> may_listen(const http::ListenAddress& address, bool tls);

/// `https://HOST[:PORT]` or `http://…` and nothing behind it, of plain characters: links are made of it, and a node
/// shows one at a terminal. Pure.
bool is_origin(const std::string& url);

/// All that is wrong with a file's text, each with FILE:LINE:COLUMN, or the configuration. Pure.
struct ConfigOrProblems {
    BrokerConfig config;
    std::vector<Error> problems;
};
ConfigOrProblems read_config(std::string_view text, const std::string& file);

/// Every key and certificate that says `credential:NAME` becomes the file that the unit hands over. Errors: as
/// systemd::file_of, with the setting's name.
Result<BrokerConfig> with_credentials(BrokerConfig config);

/// The file's text. Errors: not_found (missing or unreadable).
Result<std::string> read_file(const std::string& file);

}  // namespace edge::broker
