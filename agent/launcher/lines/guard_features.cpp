#include "agent/launcher/lines/guard_features.hpp"

#include <algorithm>

#include "agent/launcher/lines/bpf_line_guard.hpp"
#include "agent/launcher/lines/cooperative_line_guard.hpp"
#include "agent/launcher/lines/nft_line_guard.hpp"
#include "agent/launcher/lines/nft_ruleset.hpp"
#include "agent/launcher/os/bpf.hpp"
#include "agent/launcher/os/nft.hpp"

namespace edge::launcher {
namespace {

/// With everything in it that a rule or program can have.
Binding sample() {
    return {.device = 1,
            .mark = 1,
            .addresses = {IpAddress::parse("192.0.2.1").value(), IpAddress::parse("2001:db8::1").value()},
            .ports = {53},
            .budget = {1000, 1000},
            .uids = {1, 1}};
}

std::optional<Error> refusal_of(const Result<>& tried) {
    return tried ? std::nullopt : std::optional<Error>(tried.error());
}

/// What is missing first, in one line.
std::optional<std::string> missing_in(const GuardFeatures& features) {
    for (const auto& feature : features)
        if (feature.refusal) return feature.name + ": " + feature.refusal->message();
    return std::nullopt;
}

void log_features(const GuardFeatures& features, spdlog::logger& log) {
    for (const auto& feature : features)
        log.debug("guard_feature name=\"{}\" there={}", feature.name, !feature.refusal);
}

}  // namespace

GuardFeatures try_bpf_guard(int cgroup) {
    GuardFeatures features;
    if (cgroup < 0) return {{"cgroup v2", Error{Errc::unsupported, "cgroup", "no cgroup v2 tree is mounted"}}};
    const auto maps = make_target_maps(target_table({}, {}, {}));
    const auto traffic = TrafficTable::make();
    const auto buckets = make_buckets_map();
    features.push_back({"bpf maps", std::nullopt});
    if (!maps) features.back().refusal = maps.error();
    if (!traffic) features.back().refusal = traffic.error();
    if (!buckets) features.back().refusal = buckets.error();
    if (features.back().refusal) return features;
    for (const auto& hook : guard_hooks(sample(), maps.value().numbers(traffic.value().map(), buckets.value()))) {
        const auto tried = [&]() -> Result<> {
            EDGE_TRY(const auto program, load_bpf_program(hook.type, hook.attach, hook.program));
            EDGE_TRY(attach_bpf_program(cgroup, hook.attach, program, nullptr));
            return detach_bpf_program(cgroup, hook.attach, program);
        }();
        features.push_back({hook.name, refusal_of(tried)});
    }
    return features;
}

GuardFeatures try_nft_guard() {
    const auto checked = run_nft(nft_line("sample", sample(), target_table({}, {}, {})), NftMode::check);
    return {{"nft", checked ? std::nullopt : std::optional<Error>(checked.error())}};
}

Result<std::unique_ptr<LineGuard>> choose_guard(GuardChoice choice, int cgroup, spdlog::logger& log) {
    std::string why;
    if (choice == GuardChoice::cooperative) {
        log.warn("guard_absent level=cooperative not_held=\"devices, sources, targets, rates, counters\"");
        return std::unique_ptr<LineGuard>(std::make_unique<CooperativeLineGuard>());
    }
    if (choice != GuardChoice::nft) {
        const auto features = try_bpf_guard(cgroup);
        log_features(features, log);
        const auto missing = missing_in(features);
        if (!missing) return std::unique_ptr<LineGuard>(std::make_unique<BpfLineGuard>());
        why = *missing;
        if (choice == GuardChoice::automatic) log.warn("guard_fallback level=nft-guard why=\"{}\"", why);
    }
    if (choice != GuardChoice::bpf) {
        const auto features = try_nft_guard();
        log_features(features, log);
        const auto missing = missing_in(features);
        if (!missing) return std::unique_ptr<LineGuard>(std::make_unique<NftLineGuard>());
        why += (why.empty() ? "" : "; ") + *missing;
    }
    if (choice == GuardChoice::automatic) why += "; --guard cooperative does without, see docs/lines.md";
    return Error{Errc::unsupported, "guard", "no line can be held on this host: " + why};
}

}  // namespace edge::launcher
