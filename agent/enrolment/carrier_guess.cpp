#include "agent/enrolment/carrier_guess.hpp"

#include <algorithm>
#include <set>

namespace edge::agent {
namespace {

struct Known {
    const char* carrier;
    const char* name;
    std::vector<std::string> words;
};

const std::vector<Known>& carriers() {
    static const std::vector<Known> all{
        {"ct", "telecom", {"ct", "telecom", "chinatelecom", "chinanet", "dianxin"}},
        {"cu", "unicom", {"cu", "unicom", "chinaunicom", "cnc", "liantong"}},
        {"cm", "mobile", {"cm", "cmcc", "mobile", "chinamobile", "yidong"}},
        {"cbn", "cbn", {"cbn", "guangdian"}},
        {"edu", "cernet", {"edu", "cernet"}},
    };
    return all;
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Runs of letters, in small ones.
std::vector<std::string> words_of_letters(const std::string& name) {
    std::vector<std::string> words(1);
    for (const char c : name) {
        if (is_letter(c))
            words.back() += static_cast<char>(c | 0x20);
        else if (!words.back().empty())
            words.emplace_back();
    }
    return words;
}

CarrierGuess by_name(const FoundDevice& device) {
    std::set<std::string> guessed;
    std::string from;
    std::vector<std::string> names{device.name};
    names.insert(names.end(), device.other_names.begin(), device.other_names.end());
    for (const auto& name : names)
        for (const auto& word : words_of_letters(name))
            for (const auto& known : carriers()) {
                if (std::ranges::find(known.words, word) == known.words.end()) continue;
                if (guessed.insert(known.carrier).second) from = "the device's name " + name;
            }
    if (guessed.size() != 1) return {};
    return {*guessed.begin(), from};
}

}  // namespace

CarrierGuess guess_carrier(const NetworkFacts& facts, const std::vector<FoundAddress>& addresses,
                           const FoundDevice* device) {
    for (const auto& address : addresses) {
        const auto origin = facts.origins.find(address.ip);
        if (origin == facts.origins.end() || origin->second.carrier.empty()) continue;
        return {origin->second.carrier, address.ip.text() + " in [health] prefix_file, " + origin->second.text()};
    }
    return device != nullptr ? by_name(*device) : CarrierGuess{};
}

std::string usual_name(const std::string& carrier) {
    const auto& all = carriers();
    const auto known = std::ranges::find_if(all, [&](const Known& one) { return one.carrier == carrier; });
    return known == all.end() ? std::string() : known->name;
}

}  // namespace edge::agent
