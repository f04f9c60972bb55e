// A DNS question as bytes, and whether a message answers it. Pure. Source: RFC 1035 section 4, RFC 6891.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "protocol/codings.hpp"
#include "protocol/probes/spec.hpp"
#include "protocol/result.hpp"

namespace edge::probes {

struct Question {
    Bytes name;  // wire form, uncompressed
    std::uint16_t type = 0;
    std::uint16_t class_ = 1;
};

/// Of a checked spec. An address asked for by PTR becomes its in-addr.arpa or ip6.arpa name.
/// Errors: bad_value for a name that has no wire form.
Result<Question> make_question(const std::string& target, const std::string& type);

/// Header, question and an EDNS OPT record.
Bytes encode_query(std::uint16_t id, const Question& question, bool recursion_desired, std::uint16_t udp_payload_size);

struct AnswerHead {
    bool truncated = false;
    unsigned rcode = 0;  // without EDNS' upper bits
};

/// The head, if id, direction, opcode and question are those of our query. A server that could not read the question
/// may leave it out (FORMERR, NOTIMP).
std::optional<AnswerHead> match_answer(std::span<const std::uint8_t> message, std::uint16_t id,
                                       const Question& question);

}  // namespace edge::probes
