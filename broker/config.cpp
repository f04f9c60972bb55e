#include "broker/config.hpp"

#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "protocol/config/toml.hpp"

namespace edge::broker {
namespace {

/// What the types alone do not say. `where` is a JSON pointer.
class Checks {
  public:
    void listener(const std::string& section, const std::string& listen, bool tls, const std::string& cert,
                  const std::string& key, const char* why_plain) {
        const auto address = http::ListenAddress::parse(listen);
        if (!address) {
            wrong(section + "/listen", address.error().detail);
        } else if (!tls && !address.value().is_loopback()) {
            wrong(section + (why_plain ? "/tls" : "/listen"),
                  "without TLS only a loopback address may be listened on, and " + listen +
                      " is none; set tls = true with cert_file and key_file");
        }
        if (!tls) return;
        if (cert.empty()) wrong(section + "/cert_file", "missing; edge-broker init makes one");
        if (key.empty()) wrong(section + "/key_file", "missing; edge-broker init makes one");
    }
    void wrong(std::string where, std::string detail) {
        problems_.push_back(Error{Errc::bad_value, std::move(where), std::move(detail)});
    }
    std::vector<Error> take() { return std::move(problems_); }

  private:
    std::vector<Error> problems_;
};

std::vector<Error> check(const BrokerConfig& config) {
    Checks checks;
    checks.listener("/api", config.api.listen, config.api.tls, config.api.cert_file, config.api.key_file, nullptr);
    checks.listener("/gateway", config.gateway.listen, config.gateway.tls, config.gateway.cert_file,
                    config.gateway.key_file, "benches");
    if (const auto& listen = config.echo.listen; !listen.empty()) {
        if (const auto address = http::ListenAddress::parse(listen); !address)
            checks.wrong("/echo/listen", address.error().detail);
    }
    if (auto host = host_of_url(config.gateway.public_url); !host)
        checks.wrong("/gateway/public_url", host.error().detail);
    if (config.api.connections_per_address < 1 || config.api.connections_per_address > 1'024)
        checks.wrong("/api/connections_per_address", "expected 1 to 1024");
    if (config.api.target_probes_per_s > 1'000'000) checks.wrong("/api/target_probes_per_s", "expected 0 to 1000000");
    if (config.store.path.empty()) checks.wrong("/store/path", "missing");
    if (config.broker.io_threads < 1 || config.broker.io_threads > 64)
        checks.wrong("/broker/io_threads", "expected 1 to 64");
    if (config.broker.open_tasks < 1'000 || config.broker.open_tasks > 10'000'000)
        checks.wrong("/broker/open_tasks", "expected 1000 to 10000000");
    return checks.take();
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

ConfigOrProblems read_config(std::string_view text, const std::string& file) {
    auto decoded = decode_toml<BrokerConfig>(text, file);
    if (!decoded) return {{}, decoded.error()};
    ConfigOrProblems read{std::move(decoded.value()), {}};
    read.problems = check(read.config);
    const auto places = TomlText::parse(text, file);
    for (auto& problem : read.problems) {
        if (places) problem.where = places.value().position(problem.where) + ": " + problem.where.substr(1);
    }
    return read;
}

Result<std::string> read_file(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();
    if (stream && !stream.bad()) return text.str();
    Error error = os_error(errno, file, "cannot be read");
    error.code = Errc::not_found;
    return error;
}

}  // namespace edge::broker
