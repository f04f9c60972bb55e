// The plans of an agent as they stand on its disk, after any accident: all of them, or an error that says which line.
#include <algorithm>

#include "agent/plan/plan_files.hpp"
#include "tests/fuzz/envelope_mutator.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

const std::string kHead = encode_plans({});

std::string written(const std::vector<link::PlanSet>& plans) {
    std::vector<const link::PlanSet*> all;
    for (const auto& plan : plans) all.push_back(&plan);
    return encode_plans(all);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const auto plans = decode_plans(text);
    if (!plans) {
        const Error& why = plans.error();
        fuzz::demand(why.where.starts_with(kPlansFile), "an error says in which file");
        fuzz::demand(why.code == Errc::unsupported || why.code == Errc::bad_syntax || why.code == Errc::bad_value,
                     "it is a newer format or damage");
        fuzz::demand(why.code != Errc::unsupported || !text.starts_with(kHead), "our own format is none that is newer");
        fuzz::demand(!text.starts_with(kHead) || why.where.size() > std::string_view(kPlansFile).size(),
                     "and in which line");
        return 0;
    }
    fuzz::demand(text.starts_with(kHead), "what another format says is not understood");
    fuzz::demand(plans.value().size() + 1 == static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
                 "a plan a line");
    fuzz::demand(!decode_plans(text.substr(0, size - 1)), "what is cut is not taken for the whole");
    const auto again = decode_plans(written(plans.value()));
    fuzz::demand(bool(again), "what was written can be read");
    fuzz::demand(written(again.value()) == written(plans.value()), "writing it again changes nothing");
    return 0;
}
