// What a user means by "from".
#include <algorithm>

#include "broker/domain/selector.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::map<std::string, std::string> labels{{"province", "guangdong"}, {"city", "广州"}};
    static const std::map<std::string, std::string> none;
    static const std::vector<broker::Candidate> candidates{
        {"gz-1", "telecom", "ct", &labels}, {"gz-1", "unicom", "cu", &labels}, {"sh-1", "mobile", "cm", &none}};
    const auto selector = broker::parse_selector(fuzz::text_of(data, size));
    if (!selector) return 0;
    const auto chosen = broker::select(selector.value(), candidates);
    if (!chosen) {
        fuzz::demand(chosen.error().code == Errc::not_found, "a selector that was taken only ever finds nothing");
        return 0;
    }
    fuzz::demand(!chosen.value().empty(), "nothing is an error");
    std::vector<std::string_view> nodes;
    for (const auto index : chosen.value()) nodes.push_back(candidates.at(index).node);
    const auto limit = selector.value().limit.value_or(nodes.size());
    fuzz::demand(broker::spread(nodes, limit).size() == std::min(limit, nodes.size()), "a limit is a limit");
    for (std::size_t i = 0; i < chosen.value().size(); ++i) {
        fuzz::demand(chosen.value()[i] < candidates.size(), "what is chosen exists");
        if (i > 0) fuzz::demand(chosen.value()[i - 1] < chosen.value()[i], "once, in order");
    }
    return 0;
}
