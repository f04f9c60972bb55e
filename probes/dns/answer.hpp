// A DNS message as the fields of DnsDetail. Hostile bytes: ldns reads them, and what is kept is bounded. Pure.
#pragma once
#include <span>
#include <string>

#include "protocol/probes/report.hpp"
#include "protocol/result.hpp"

namespace edge::probes {

struct AnswerLimits {
    std::size_t records = 512;
    std::size_t text_bytes = 128 * 1024;  // of all records' text, as JSON writes it
};

/// Fills header, question and the three sections of `detail`. Errors: bad_syntax with ldns' reason; the sections are
/// then as they were.
Result<> read_answer(std::span<const std::uint8_t> message, DnsDetail& detail, const AnswerLimits& limits = {});

/// `NOERROR`, `NXDOMAIN`, …; `RCODE23` for one without a name.
std::string rcode_name(unsigned rcode);

}  // namespace edge::probes
