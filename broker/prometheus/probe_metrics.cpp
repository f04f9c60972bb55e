#include "broker/prometheus/probe_metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <functional>

#include "protocol/json/described.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr Metric kSuccess{"probe_success", Type::gauge, "Whether the probe succeeded (1) or not (0)."};
constexpr Metric kDuration{"probe_duration_seconds", Type::gauge, "How long the probe took."};
constexpr Metric kLookup{"probe_dns_lookup_time_seconds", Type::gauge, "How long the target's name took to resolve."};
constexpr Metric kProtocol{"probe_ip_protocol", Type::gauge, "Version of IP that was used, 4 or 6."};
constexpr Metric kAddressHash{"probe_ip_addr_hash", Type::gauge, "Hash of the target's address, to see it change."};

constexpr Metric kHttpDuration{"probe_http_duration_seconds", Type::gauge,
                               "How long each phase took, over all redirects."};
constexpr Metric kHttpStatus{"probe_http_status_code", Type::gauge, "Status of the last answer, 0 without one."};
constexpr Metric kHttpLength{"probe_http_content_length", Type::gauge, "Content-Length, -1 where there was none."};
constexpr Metric kHttpBody{"probe_http_uncompressed_body_length", Type::gauge, "Bytes of body that were read."};
constexpr Metric kHttpRedirects{"probe_http_redirects", Type::gauge, "Redirects that were followed."};
constexpr Metric kHttpSsl{"probe_http_ssl", Type::gauge, "Whether the last answer came over TLS."};
constexpr Metric kHttpVersion{"probe_http_version", Type::gauge, "Version of HTTP of the last answer."};
constexpr Metric kRegex{"probe_failed_due_to_regex", Type::gauge, "Whether an expression of the module failed it."};
constexpr Metric kModified{"probe_http_last_modified_timestamp_seconds", Type::gauge, "Last-Modified of the answer."};
constexpr Metric kCertExpiry{"probe_ssl_earliest_cert_expiry", Type::gauge,
                             "When the first certificate that was sent ends."};
constexpr Metric kChainExpiry{"probe_ssl_last_chain_expiry_timestamp_seconds", Type::gauge,
                              "When the trusted chain ends."};
constexpr Metric kChainInfo{"probe_ssl_last_chain_info", Type::gauge, "The server's certificate, in labels."};
constexpr Metric kTlsVersion{"probe_tls_version_info", Type::gauge, "The version of TLS, in a label."};

constexpr Metric kDnsDuration{"probe_dns_duration_seconds", Type::gauge, "How long each phase took."};
constexpr Metric kDnsAnswer{"probe_dns_answer_rrs", Type::gauge, "Records of the answer."};
constexpr Metric kDnsAuthority{"probe_dns_authority_rrs", Type::gauge, "Records of the authority section."};
constexpr Metric kDnsAdditional{"probe_dns_additional_rrs", Type::gauge, "Records of the additional section."};
constexpr Metric kDnsSucceeded{"probe_dns_query_succeeded", Type::gauge, "Whether the server answered the query."};
constexpr Metric kDnsSerial{"probe_dns_serial", Type::gauge, "Serial of the zone."};

constexpr Metric kIcmpDuration{"probe_icmp_duration_seconds", Type::gauge, "How long each phase took."};
constexpr Metric kIcmpHops{"probe_icmp_reply_hop_limit", Type::gauge, "TTL or hop limit of the reply."};
constexpr Metric kIcmpLoss{"probe_icmp_packet_loss_ratio", Type::gauge, "Packets without a reply, 0 to 1."};
constexpr Metric kIcmpRtt{"probe_icmp_rtt_seconds", Type::gauge, "Round trips of all packets."};

constexpr Metric kOffline{"probe_agent_offline", Type::gauge, "Whether the line's node is away."};
constexpr Metric kLineInfo{"probe_line_info", Type::gauge, "The line that the probe left by, in labels."};
constexpr Metric kVerified{"probe_line_verified", Type::gauge,
                           "Whether the kernel's evidence says that it left by this line."};
constexpr Metric kFailure{"probe_failure_info", Type::gauge, "Why the probe failed and in which phase, in labels."};

constexpr double kNoTime = -62'135'596'800;  // year 1: what Go's zero time is since 1970

double seconds(std::optional<std::uint64_t> us) {
    return static_cast<double>(us.value_or(0)) / 1e6;
}

/// Why a check of the module failed what the probe itself found in order.
struct Complaint {
    std::string reason;
    bool by_regex = false;
};

/// The metrics of one line, with what tells it apart.
class Line {
  public:
    Line(Exposition& out, const Labels& extra) : out_(out), extra_(extra) {}
    void add(const Metric& metric, double value, Labels labels = {}) {
        labels.insert(labels.begin(), extra_.begin(), extra_.end());
        out_.add(metric, labels, value);
    }
    void phase(const Metric& metric, const char* name, double value) { add(metric, value, {{"phase", name}}); }

  private:
    Exposition& out_;
    const Labels& extra_;
};

template <class Detail>
std::optional<Detail> detail_of(const Probed& probed) {
    if (!probed.result) return std::nullopt;
    const auto json = parse_json(probed.result->detail);
    if (!json) return std::nullopt;
    auto detail = decode<Detail>(json.value(), UnknownFields::ignore);
    if (!detail) return std::nullopt;
    return std::move(detail.value());
}

std::optional<IpAddress> address_in(std::string_view text) {
    if (const auto address = IpAddress::parse(text)) return address.value();
    // `198.51.100.10:443`, `[2001:db8::1]:443`
    std::string_view host = text.substr(0, std::min(text.rfind(':'), text.size()));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (const auto address = IpAddress::parse(host)) return address.value();
    return std::nullopt;
}

void write_address(Line& line, const std::optional<IpAddress>& address, double lookup_s) {
    line.add(kLookup, lookup_s);
    line.add(kProtocol, !address ? 0 : address->v6 ? 6 : 4);
    line.add(kAddressHash, address ? address_hash(*address) : 0);
}

/// RFC 3339 in UTC, as a report tells it; kNoTime for none.
double time_of(const std::string& text, const char* format) {
    std::tm parts{};
    const char* end = strptime(text.c_str(), format, &parts);
    return end != nullptr && *end == '\0' ? static_cast<double>(timegm(&parts)) : kNoTime;
}
constexpr const char* kRfc3339 = "%Y-%m-%dT%H:%M:%SZ";
constexpr const char* kHttpDate = "%a, %d %b %Y %H:%M:%S GMT";  // RFC 9110 section 5.6.7

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string> header_values(const HttpHop& hop, std::string_view name) {
    std::vector<std::string> values;
    for (const auto& header : hop.headers) {
        if (same_name(header.name, name)) values.push_back(header.value);
    }
    return values;
}

// ── http ──

std::optional<Complaint> check_headers(const HttpModule& module, const HttpHop& hop) {
    const auto matches = [](const HeaderCheck& check, const std::vector<std::string>& values) {
        return std::ranges::any_of(values, [&](const auto& value) { return check.pattern->matches(value); });
    };
    for (const auto& check : module.fail_if_header_matches) {
        const auto values = header_values(hop, check.header);
        if (values.empty() ? !check.allow_missing : matches(check, values)) return Complaint{"header_matches", true};
    }
    for (const auto& check : module.fail_if_header_not_matches) {
        const auto values = header_values(hop, check.header);
        if (values.empty() ? !check.allow_missing : !matches(check, values))
            return Complaint{"header_does_not_match", true};
    }
    return std::nullopt;
}

/// An expression is tried on what was kept of the body. Where that is not all of it, a part that does not match proves
/// nothing, and the probe fails rather than guess.
std::optional<Complaint> check_body(const HttpModule& module, const HttpDetail& detail) {
    if (!module.looks_at_body()) return std::nullopt;
    std::string body = detail.body.value_or("");
    if (detail.body_b64) {
        const auto decoded = from_base64(*detail.body_b64);
        body.assign(decoded ? std::string(decoded->begin(), decoded->end()) : std::string());
    }
    const bool is_whole = body.size() >= detail.hops.back().body_bytes && !detail.body_truncated;
    for (const auto& pattern : module.fail_if_body_matches) {
        if (pattern.matches(body)) return Complaint{"body_matches", true};
        if (!is_whole) return Complaint{"body_too_long_to_check", true};
    }
    for (const auto& pattern : module.fail_if_body_not_matches) {
        if (!pattern.matches(body)) return Complaint{is_whole ? "body_does_not_match" : "body_too_long_to_check", true};
    }
    return std::nullopt;
}

/// `HTTP/2` of ours is `HTTP/2.0` of a module.
std::string full_version(const std::string& protocol) {
    return protocol == "HTTP/2" ? "HTTP/2.0" : protocol;
}

std::optional<Complaint> check_http(const HttpModule& module, const HttpDetail& detail) {
    const HttpHop& last = detail.hops.back();
    const auto& valid = module.valid_status_codes;
    const bool good_status =
        valid.empty() ? last.status / 100 == 2 : std::ranges::find(valid, last.status) != valid.end();
    if (!good_status) return Complaint{"status_" + std::to_string(last.status)};
    if (auto complaint = check_headers(module, last)) return complaint;
    if (auto complaint = check_body(module, detail)) return complaint;
    if (module.body_size_limit > 0 && detail.body_truncated) return Complaint{"body_too_large"};
    const auto& versions = module.valid_http_versions;
    if (!versions.empty() && std::ranges::find(versions, full_version(last.protocol)) == versions.end())
        return Complaint{"http_version"};
    if (last.tls && module.fail_if_ssl) return Complaint{"ssl"};
    if (!last.tls && module.fail_if_not_ssl) return Complaint{"no_ssl"};
    return std::nullopt;
}

void write_tls(Line& line, const TlsFacts& tls) {
    std::string names;
    for (const auto& name : tls.names) names += (names.empty() ? "" : ",") + name;
    line.add(kCertExpiry, time_of(tls.chain_not_after.empty() ? tls.not_after : tls.chain_not_after, kRfc3339));
    line.add(kChainExpiry, tls.path_not_after ? time_of(*tls.path_not_after, kRfc3339) : kNoTime);
    line.add(kChainInfo, 1,
             {{"fingerprint_sha256", tls.sha256},
              {"issuer", tls.issuer},
              {"subject", tls.subject},
              {"subjectalternative", names}});
    std::string version = tls.version;  // TLSv1.3 of OpenSSL is TLS 1.3 here
    if (version.starts_with("TLSv")) version = "TLS " + version.substr(4) + (version.size() == 5 ? ".0" : "");
    line.add(kTlsVersion, 1, {{"version", version}});
}

double content_length(const HttpHop& hop) {
    const auto values = header_values(hop, "content-length");
    std::uint64_t length = 0;
    if (values.empty()) return hop.status == 204 ? 0 : -1;
    const std::string& text = values.front();
    const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), length);
    return failed == std::errc{} ? static_cast<double>(length) : -1;
}

/// One that the module does not follow counts, too.
std::size_t redirects(const HttpDetail& detail) {
    if (detail.hops.empty()) return 0;
    const HttpHop& last = detail.hops.back();
    const bool leads_on = last.status / 100 == 3 && !header_values(last, "location").empty();
    return detail.hops.size() - (leads_on ? 0 : 1);
}

double version_number(const std::string& protocol) {
    double number = 0;
    const auto slash = std::min(protocol.find('/'), protocol.size());
    std::from_chars(protocol.data() + std::min(slash + 1, protocol.size()), protocol.data() + protocol.size(), number);
    return number;
}

std::optional<Complaint> write_details(Line& line, const HttpModule& module, const Probed& probed) {
    const HttpDetail detail = detail_of<HttpDetail>(probed).value_or(HttpDetail{});
    const HttpHop none;
    const HttpHop& last = detail.hops.empty() ? none : detail.hops.back();
    const bool answered = last.status != 0;
    double resolve = 0, connect = 0, tls = 0, processing = 0, transfer = 0;
    for (const auto& hop : detail.hops) {
        resolve += seconds(hop.timings.resolve_us);
        connect += seconds(hop.timings.connect_us);
        tls += seconds(hop.timings.tls_us);
        processing += seconds(hop.timings.first_byte_us);
        transfer += seconds(hop.timings.transfer_us);
    }
    line.phase(kHttpDuration, "resolve", resolve);
    line.phase(kHttpDuration, "connect", connect);
    line.phase(kHttpDuration, "tls", tls);
    line.phase(kHttpDuration, "processing", processing);
    line.phase(kHttpDuration, "transfer", transfer);
    line.add(kHttpStatus, last.status);
    line.add(kHttpLength, answered ? content_length(last) : 0);
    line.add(kHttpBody, static_cast<double>(last.body_bytes));
    line.add(kHttpRedirects, static_cast<double>(redirects(detail)));
    line.add(kHttpSsl, answered && last.tls ? 1 : 0);
    line.add(kHttpVersion, answered ? version_number(last.protocol) : 0);
    if (const auto modified = header_values(last, "last-modified"); !modified.empty()) {
        const double at = time_of(modified.front(), kHttpDate);
        if (at != kNoTime) line.add(kModified, at);
    }
    if (answered && last.tls) write_tls(line, *last.tls);
    auto address = detail.hops.empty() ? std::nullopt : address_in(detail.hops.front().peer);
    if (!address && !detail.resolved.empty()) address = address_in(detail.resolved.front());
    write_address(line, address, detail.hops.empty() ? 0 : seconds(detail.hops.front().timings.resolve_us));
    std::optional<Complaint> complaint;
    if (answered) complaint = check_http(module, detail);
    line.add(kRegex, complaint && complaint->by_regex ? 1 : 0);
    if (!complaint && detail.hops.empty()) complaint = Complaint{"no_detail"};
    return complaint;
}

// ── dns ──

/// As Go's DNS library writes a record, which the expressions of module files are made for.
std::string record_text(const DnsRecord& record) {
    return record.name + "\t" + std::to_string(record.ttl) + "\t" + record.class_ + "\t" + record.type + "\t" +
           record.rdata;
}

bool passes(const RecordCheck& check, const std::vector<DnsRecord>& records) {
    const auto matched = [&](const Pattern& pattern) {
        return std::ranges::count_if(records, [&](const auto& record) { return pattern.matches(record_text(record)); });
    };
    const auto all = std::ssize(records);
    return std::ranges::none_of(check.fail_if_matches, [&](const auto& p) { return matched(p) > 0; }) &&
           std::ranges::none_of(check.fail_if_all_match, [&](const auto& p) { return all > 0 && matched(p) == all; }) &&
           std::ranges::none_of(check.fail_if_not_matches, [&](const auto& p) { return matched(p) < all; }) &&
           std::ranges::none_of(check.fail_if_none_matches, [&](const auto& p) { return all > 0 && matched(p) == 0; });
}

std::optional<Complaint> check_dns(const DnsModule& module, const DnsDetail& detail) {
    const std::string rcode = detail.header->rcode;
    const bool good = module.valid_rcodes.empty()
                          ? rcode == "NOERROR"
                          : std::ranges::find(module.valid_rcodes, rcode) != module.valid_rcodes.end();
    if (!good) return Complaint{rcode};
    if (detail.truncated_by_us) return Complaint{"too_many_records_to_check"};
    if (!passes(module.answer, detail.answer)) return Complaint{"answer_rrs"};
    if (!passes(module.authority, detail.authority)) return Complaint{"authority_rrs"};
    if (!passes(module.additional, detail.additional)) return Complaint{"additional_rrs"};
    return std::nullopt;
}

/// The third field of an SOA's data.
std::optional<double> serial_of(const DnsDetail& detail) {
    for (const auto& record : detail.answer) {
        if (record.type != "SOA") continue;
        std::size_t at = 0;
        for (int field = 0; field < 2 && at != std::string::npos; ++field) {
            at = record.rdata.find(' ', at);
            if (at != std::string::npos) ++at;
        }
        std::uint32_t serial = 0;
        if (at == std::string::npos) continue;
        const auto [stop, failed] =
            std::from_chars(record.rdata.data() + at, record.rdata.data() + record.rdata.size(), serial);
        if (failed == std::errc{}) return serial;
    }
    return std::nullopt;
}

std::optional<Complaint> write_details(Line& line, const DnsModule& module, const Probed& probed) {
    const DnsDetail detail = detail_of<DnsDetail>(probed).value_or(DnsDetail{});
    line.phase(kDnsDuration, "resolve", 0);
    const double connect = seconds(detail.connect_us);
    const double waited = probed.result ? seconds(probed.result->result.summary.duration_us) - connect : 0;
    line.phase(kDnsDuration, "connect", connect);
    line.phase(kDnsDuration, "request", detail.header ? seconds(detail.query_us) : waited);
    line.add(kDnsAnswer, static_cast<double>(detail.answer.size()));
    line.add(kDnsAuthority, static_cast<double>(detail.authority.size()));
    line.add(kDnsAdditional, static_cast<double>(detail.additional.size()));
    line.add(kDnsSucceeded, detail.header ? 1 : 0);
    if (dns_type_number(module.query_type) == dns_type_number("SOA"))
        line.add(kDnsSerial, serial_of(detail).value_or(0));
    auto server = address_in(detail.server);
    if (!server && probed.result) server = address_in(probed.result->result.evidence.dst_addr);
    write_address(line, server, 0);
    return detail.header ? check_dns(module, detail) : Complaint{"no_answer"};
}

// ── icmp ──

/// What of the whole duration is before the first packet.
double before_packets(const PingDetail& detail, std::uint64_t duration_us) {
    std::uint64_t end_us = 0;
    for (const auto& reply : detail.replies) {
        if (!reply.rtt_us) return 0;  // it was waited for: how long, the detail does not say
        end_us = std::max(end_us, reply.tx_us + *reply.rtt_us);
    }
    return detail.replies.empty() ? 0 : seconds(duration_us - std::min(duration_us, end_us));
}

/// Mean difference of one round trip and the next. Source: RFC 3393.
double jitter(const PingDetail& detail) {
    double sum = 0;
    int pairs = 0;
    std::optional<std::uint64_t> before;
    for (const auto& reply : detail.replies) {
        if (!reply.rtt_us || reply.dup) continue;
        if (before) {
            sum += std::abs(static_cast<double>(*reply.rtt_us) - static_cast<double>(*before));
            ++pairs;
        }
        before = reply.rtt_us;
    }
    return pairs == 0 ? 0 : sum / pairs / 1e6;
}

std::optional<Complaint> write_details(Line& line, const IcmpModule&, const Probed& probed) {
    const PingDetail detail = detail_of<PingDetail>(probed).value_or(PingDetail{});
    const auto* result = probed.result.get();
    const bool was_resolved = result && !IpAddress::parse(result->result.target);
    const double before = result ? before_packets(detail, result->result.summary.duration_us) : 0;
    line.phase(kIcmpDuration, "resolve", was_resolved ? before : 0);
    line.phase(kIcmpDuration, "setup", was_resolved ? 0 : before);
    line.phase(kIcmpDuration, "rtt", seconds(detail.avg_us));
    const auto first =
        std::ranges::find_if(detail.replies, [](const auto& reply) { return reply.rtt_us && reply.ttl; });
    if (first != detail.replies.end()) line.add(kIcmpHops, *first->ttl);
    if (detail.sent > 0) line.add(kIcmpLoss, detail.loss_percent / 100);
    if (detail.rcvd > 0) {
        const auto stat = [&line](const char* name, double value) { line.add(kIcmpRtt, value, {{"stat", name}}); };
        stat("min", seconds(detail.min_us));
        stat("avg", seconds(detail.avg_us));
        stat("max", seconds(detail.max_us));
        stat("stddev", seconds(detail.mdev_us));
        stat("jitter", jitter(detail));
    }
    auto address = address_in(detail.dst_addr);
    if (!address && result && !result->result.resolved.empty()) address = address_in(result->result.resolved.front());
    write_address(line, address, was_resolved ? before : 0);
    return detail.rcvd > 0 ? std::nullopt : std::optional(Complaint{"no_reply"});
}

// ── all ──

void write_line(Line& line, const Probed& probed, const Labels& extra) {
    Labels labels;
    if (extra.empty()) labels = labels_of(probed);
    labels.emplace_back("carrier", probed.line.carrier);
    if (probed.result) {
        const Evidence& evidence = probed.result->result.evidence;
        labels.emplace_back("ifname", evidence.ifname);
        labels.emplace_back("src", evidence.src_addr);
    }
    line.add(kLineInfo, 1, labels);
    line.add(kVerified, probed.result && probed.result->result.evidence.verified ? 1 : 0);
    line.add(kOffline, probed.offline ? 1 : 0);
}

void write_failure(Line& line, const Probed& probed, const std::optional<Complaint>& complaint) {
    std::string phase = "check", reason = complaint ? complaint->reason : "";
    if (!probed.result) {
        phase = "start";
        reason = probed.offline ? "agent_offline" : "no_result";
    } else if (probed.result->result.failure) {
        phase = probed.result->result.failure->phase;
        reason = probed.result->result.failure->code;
    }
    line.add(kFailure, 1, {{"phase", phase}, {"reason", reason}});
}

/// NXDOMAIN is a failed probe of ours, and may be what a module asks for.
bool is_wanted_rcode(const Module& module, const Probed& probed) {
    const auto* dns = std::get_if<DnsModule>(&module.probe);
    if (!dns || !probed.result || !probed.result->result.failure) return false;
    return std::ranges::find(dns->valid_rcodes, probed.result->result.failure->code) != dns->valid_rcodes.end();
}

}  // namespace

Labels labels_of(const Probed& probed) {
    return {{"line", probed.line.name.text()}, {"node", probed.node.name.text()}};
}

std::uint32_t address_hash(const IpAddress& address) {
    std::uint32_t hash = 2'166'136'261U;
    for (std::size_t i = 0; i < (address.v6 ? 16U : 4U); ++i) hash = (hash ^ address.bytes[i]) * 16'777'619U;
    return hash;
}

bool write_probe(Exposition& out, const Module& module, const Probed& probed, const Labels& extra) {
    Line line(out, extra);
    const auto complaint = std::visit([&](const auto& one) { return write_details(line, one, probed); }, module.probe);
    const auto status = probed.result ? probed.result->result.status : Status::failed;
    // A ping that lost some packets has an answer, which is what blackbox_exporter asks for.
    const bool answered = status == Status::ok || status == Status::partial;
    const bool success = !complaint && (answered || is_wanted_rcode(module, probed));
    line.add(kSuccess, success ? 1 : 0);
    line.add(kDuration, seconds(probed.result ? probed.result->result.summary.duration_us : probed.waited_us));
    write_line(line, probed, extra);
    if (!success) write_failure(line, probed, complaint);
    return success;
}

}  // namespace edge::broker::prometheus
