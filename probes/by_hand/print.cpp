#include "probes/by_hand/print.hpp"

#include <cstdio>
#include <sstream>

#include "protocol/json/described.hpp"

namespace edge::probes {

/// Of a hop, as http's progress tells it.
struct Phase {
    static constexpr bool fields_have_defaults = true;
    std::string name;
    std::uint64_t us = 0;
};
BOOST_DESCRIBE_STRUCT(Phase, (), (name, us))

namespace {

std::string ms(std::uint64_t us) {
    char text[32]{};
    std::snprintf(text, sizeof text, "%.3f ms", static_cast<double>(us) / 1000.0);
    return text;
}

std::string ms(const std::optional<std::uint64_t>& us) {
    return us ? ms(*us) : "-";
}

std::string percent(double value) {
    char text[32]{};
    std::snprintf(text, sizeof text, "%.1f %%", value);
    return text;
}

std::string ping_text(const PingDetail& d) {
    std::string text =
        std::to_string(d.sent) + " sent, " + std::to_string(d.rcvd) + " received, " + percent(d.loss_percent) + " lost";
    if (d.dup + d.late + d.ignored > 0) {
        text += ", " + std::to_string(d.dup) + " duplicates, " + std::to_string(d.late) + " late, " +
                std::to_string(d.ignored) + " ignored";
    }
    if (d.avg_us)
        text +=
            "\nrtt min " + ms(d.min_us) + ", avg " + ms(d.avg_us) + ", max " + ms(d.max_us) + ", mdev " + ms(d.mdev_us);
    return text + "\n";
}

void add_section(std::string& text, const char* name, const std::vector<DnsRecord>& records) {
    for (const DnsRecord& r : records) {
        text += std::string(name) + "  " + r.name + " " + std::to_string(r.ttl) + " " + r.class_ + " " + r.type + " " +
                r.rdata + "\n";
    }
}

std::string dns_text(const DnsDetail& d) {
    std::string text =
        d.server + " port " + std::to_string(d.port) + " over " + d.transport + ", try " + std::to_string(d.tries);
    if (d.header) {
        text += ": " + d.header->rcode + " in " + ms(d.query_us) + ", " + std::to_string(d.size) + " bytes";
        for (const auto& [is_set, name] : {std::pair{d.header->aa, " aa"},
                                           {d.header->tc, " tc"},
                                           {d.header->rd, " rd"},
                                           {d.header->ra, " ra"},
                                           {d.header->ad, " ad"}}) {
            if (is_set) text += name;
        }
    }
    text += "\n";
    add_section(text, "answer    ", d.answer);
    add_section(text, "authority ", d.authority);
    add_section(text, "additional", d.additional);
    if (d.truncated_by_us) text += "(more records than are kept)\n";
    if (d.ignored > 0)
        text += std::to_string(d.ignored) + " messages were no answer to this question and were ignored\n";
    return text;
}

std::string hop_text(const HttpHop& hop) {
    std::string text = hop.url + " -> " + hop.peer + "\n";
    if (hop.status != 0) text += hop.protocol + " " + std::to_string(hop.status) + " " + hop.reason + "\n";
    for (const auto& [name, value] : hop.headers) text += "  " + name + ": " + value + "\n";
    const HttpTimings& t = hop.timings;
    text += "resolve " + ms(t.resolve_us) + ", connect " + ms(t.connect_us) + ", tls " + ms(t.tls_us) +
            ", first byte " + ms(t.first_byte_us) + ", transfer " + ms(t.transfer_us) + ", total " + ms(t.total_us) +
            "; " + std::to_string(hop.header_bytes) + " + " + std::to_string(hop.body_bytes) + " bytes\n";
    if (hop.tls) {
        text += hop.tls->version + " " + hop.tls->cipher + " " + hop.tls->alpn + "; " + hop.tls->subject + ", by " +
                hop.tls->issuer + ", until " + hop.tls->not_after +
                (hop.tls->verified ? ", verified" : ", NOT verified: " + hop.tls->verify_error) + "\n";
    }
    return text;
}

std::string http_text(const HttpDetail& d) {
    std::string text;
    for (const HttpHop& hop : d.hops) text += hop_text(hop);
    if (d.body) text += *d.body + "\n";
    if (d.body_truncated) text += "(the body is longer than was read)\n";
    return text;
}

/// A detail the worker wrote; one that does not decode (cut to fit its frame) shows as it is.
template <class Detail>
std::string detail_text(const Json& json, std::string (*print)(const Detail&)) {
    if (json.empty()) return {};
    const auto detail = decode<Detail>(json, UnknownFields::ignore);
    return detail ? print(detail.value()) : dump_json(json) + "\n";
}

std::string evidence_text(const Outcome& outcome) {
    if (!outcome.evidence) return "no line: this host's own routing, nothing is verified\n";
    const Evidence& e = *outcome.evidence;
    char mark[16]{};
    std::snprintf(mark, sizeof mark, "0x%x", e.fwmark);
    std::string text = "line " + outcome.line + ": " +
                       (e.src_addr.empty() ? "no socket" : e.src_addr + " -> " + e.dst_addr) + " by " + e.ifname +
                       ", mark " + mark + ", table " + std::to_string(e.table) + ", enforced by " +
                       std::string(enum_text(e.enforced_by));
    return text + (e.verified ? ", verified\n" : ", NOT verified: " + e.mismatch_reason + "\n");
}

}  // namespace

std::string progress_text(Service service, const Json& data) {
    if (service == Service::ping && data.contains("reply")) {
        const auto reply = decode<PingReply>(data["reply"], UnknownFields::ignore);
        if (!reply) return {};
        const PingReply& r = reply.value();
        std::string text = "seq " + std::to_string(r.seq) + ": ";
        if (r.error) return text + printable(*r.error) + (r.from ? " from " + printable(*r.from) : "") + "\n";
        if (!r.rtt_us) return text + "no reply in time\n";
        text += ms(*r.rtt_us) + (r.ttl ? ", ttl " + std::to_string(*r.ttl) : "");
        return text + (r.from ? ", from " + printable(*r.from) : "") + (r.dup ? ", duplicate" : "") + "\n";
    }
    if (service == Service::http && data.contains("phase")) {
        const auto phase = decode<Phase>(data["phase"], UnknownFields::ignore);
        if (!phase) return {};
        return printable(phase.value().name) + " " + ms(phase.value().us) + "\n";
    }
    return {};
}

std::string outcome_text(const ProbeSpec& spec, const Outcome& outcome) {
    const ProbeReport& report = outcome.report;
    std::string text;
    switch (service_of(spec)) {
        case Service::dns:
            text = detail_text<DnsDetail>(report.detail.tree(), dns_text);
            break;
        case Service::http:
            text = detail_text<HttpDetail>(report.detail.tree(), http_text);
            break;
        case Service::ping:
            text = detail_text<PingDetail>(report.detail.tree(), ping_text);
            break;
    }
    text += std::string(enum_text(report.status)) + " after " + ms(report.summary.duration_us);
    if (report.failure) {
        const Failure& f = *report.failure;
        text += "; " + std::string(enum_text(f.source)) + ", " + f.phase + ", " + f.code + ": " + f.text;
    }
    return printable(text + "\n" + evidence_text(outcome));
}

Json outcome_json(const ProbeSpec& spec, const Outcome& outcome) {
    Json json = Json::object();
    json["service"] = std::string(enum_text(service_of(spec)));
    json["target"] = target_of(spec);
    if (!outcome.line.empty()) json["line"] = outcome.line;
    json.update(encode(outcome.report));
    json["detail"] = outcome.report.detail.tree();
    if (outcome.evidence) json["evidence"] = encode(*outcome.evidence);
    return json;
}

std::string ping_hint(std::uint32_t group, const std::string& range) {
    std::uint64_t low = 1, high = 0;
    std::istringstream(range) >> low >> high;
    // A second range cannot be given, and one that reaches from here to the workers' is for everybody in between.
    if (low <= high) return "; groups " + std::to_string(low) + " to " + std::to_string(high) + " may: say --line NAME";
    const std::string only = std::to_string(group);
    return "; say --line NAME on a node, or allow this group alone: sysctl -w net.ipv4.ping_group_range=\"" + only +
           " " + only + "\"";
}

std::string printable(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool is_c1 =
            c == 0xc2 && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xe0) == 0x80;  // U+0080..9F
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || is_c1) {
            char hex[8]{};
            std::snprintf(hex, sizeof hex, "\\x%02x", c);
            out += hex;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace edge::probes
