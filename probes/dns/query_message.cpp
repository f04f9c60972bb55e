#include "probes/dns/query_message.hpp"

#include <algorithm>

namespace edge::probes {
namespace {

constexpr std::size_t kHeader = 12;
constexpr unsigned kFormErr = 1, kNotImp = 4;

void put16(Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

unsigned get16(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<unsigned>(bytes[at] << 8 | bytes[at + 1]);
}

std::string reverse_name(const IpAddress& address) {
    std::string name;
    static constexpr char kHex[] = "0123456789abcdef";
    if (!address.v6) {
        for (int i = 3; i >= 0; --i) name += std::to_string(address.bytes[static_cast<std::size_t>(i)]) + ".";
        return name + "in-addr.arpa";
    }
    for (int i = 15; i >= 0; --i) {
        const std::uint8_t byte = address.bytes[static_cast<std::size_t>(i)];
        name += {kHex[byte & 15], '.', kHex[byte >> 4], '.'};
    }
    return name + "ip6.arpa";
}

std::uint8_t lower(std::uint8_t c) {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c - 'A' + 'a') : c;
}

/// Length octets are below 64, so lower-casing the whole wire form leaves them as they are.
bool same_name(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](std::uint8_t x, std::uint8_t y) { return lower(x) == lower(y); });
}

}  // namespace

Result<Question> make_question(const std::string& target, const std::string& type) {
    Question question;
    const auto number = dns_type_number(type);
    if (!number) return Error{Errc::bad_value, "/type", "unknown type"};
    question.type = *number;
    std::string name = target;
    constexpr std::uint16_t kPtr = 12;
    if (const auto address = IpAddress::parse(target); address && question.type == kPtr)
        name = reverse_name(address.value());
    if (name.ends_with('.')) name.pop_back();
    for (std::size_t begin = 0; begin < name.size();) {
        const std::size_t end = std::min(name.find('.', begin), name.size());
        const std::size_t length = end - begin;
        if (length == 0 || length > 63) return Error{Errc::bad_value, "/target", "a label is 1 to 63 bytes"};
        question.name.push_back(static_cast<std::uint8_t>(length));
        for (std::size_t i = begin; i < end; ++i) question.name.push_back(static_cast<std::uint8_t>(name[i]));
        begin = end + 1;
    }
    question.name.push_back(0);
    if (question.name.size() > 255) return Error{Errc::bad_value, "/target", "a name is at most 255 bytes on the wire"};
    return question;
}

Bytes encode_query(std::uint16_t id, const Question& question, bool recursion_desired, std::uint16_t udp_payload_size) {
    Bytes out;
    put16(out, id);
    put16(out, recursion_desired ? 0x0100 : 0);
    put16(out, 1);  // one question
    put16(out, 0);
    put16(out, 0);
    put16(out, 1);  // OPT
    out.insert(out.end(), question.name.begin(), question.name.end());
    put16(out, question.type);
    put16(out, question.class_);
    out.push_back(0);  // OPT's owner is the root
    put16(out, 41);
    put16(out, udp_payload_size);
    put16(out, 0);  // extended rcode, version 0
    put16(out, 0);  // flags
    put16(out, 0);  // no options
    return out;
}

std::optional<AnswerHead> match_answer(std::span<const std::uint8_t> message, std::uint16_t id,
                                       const Question& question) {
    if (message.size() < kHeader || get16(message, 0) != id) return std::nullopt;
    const unsigned flags = get16(message, 2);
    const bool is_answer = (flags & 0x8000) != 0 && (flags & 0x7800) == 0;
    if (!is_answer) return std::nullopt;
    const AnswerHead head{(flags & 0x0200) != 0, flags & 15};
    const unsigned questions = get16(message, 4);
    if (questions == 0 && (head.rcode == kFormErr || head.rcode == kNotImp)) return head;
    const std::size_t length = question.name.size();
    if (questions != 1 || message.size() < kHeader + length + 4) return std::nullopt;
    if (!same_name(message.subspan(kHeader, length), question.name)) return std::nullopt;
    if (get16(message, kHeader + length) != question.type || get16(message, kHeader + length + 2) != question.class_)
        return std::nullopt;
    return head;
}

}  // namespace edge::probes
