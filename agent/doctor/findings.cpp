#include "agent/doctor/findings.hpp"

#include <algorithm>

#include "protocol/json/bounded.hpp"

namespace edge::agent {
namespace {

const char* word_of(FindingLevel level) {
    switch (level) {
        case FindingLevel::ok:
            return "ok";
        case FindingLevel::info:
            return "info";
        case FindingLevel::warn:
            return "warn";
        case FindingLevel::fail:
            break;
    }
    return "fail";
}

std::size_t count(const Diagnosis& diagnosis, FindingLevel level) {
    return static_cast<std::size_t>(std::count_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                                                  [&](const Finding& one) { return one.level == level; }));
}

}  // namespace

bool Diagnosis::failed() const {
    return count(*this, FindingLevel::fail) != 0;
}

std::string as_text(const Diagnosis& diagnosis) {
    std::string text;
    for (const Finding& one : diagnosis.findings) {
        std::string word = word_of(one.level);
        word.resize(6, ' ');
        text += word + one.about + ": " + one.what + "\n";
        if (!one.fix.empty()) text += "      run: " + one.fix + "\n";
    }
    const auto warnings = count(diagnosis, FindingLevel::warn);
    return text + "level " + diagnosis.level + "; " + std::to_string(count(diagnosis, FindingLevel::ok)) + " ok, " +
           std::to_string(warnings) + (warnings == 1 ? " warning, " : " warnings, ") +
           std::to_string(count(diagnosis, FindingLevel::fail)) + " failed\n";
}

std::string as_json(const Diagnosis& diagnosis) {
    Json all = Json::array();
    for (const Finding& one : diagnosis.findings)
        all.push_back({{"level", word_of(one.level)}, {"about", one.about}, {"what", one.what}, {"fix", one.fix}});
    const Json whole{{"level", diagnosis.level}, {"ok", !diagnosis.failed()}, {"findings", std::move(all)}};
    return whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace edge::agent
