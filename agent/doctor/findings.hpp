// What doctor found, as text for a person and JSON for a program. Pure.
#pragma once
#include <string>
#include <vector>

namespace edge::agent {

enum class FindingLevel { ok, info, warn, fail };

struct Finding {
    FindingLevel level = FindingLevel::ok;
    std::string about;  // kernel, launcher, line telecom, clock, broker, escape
    std::string what;
    std::string fix{};  // the exact command; empty where nothing has to be done, or where there is none
};

/// Doctor's conclusion: the level of enforcement this node reaches, and all findings in order.
struct Diagnosis {
    std::string level = "none";  // bpf-guard, nft-guard, cooperative, none
    std::vector<Finding> findings;

    void add(FindingLevel severity, std::string about, std::string what, std::string fix = {}) {
        findings.push_back({severity, std::move(about), std::move(what), std::move(fix)});
    }
    bool failed() const;
};

std::string as_text(const Diagnosis& diagnosis);
/// One object: `{"level":…,"ok":…,"findings":[{"level","about","what","fix"}]}`.
std::string as_json(const Diagnosis& diagnosis);

}  // namespace edge::agent
