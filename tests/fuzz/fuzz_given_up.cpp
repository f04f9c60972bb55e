// The note of results that a spool gave up, after any accident: a gap, or nothing.
#include "agent/spool/names.hpp"
#include "tests/fuzz/envelope_mutator.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
namespace spool = edge::agent::spool;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto noted = spool::decode_given_up(fuzz::text_of(data, size));
    if (!noted) return 0;
    fuzz::demand(noted->gap.first > 0 && noted->gap.first <= noted->gap.last, "what is missing is at least one result");
    const std::string written = spool::encode_given_up(*noted);
    const auto again = spool::decode_given_up(written);
    fuzz::demand(again.has_value(), "what was written can be read");
    fuzz::demand(spool::encode_given_up(*again) == written, "writing it again changes nothing");
    return 0;
}
