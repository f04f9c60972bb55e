#include "broker/prometheus/modules.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include "broker/prometheus/yaml_tree.hpp"
#include "protocol/json/described.hpp"
#include "protocol/nearest.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr std::size_t kMostModules = 1000;
constexpr std::size_t kMostProblems = 20;
constexpr std::size_t kMostPatterns = 64;

constexpr const char* kBuiltIn = R"(modules:
  http_2xx:
    prober: http
  http_post_2xx:
    prober: http
    http:
      method: POST
  dns_udp:
    prober: dns
    dns:
      query_name: "."
      query_type: NS
  dns_tcp:
    prober: dns
    dns:
      query_name: "."
      query_type: NS
      transport_protocol: tcp
  icmp:
    prober: icmp
)";

/// A key of YAML may go over several.
std::string one_line(std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return text;
}

constexpr const char* kNoBinding = "a probe's source is its line's address, which node and line choose";
constexpr const char* kNoSecrets =
    "a job's parameters are stored and shown to whoever may read jobs, and so would be this secret";
constexpr const char* kNoProxy = "probes leave by a line, and by no proxy";
constexpr const char* kNoCompression = "probes take a body as it comes and decompress nothing";

/// One field of a map: its key, and what takes its value.
struct Field {
    std::string_view key;
    std::function<void(const YamlNode&)> take;
};
using Fields = std::vector<Field>;

class Loader {
  public:
    Loader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

    LoadedModules load() {
        const auto tree = parse_yaml(text_, file_);
        if (!tree) {
            problems_.push_back(tree.error());
        } else {
            fields(*tree.value(), "the file", {{"modules", [this](const YamlNode& node) { take_modules(node); }}});
        }
        for (Error& problem : problems_) problem.detail = one_line(std::move(problem.detail));
        return {std::make_shared<const std::map<std::string, Module, std::less<>>>(std::move(modules_)),
                std::move(problems_)};
    }

  private:
    // ── what is wrong, and what is refused ──
    std::string place(const YamlNode& node) const { return file_ + ":" + std::to_string(node.line); }
    void wrong(const YamlNode& node, std::string what) {
        if (problems_.size() < kMostProblems) problems_.push_back({Errc::bad_value, place(node), std::move(what)});
    }
    /// The module asks for something we cannot do. The first is told.
    void cannot(const YamlNode& node, std::string_view key, std::string_view why) {
        if (module_ && module_->refused.empty())
            module_->refused = place(node) + ": " + std::string(key) + ": " + std::string(why);
    }

    // ── values ──
    void fields(const YamlNode& node, const char* of, const Fields& known) {
        if (node.kind == YamlNode::Kind::null) return;
        if (node.kind != YamlNode::Kind::map) return wrong(node, std::string(of) + ": expected keys with values");
        for (const auto& [key, value] : node.fields) {
            const auto at = std::ranges::find(known, std::string_view(key->text), &Field::key);
            if (at != known.end()) {
                at->take(*value);
                continue;
            }
            std::vector<std::string> names;
            for (const auto& field : known) names.emplace_back(field.key);
            wrong(*key, described::quote_key(key->text) + " is no key of " + of + did_you_mean(key->text, names));
        }
    }
    std::string text(const YamlNode& node) {
        if (node.kind != YamlNode::Kind::scalar) wrong(node, "expected text");
        return node.text;
    }
    bool flag(const YamlNode& node) {
        if (node.kind == YamlNode::Kind::scalar && (node.text == "true" || node.text == "false"))
            return node.text == "true";
        wrong(node, "expected true or false");
        return false;
    }
    std::uint64_t number(const YamlNode& node, std::uint64_t least, std::uint64_t most) {
        std::uint64_t value = 0;
        const char* end = node.text.data() + node.text.size();
        const auto [stop, failed] = std::from_chars(node.text.data(), end, value);
        if (node.kind == YamlNode::Kind::scalar && failed == std::errc{} && stop == end && value >= least &&
            value <= most)
            return value;
        wrong(node, "expected a number from " + std::to_string(least) + " to " + std::to_string(most));
        return least;
    }
    template <class Take>
    void each(const YamlNode& node, Take take) {
        if (node.kind == YamlNode::Kind::null) return;
        if (node.kind != YamlNode::Kind::list) return wrong(node, "expected a list");
        for (const auto& item : node.items) take(*item);
    }
    std::vector<std::string> texts(const YamlNode& node) {
        std::vector<std::string> all;
        each(node, [&](const YamlNode& item) { all.push_back(text(item)); });
        return all;
    }
    std::optional<Pattern> pattern(const YamlNode& node) {
        auto compiled = Pattern::compile(text(node));
        if (!compiled) {
            wrong(node, compiled.error().detail);
            return std::nullopt;
        }
        return std::move(compiled.value());
    }
    std::vector<Pattern> patterns(const YamlNode& node) {
        std::vector<Pattern> all;
        if (node.items.size() > kMostPatterns) {
            wrong(node, "more than 64 expressions");
            return all;
        }
        each(node, [&](const YamlNode& item) {
            if (auto one = pattern(item)) all.push_back(std::move(*one));
        });
        return all;
    }
    /// `5s`, `1m30s`, `500ms`. Source: prometheus.io, configuration, <duration>.
    std::uint64_t duration_ms(const YamlNode& node) {
        struct Unit {
            std::string_view name;
            std::uint64_t ms;
        };
        constexpr Unit kUnits[] = {{"ms", 1},         {"s", 1000},        {"m", 60'000},           {"h", 3'600'000},
                                   {"d", 86'400'000}, {"w", 604'800'000}, {"y", 31'536'000'000ULL}};
        std::string_view rest = node.text;
        std::uint64_t sum = 0;
        bool fits = node.kind == YamlNode::Kind::scalar && !rest.empty();
        while (fits && !rest.empty() && rest != "0") {
            std::uint32_t count = 0;
            const auto [stop, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
            fits = failed == std::errc{};
            if (!fits) break;
            rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
            const std::string_view name = rest.substr(0, rest.find_first_of("0123456789"));
            const auto* unit = std::ranges::find(kUnits, name, &Unit::name);
            fits = unit != std::end(kUnits);
            if (fits) sum += count * unit->ms;
            rest.remove_prefix(name.size());
        }
        if (!fits) wrong(node, "expected a duration such as 5s");
        return sum;
    }
    /// `10MB`, `512KiB`, `100`: powers of 1024, as blackbox_exporter reads them.
    std::uint64_t size(const YamlNode& node) {
        const auto digits = std::min(node.text.find_first_not_of("0123456789"), node.text.size());
        YamlNode count = node;
        count.text = node.text.substr(0, digits);
        std::string_view unit = std::string_view(node.text).substr(digits);
        std::uint64_t factor = 1;
        if (!unit.empty()) {
            constexpr std::string_view kPrefixes = "KMG";
            const auto power = kPrefixes.find(unit.front());
            const bool known =
                unit == "B" || (power != std::string_view::npos && (unit.substr(1) == "B" || unit.substr(1) == "iB"));
            if (!known) {
                wrong(node, "expected a size such as 10MB");
                return 0;
            }
            for (std::size_t i = 0; unit != "B" && i <= power; ++i) factor *= 1024;
        }
        return number(count, 0, 1'000'000'000) * factor;
    }

    // ── modules ──
    void take_modules(const YamlNode& node) {
        if (node.kind == YamlNode::Kind::null) return;
        if (node.kind != YamlNode::Kind::map) return wrong(node, "modules: expected a name with keys for each");
        if (node.fields.size() > kMostModules) return wrong(node, "more than 1000 modules");
        for (std::size_t i = 0; i < node.fields.size(); ++i) {
            const auto& [name, value] = node.fields[i];
            const int end = i + 1 < node.fields.size() ? node.fields[i + 1].first->line : 0;
            take_module(*name, *value, end);
        }
    }
    void take_module(const YamlNode& name, const YamlNode& node, int end_line) {
        Module module;
        module.name = name.text;
        module.source = lines(name.line, end_line);
        module_ = &module;
        std::string prober;
        std::map<std::string_view, const YamlNode*> sections;
        Fields known{{"prober", [&](const YamlNode& value) { prober = text(value); }},
                     {"timeout", [&](const YamlNode& value) { module.timeout_ms = duration_ms(value); }}};
        for (const std::string_view section : {"http", "dns", "icmp", "tcp", "grpc", "unix", "websocket"})
            known.push_back({section, [&sections, section](const YamlNode& value) { sections[section] = &value; }});
        fields(node, "a module", known);
        take_prober(name, prober, sections, module);
        module_ = nullptr;
        modules_.insert_or_assign(module.name, std::move(module));
    }
    void take_prober(const YamlNode& name, const std::string& prober,
                     const std::map<std::string_view, const YamlNode*>& sections, Module& module) {
        const YamlNode none;
        const auto at = sections.find(prober);
        const YamlNode& section = at == sections.end() ? none : *at->second;
        if (prober == "http") {
            module.probe = take_http(section);
        } else if (prober == "icmp") {
            module.probe = take_icmp(section);
        } else if (prober == "dns") {
            DnsModule dns = take_dns(section);
            if (dns.query_name.empty()) wrong(name, "a dns module needs query_name");
            module.probe = std::move(dns);
        } else if (prober == "tcp" || prober == "grpc" || prober == "unix" || prober == "websocket") {
            cannot(name, "prober", "there is no " + prober + " probe; http, dns and icmp are");
        } else {
            wrong(name, prober.empty() ? "a module needs prober: http, dns or icmp"
                                       : "prober: " + described::quote_key(prober) + " is none of http, dns and icmp");
        }
    }

    Field refused(std::string_view key, const char* why) {
        return {key, [this, key, why](const YamlNode& value) { cannot(value, key, why); }};
    }
    /// Of a value that asks for nothing: `ip_protocol_fallback` and `preferred_ip_protocol` together make the family.
    struct Preference {
        bool v6 = true;
        bool fallback = true;
        Family family() const {
            if (!fallback) return v6 ? Family::v6 : Family::v4;
            return v6 ? Family::v6_first : Family::any;
        }
    };
    void add_preference(Fields& known, Preference& preference) {
        known.push_back({"preferred_ip_protocol", [&](const YamlNode& value) {
                             const std::string said = text(value);
                             if (said != "ip4" && said != "ip6" && !said.empty()) wrong(value, "expected ip4 or ip6");
                             preference.v6 = said != "ip4";
                         }});
        known.push_back({"ip_protocol_fallback", [&](const YamlNode& value) { preference.fallback = flag(value); }});
    }

    HttpModule take_http(const YamlNode& node) {
        HttpModule http;
        Preference preference;
        Fields known{
            {"valid_status_codes",
             [&](const YamlNode& value) {
                 each(value, [&](const YamlNode& item) {
                     http.valid_status_codes.push_back(static_cast<std::uint32_t>(number(item, 100, 999)));
                 });
             }},
            {"valid_http_versions", [&](const YamlNode& value) { http.valid_http_versions = texts(value); }},
            {"method",
             [&](const YamlNode& value) {
                 if (const auto method = enum_value<HttpMethod>(text(value)))
                     http.method = *method;
                 else
                     cannot(value, "method", "probes send GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS");
             }},
            {"headers", [&](const YamlNode& value) { http.headers = take_headers(value); }},
            {"body", [&](const YamlNode& value) { http.body = text(value); }},
            {"body_size_limit", [&](const YamlNode& value) { http.body_size_limit = size(value); }},
            {"compression",
             [&](const YamlNode& value) {
                 if (text(value) != "identity" && !value.text.empty()) cannot(value, "compression", kNoCompression);
             }},
            {"follow_redirects", [&](const YamlNode& value) { http.follow_redirects = flag(value); }},
            {"no_follow_redirects", [&](const YamlNode& value) { http.follow_redirects = !flag(value); }},
            {"fail_if_ssl", [&](const YamlNode& value) { http.fail_if_ssl = flag(value); }},
            {"fail_if_not_ssl", [&](const YamlNode& value) { http.fail_if_not_ssl = flag(value); }},
            {"fail_if_body_matches_regexp",
             [&](const YamlNode& value) { http.fail_if_body_matches = patterns(value); }},
            {"fail_if_body_not_matches_regexp",
             [&](const YamlNode& value) { http.fail_if_body_not_matches = patterns(value); }},
            {"fail_if_header_matches",
             [&](const YamlNode& value) { http.fail_if_header_matches = take_header_checks(value); }},
            {"fail_if_header_not_matches",
             [&](const YamlNode& value) { http.fail_if_header_not_matches = take_header_checks(value); }},
            {"tls_config", [&](const YamlNode& value) { take_tls(value, http); }},
            {"enable_http2", [&](const YamlNode& value) { http.enable_http2 = flag(value); }},
            {"enable_http3",
             [&](const YamlNode& value) {
                 if (flag(value)) cannot(value, "enable_http3", "probes speak HTTP/1.1 and HTTP/2");
             }},
            {"skip_resolve_phase_with_proxy", [&](const YamlNode& value) { flag(value); }},
            refused("basic_auth", kNoSecrets),
            refused("bearer_token", kNoSecrets),
            refused("bearer_token_file", kNoSecrets),
            refused("authorization", kNoSecrets),
            refused("oauth2", kNoSecrets),
            refused("http_headers", kNoSecrets),
            refused("proxy_url", kNoProxy),
            refused("no_proxy", kNoProxy),
            refused("proxy_from_environment", kNoProxy),
            refused("proxy_connect_header", kNoProxy),
            refused("body_file", "the broker reads no file but this one"),
            refused("fail_if_body_json_matches_cel", "there is no CEL here"),
            refused("fail_if_body_json_not_matches_cel", "there is no CEL here"),
        };
        add_preference(known, preference);
        fields(node, "http", known);
        http.family = preference.family();
        return http;
    }
    std::vector<HttpHeader> take_headers(const YamlNode& node) {
        std::vector<HttpHeader> headers;
        if (node.kind == YamlNode::Kind::null) return headers;
        if (node.kind != YamlNode::Kind::map) {
            wrong(node, "headers: expected names with values");
            return headers;
        }
        for (const auto& [name, value] : node.fields) headers.push_back({name->text, text(*value)});
        HttpSpec spec;
        spec.target = "http://example/";
        spec.headers = headers;
        if (const auto good = check(ProbeSpec(spec)); !good) wrong(node, "headers: " + good.error().detail);
        return headers;
    }
    std::vector<HeaderCheck> take_header_checks(const YamlNode& node) {
        std::vector<HeaderCheck> checks;
        each(node, [&](const YamlNode& item) {
            HeaderCheck check;
            fields(item, "a header's check",
                   {{"header", [&](const YamlNode& value) { check.header = text(value); }},
                    {"regexp", [&](const YamlNode& value) { check.pattern = pattern(value); }},
                    {"allow_missing", [&](const YamlNode& value) { check.allow_missing = flag(value); }}});
            if (check.header.empty() || !check.pattern) wrong(item, "a header's check needs header and regexp");
            checks.push_back(std::move(check));
        });
        return checks;
    }
    void take_tls(const YamlNode& node, HttpModule& http) {
        constexpr const char* kOurs = "probes trust the node's authorities and send no certificate";
        fields(node, "tls_config",
               {{"insecure_skip_verify", [&](const YamlNode& value) { http.verify = !flag(value); }},
                refused("ca_file", kOurs),
                refused("cert_file", kOurs),
                refused("key_file", kOurs),
                refused("server_name", "hostname, or a Host header, names the server"),
                refused("min_version", "probes offer TLS 1.2 and 1.3"),
                refused("max_version", "probes offer TLS 1.2 and 1.3")});
    }

    DnsModule take_dns(const YamlNode& node) {
        DnsModule dns;
        Preference ignored;  // the target is the server's address
        Fields known{
            {"query_name", [&](const YamlNode& value) { dns.query_name = take_query_name(value); }},
            {"query_type",
             [&](const YamlNode& value) {
                 dns.query_type = text(value);
                 if (!dns_type_number(dns.query_type)) wrong(value, "query_type: expected A, AAAA, MX, …");
             }},
            {"query_class",
             [&](const YamlNode& value) {
                 if (text(value) != "IN") cannot(value, "query_class", "probes ask for IN");
             }},
            {"transport_protocol",
             [&](const YamlNode& value) {
                 const auto transport = enum_value<DnsTransport>(text(value));
                 if (!transport) return wrong(value, "transport_protocol: expected udp or tcp");
                 dns.transport = *transport;
             }},
            {"dns_over_tls",
             [&](const YamlNode& value) {
                 if (flag(value)) cannot(value, "dns_over_tls", "probes ask by UDP and TCP");
             }},
            refused("tls_config", "probes ask by UDP and TCP"),
            refused("source_ip_address", kNoBinding),
            {"recursion_desired", [&](const YamlNode& value) { dns.recursion_desired = flag(value); }},
            {"valid_rcodes", [&](const YamlNode& value) { dns.valid_rcodes = texts(value); }},
            {"validate_answer_rrs", [&](const YamlNode& value) { dns.answer = take_record_check(value); }},
            {"validate_authority_rrs", [&](const YamlNode& value) { dns.authority = take_record_check(value); }},
            {"validate_additional_rrs", [&](const YamlNode& value) { dns.additional = take_record_check(value); }},
        };
        add_preference(known, ignored);
        fields(node, "dns", known);
        return dns;
    }
    std::string take_query_name(const YamlNode& node) {
        DnsSpec spec;
        spec.target = text(node);
        if (const auto good = check(ProbeSpec(spec)); !good) wrong(node, "query_name: " + good.error().detail);
        return node.text;
    }
    RecordCheck take_record_check(const YamlNode& node) {
        RecordCheck check;
        fields(node, "a section's check",
               {{"fail_if_matches_regexp", [&](const YamlNode& value) { check.fail_if_matches = patterns(value); }},
                {"fail_if_all_match_regexp", [&](const YamlNode& value) { check.fail_if_all_match = patterns(value); }},
                {"fail_if_not_matches_regexp",
                 [&](const YamlNode& value) { check.fail_if_not_matches = patterns(value); }},
                {"fail_if_none_matches_regexp",
                 [&](const YamlNode& value) { check.fail_if_none_matches = patterns(value); }}});
        return check;
    }

    IcmpModule take_icmp(const YamlNode& node) {
        IcmpModule icmp;
        Preference preference;
        Fields known{refused("source_ip_address", kNoBinding),
                     {"dont_fragment",
                      [&](const YamlNode& value) {
                          if (flag(value)) cannot(value, "dont_fragment", "pings do not set it");
                      }},
                     {"payload_size",
                      [&](const YamlNode& value) {
                          icmp.payload_size = static_cast<std::uint32_t>(number(value, 0, 65'507));
                          if (icmp.payload_size < 16 || icmp.payload_size > 1400)
                              cannot(value, "payload_size", "pings carry 16 to 1400 bytes");
                      }},
                     refused("ttl", "pings leave with the node's own hop limit"),
                     {"packets", [&](const YamlNode& value) {
                          icmp.packets = static_cast<std::uint32_t>(number(value, 1, 100));
                      }}};
        add_preference(known, preference);
        fields(node, "icmp", known);
        icmp.family = preference.family();
        return icmp;
    }

    std::string lines(int from, int end) const {
        std::string_view rest = text_;
        std::string out;
        for (int line = 1; !rest.empty() && (end == 0 || line < end); ++line) {
            const auto size = std::min(rest.find('\n'), rest.size() - 1) + 1;
            if (line >= from) out.append(rest.substr(0, size));
            rest.remove_prefix(size);
        }
        return out;
    }

    std::string_view text_;
    const std::string& file_;
    std::map<std::string, Module, std::less<>> modules_;
    std::vector<Error> problems_;
    Module* module_ = nullptr;  // that is being read
};

}  // namespace

LoadedModules load_modules(std::string_view text, const std::string& file) {
    return Loader(text, file).load();
}

Modules built_in_modules() {
    return load_modules(kBuiltIn, "the modules built in").modules;
}

}  // namespace edge::broker::prometheus
