// The files of a spool directory.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent::spool {

inline constexpr const char* kAckFile = "acked";
inline constexpr const char* kGapFile = "gap";
inline constexpr const char* kRenewing = "renewing";  // a segment that is not one yet

/// `seg-` and 16 hexadecimal digits, so that names sort as numbers.
std::string segment_name(std::uint64_t number);
std::optional<std::uint64_t> segment_number(std::string_view name);

/// A segment that nobody needs any more, and that stays for a while.
struct Kept {
    std::uint64_t segment = 0;
    std::uint64_t last_result = 0;
    std::uint64_t bytes = 0;
    std::uint64_t since_us = 0;  // wall clock
};

/// The acknowledged number, of which spool, and the kept segments from the oldest on.
struct Ack {
    SpoolId spool_id;
    std::uint64_t acked = 0;
    std::optional<std::vector<Kept>> kept{};  // none: an older agent's
};
std::string encode_ack(const Ack& ack);
std::optional<Ack> decode_ack(std::string_view text);

/// What was given up, and of which spool.
struct GivenUp {
    SpoolId spool_id;
    link::SpoolGap gap;
};
std::string encode_given_up(const GivenUp& given_up);
std::optional<GivenUp> decode_given_up(std::string_view text);

}  // namespace edge::agent::spool
