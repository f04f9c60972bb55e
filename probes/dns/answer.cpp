#include "probes/dns/answer.hpp"

#include <ldns/ldns.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "probes/text_budget.hpp"

namespace edge::probes {
namespace {

struct FreePacket {
    void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
struct FreeBuffer {
    void operator()(ldns_buffer* buffer) const { ldns_buffer_free(buffer); }
};
using OwnedPacket = std::unique_ptr<ldns_pkt, FreePacket>;
using Buffer = std::unique_ptr<ldns_buffer, FreeBuffer>;

class SectionReader {
  public:
    SectionReader(const AnswerLimits& limits, bool& is_cut)
        : buffer_(ldns_buffer_new(LDNS_MIN_BUFLEN)),
          records_left_(limits.records),
          text_(limits.text_bytes),
          is_cut_(is_cut) {}

    std::vector<DnsRecord> read(const ldns_rr_list* list) {
        std::vector<DnsRecord> records;
        for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
            if (records_left_ == 0) {
                is_cut_ = true;
                break;
            }
            DnsRecord record = to_record(*ldns_rr_list_rr(list, i));
            if (!text_.take(json_size(record.name) + json_size(record.rdata) + 64)) {
                is_cut_ = true;
                continue;  // a smaller one may fit
            }
            --records_left_;
            records.push_back(std::move(record));
        }
        return records;
    }

  private:
    DnsRecord to_record(const ldns_rr& rr) {
        DnsRecord record;
        record.name = printed([&](ldns_buffer* out) { return ldns_rdf2buffer_str_dname(out, ldns_rr_owner(&rr)); });
        record.type = dns_type_name(static_cast<std::uint16_t>(ldns_rr_get_type(&rr)));
        record.class_ = class_name(static_cast<unsigned>(ldns_rr_get_class(&rr)));
        record.ttl = ldns_rr_is_question(&rr) ? 0 : ldns_rr_ttl(&rr);
        if (!ldns_rr_is_question(&rr)) record.rdata = rdata_text(rr);
        return record;
    }

    static std::string class_name(unsigned number) {
        return number == 1 ? "IN" : number == 3 ? "CH" : number == 255 ? "ANY" : "CLASS" + std::to_string(number);
    }

    /// ldns knows how each type is written, and writes unknown ones as in RFC 3597; its line is
    /// OWNER TAB TTL TAB CLASS TAB TYPE TAB RDATA, and a tab inside a field is escaped.
    std::string rdata_text(const ldns_rr& rr) {
        std::string line =
            printed([&](ldns_buffer* out) { return ldns_rr2buffer_str_fmt(out, ldns_output_format_nocomments, &rr); });
        std::size_t at = 0;
        for (int tabs = 0; tabs < 4; ++tabs) {
            at = line.find('\t', at);
            if (at == std::string::npos) return {};
            ++at;
        }
        line.erase(0, at);
        while (line.ends_with('\n') || line.ends_with(' ')) line.pop_back();
        return line;
    }

    template <class Print>
    std::string printed(Print print) {
        ldns_buffer_clear(buffer_.get());
        if (print(buffer_.get()) != LDNS_STATUS_OK) return {};
        return {reinterpret_cast<const char*>(ldns_buffer_begin(buffer_.get())), ldns_buffer_position(buffer_.get())};
    }

    Buffer buffer_;
    std::size_t records_left_;
    TextBudget text_;
    bool& is_cut_;
};

unsigned full_rcode(const ldns_pkt& packet) {
    return static_cast<unsigned>(ldns_pkt_get_rcode(&packet)) |
           static_cast<unsigned>(ldns_pkt_edns_extended_rcode(&packet)) << 4;
}

DnsHeader header_of(const ldns_pkt& packet) {
    DnsHeader header;
    header.id = ldns_pkt_id(&packet);
    header.qr = ldns_pkt_qr(&packet);
    header.aa = ldns_pkt_aa(&packet);
    header.tc = ldns_pkt_tc(&packet);
    header.rd = ldns_pkt_rd(&packet);
    header.ra = ldns_pkt_ra(&packet);
    header.ad = ldns_pkt_ad(&packet);
    header.cd = ldns_pkt_cd(&packet);
    header.opcode = static_cast<std::uint32_t>(ldns_pkt_get_opcode(&packet));
    header.rcode = rcode_name(full_rcode(packet));
    return header;
}

}  // namespace

Result<> read_answer(std::span<const std::uint8_t> message, DnsDetail& detail, const AnswerLimits& limits) {
    ldns_pkt* raw = nullptr;
    const ldns_status status = ldns_wire2pkt(&raw, message.data(), message.size());
    const OwnedPacket packet(status == LDNS_STATUS_OK ? raw : nullptr);
    if (!packet) return Error{Errc::bad_syntax, "answer", ldns_get_errorstr_by_id(status)};
    detail.header = header_of(*packet);
    SectionReader reader(limits, detail.truncated_by_us);
    detail.question = reader.read(ldns_pkt_question(packet.get()));
    detail.answer = reader.read(ldns_pkt_answer(packet.get()));
    detail.authority = reader.read(ldns_pkt_authority(packet.get()));
    detail.additional = reader.read(ldns_pkt_additional(packet.get()));
    return ok();
}

std::string rcode_name(unsigned rcode) {
    // Source: IANA, DNS RCODEs.
    static constexpr std::array kNames = {"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
                                          "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE", "DSOTYPENI"};
    if (rcode < kNames.size()) return kNames[rcode];
    if (rcode == 16) return "BADVERS";
    if (rcode == 23) return "BADCOOKIE";
    return "RCODE" + std::to_string(rcode);
}

}  // namespace edge::probes
