#include "probes/by_hand/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <sstream>

#include "protocol/json/described.hpp"

namespace edge::probes {
namespace {

/// A flag writes its field of the spec as JSON, and the one strict decoder checks it: the bounds are written once. The
/// names are those of edgectl.
class Flags {
  public:
    Flags(CLI::App& command, Json& params) : command_(command), params_(params) {}

    void text(const std::string& flag, const std::string& key, const std::string& help) {
        command_.add_option_function<std::string>(
            flag, [this, key](const std::string& value) { params_[key] = value; }, help);
    }
    void number(const std::string& flag, const std::string& key, const std::string& help) {
        const std::string shown = flag.substr(flag.find("--"));
        const std::function<void(const std::string&)> take = [this, key, shown](const std::string& text) {
            std::uint64_t value = 0;
            const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (failed != std::errc{} || end != text.data() + text.size())
                throw CLI::ValidationError(shown, "\"" + text + "\" is no whole number");
            params_[key] = value;
        };
        command_.add_option_function(flag, take, help)->type_name("N");
    }
    void fixed(const std::string& flag, const std::string& key, const Json& value, const std::string& help) {
        command_.add_flag_callback(
            flag, [this, key, value] { params_[key] = value; }, help);
    }

  private:
    CLI::App& command_;
    Json& params_;
};

void family_flags(Flags& flags) {
    flags.text("--family", "family", "any, v4, v6 or v6_first (any)");
    flags.fixed("-4", "family", "v4", "IPv4 only");
    flags.fixed("-6", "family", "v6", "IPv6 only");
}

void ping_flags(Flags& flags) {
    family_flags(flags);
    flags.number("-c,--count", "count", "requests, 1 to 1000 (4)");
    flags.number("-i,--interval-ms", "interval_ms", "between requests, from 10 (200)");
    flags.number("-s,--size", "size", "payload bytes, 16 to 1400 (56)");
    flags.number("-W,--timeout-ms", "timeout_ms", "wait for each reply (2000)");
}

void dns_flags(Flags& flags) {
    flags.text("-t,--type", "type", "record type: A, AAAA, MX, … or TYPEnnn (A)");
    flags.text("--transport", "transport", "udp or tcp (udp)");
    flags.text("--server", "server", "address to ask (the line's first resolver)");
    flags.number("-p,--port", "port", "port to ask (53)");
    flags.fixed("--no-rd", "rd", false, "do not ask for recursion");
    flags.number("--udp-payload-size", "udp_payload_size", "EDNS, 512 to 4096 (1232)");
    flags.number("--tries", "tries", "1 to 5 (1)");
    flags.number("-W,--timeout-ms", "timeout_ms", "wait for each try (3000)");
}

Json header_of(const std::string& line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos)
        throw CLI::ValidationError("--header", "\"" + line + "\" has no colon; write \"Name: value\"");
    const std::size_t value = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
    return {{"name", line.substr(0, colon)}, {"value", line.substr(value)}};
}

void http_flags(CLI::App& command, Flags& flags, Json& params) {
    family_flags(flags);
    flags.text("-X,--method", "method", "GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS (GET)");
    const std::function<void(const std::vector<std::string>&)> take = [&params](const std::vector<std::string>& lines) {
        for (const std::string& line : lines) params["headers"].push_back(header_of(line));
    };
    command.add_option_function("-H,--header", take, "\"Name: value\", repeatable")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    flags.text("-d,--body", "body", "request body, at most 16 KiB");
    flags.text("--version", "version", "automatic, http1 or http2 (automatic)");
    flags.text("--connect-to", "connect_to", "address to use in place of resolving the host");
    flags.fixed("--no-verify", "verify", false, "take any certificate");
    flags.number("-L,--redirects", "redirects", "followed at most, 0 to 10 (0)");
    flags.number("--max-bytes", "max_bytes", "of body read (1 MiB)");
    flags.number("--keep-body-bytes", "keep_body_bytes", "of body kept in the result (0)");
    flags.number("-W,--timeout-ms", "timeout_ms", "of everything (10000)");
}

/// `/params/count: 3000 is out of range` in words of the command line.
std::string in_flags(const Error& error) {
    std::string_view field = error.where;
    field.remove_prefix(std::min(field.size(), std::string_view("/params/").size()));
    field = field.substr(0, field.find('/'));
    if (field.empty() || field == "target") return "the target: " + error.detail;
    std::string flag = field == "headers" ? "--header" : "--" + std::string(field);
    std::ranges::replace(flag, '_', '-');
    return flag + ": " + error.detail;
}

Told mistake(const std::string& what, const std::string& command) {
    return Told{kExitMistake, "edge-probe: " + what + "; see edge-probe " + command + "--help\n"};
}

}  // namespace

std::variant<Command, Told> read_command_line(int argc, const char* const* argv) {
    Command command;
    Json params = Json::object();
    CLI::App app(
        "Runs one probe from this host, or on one of its lines. Exit status: 0 ok, 1 the probe failed, 2 usage, "
        "69 the launcher is not there, 77 no privilege.",
        "edge-probe");
    app.set_version_flag("--version", "edge-probe " EDGE_VERSION);
    app.require_subcommand(1);
    std::optional<Service> service;
    std::string output = "table";  // edgectl's word
    Flags* flags = nullptr;
    std::vector<std::unique_ptr<Flags>> kept;
    const auto add = [&](const char* name, const char* help, Service which) {
        CLI::App* sub = app.add_subcommand(name, help);
        sub->callback([&service, which] { service = which; });
        sub->add_option_function<std::string>(
               "target", [&params](const std::string& text) { params["target"] = text; }, "name, address or URL")
            ->required();
        sub->add_option("--line", command.line,
                        "run in a sandbox on this line (asks the launcher: as root, or as who runs it)");
        sub->add_option("--launcher", command.launcher, "the launcher's socket")->capture_default_str();
        sub->add_option("-o,--output", output, "table, or json: one object")
            ->check(CLI::IsMember({"table", "json"}))
            ->capture_default_str();
        flags = kept.emplace_back(std::make_unique<Flags>(*sub, params)).get();
        return sub;
    };
    add("ping", "ICMP echo", Service::ping);
    ping_flags(*flags);
    add("dns", "one question to one server", Service::dns);
    dns_flags(*flags);
    CLI::App* http = add("http", "HTTP or HTTPS request", Service::http);
    http_flags(*http, *flags, params);
    const std::vector<std::string> services{"ping", "dns", "http"};
    const std::string first = argc > 1 ? argv[1] : "";
    if (first.empty()) return mistake("say which service: ping, dns or http", "");
    if (first[0] != '-' && std::ranges::find(services, first) == services.end())
        return mistake(described::quote_key(first) + " is no service; there are ping, dns and http" +
                           did_you_mean(first, services),
                       "");
    const auto named = [&] {
        const auto subcommands = app.get_subcommands();
        return subcommands.empty() ? std::string() : subcommands.front()->get_name() + " ";
    };
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& asked) {
        std::ostringstream text;
        app.exit(asked, text, text);
        return Told{0, std::move(text).str()};
    } catch (const CLI::ParseError& error) {
        return mistake(error.what(), named());
    }
    auto spec = decode_spec(*service, params);
    if (!spec) return mistake(in_flags(spec.error()), named());
    command.spec = std::move(spec.value());
    command.as_json = output == "json";
    return command;
}

}  // namespace edge::probes
