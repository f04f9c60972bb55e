#include "agent/health/standing.hpp"

#include <algorithm>

#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

using link::CheckState;
using link::Identity;
using link::LineState;

std::size_t number_of(const WatchedLine& watched, What what) {
    return static_cast<std::size_t>(std::ranges::count(watched.checks, what, &Check::what));
}

std::size_t number_of(const WatchedLine& watched, What what, CheckState state) {
    return static_cast<std::size_t>(std::ranges::count_if(
        watched.checks, [&](const Check& check) { return check.what == what && check.state == state; }));
}

bool all_failed(const WatchedLine& watched, What what) {
    const std::size_t failed = number_of(watched, what, CheckState::failed);
    return failed > 0 && failed == number_of(watched, what);
}

std::string words(const Check& check) {
    const std::string name = std::string(enum_text(check.what)) + " " + check.target;
    if (check.what == What::route) return "no route to " + check.target + " (" + check.text + ")";
    if (check.what == What::gateway && check.by_neighbour) return name + " is no reachable neighbour: " + check.text;
    return name + " does not answer: " + check.text;
}

/// The first that failed, in words, and how many more.
std::string failures_in_words(const WatchedLine& watched, bool with_egress) {
    std::string first;
    std::size_t more = 0;
    for (const Check& check : watched.checks) {
        if (check.state != CheckState::failed || (check.what == What::egress && !with_egress)) continue;
        if (first.empty()) {
            first = words(check);
        } else {
            ++more;
        }
    }
    return more == 0 ? first : first + "; and " + std::to_string(more) + " more";
}

/// Nothing behind the line answers, and something that should always answer is known not to.
bool nothing_behind(const WatchedLine& watched) {
    for (const What what : {What::resolver, What::anchor, What::egress}) {
        if (number_of(watched, what, CheckState::ok) > 0) return false;
    }
    if (number_of(watched, What::anchor) > 0) return all_failed(watched, What::anchor);
    return all_failed(watched, What::gateway) && number_of(watched, What::resolver, CheckState::unknown) == 0;
}

/// Of one egress address against what is expected.
Identity identity_of(const std::string& expected, const Egress& egress) {
    if (expected.empty() || !egress.origin) return Identity::unknown;
    if (expected.starts_with("AS"))
        return expected == asn_text(egress.origin->asn) ? Identity::match : Identity::mismatch;
    if (egress.origin->carrier.empty()) return Identity::unknown;
    return expected == egress.origin->carrier ? Identity::match : Identity::mismatch;
}

std::string mismatch_in_words(const WatchedLine& watched) {
    for (const Egress& egress : watched.egress) {
        if (identity_of(watched.expected, egress) != Identity::mismatch) continue;
        return "should leave by " + watched.expected + ", leaves by " + egress.origin->text() + " as " + egress.address;
    }
    return {};
}

Identity identity_of(const WatchedLine& watched) {
    Identity all = Identity::unknown;
    for (const Egress& egress : watched.egress) {
        const Identity one = identity_of(watched.expected, egress);
        if (one == Identity::mismatch) return one;
        if (one == Identity::match) all = one;
    }
    return all;
}

/// Whose network the line leaves by: of the address that is another's than it should be, where one is.
std::string origin_of(const WatchedLine& watched) {
    std::string origin;
    for (const Egress& egress : watched.egress) {
        if (egress.address.empty() || !egress.origin) continue;
        if (identity_of(watched.expected, egress) == Identity::mismatch) return egress.origin->text();
        if (origin.empty()) origin = egress.origin->text();
    }
    return origin;
}

link::LineHealth health_of(const WatchedLine& watched) {
    link::LineHealth health;
    for (const Check& check : watched.checks) health.checks.push_back(check.report());
    for (const Egress& egress : watched.egress) {
        if (!egress.address.empty()) health.egress.push_back(egress.address);
    }
    health.origin = origin_of(watched);
    health.identity = identity_of(watched);
    return health;
}

}  // namespace

Standing standing_of(const WatchedLine& watched) {
    Standing standing;
    const Line& line = watched.line;
    const auto is = [&](LineState state, std::string reason) {
        standing.state = state;
        standing.reason = std::move(reason);
        standing.takes_work = state == LineState::up || state == LineState::degraded;
    };
    if (watched.disabled) {
        is(LineState::disabled, "agent.toml says so");
        return standing;
    }
    if (!line.up) {
        is(LineState::down, line.report.reason);
        return standing;
    }
    standing.health = health_of(watched);
    const std::string absent =
        line.absent.empty() ? "" : "address " + line.absent.front() + " is not on " + line.report.device;
    if (line.absent.size() == line.report.addresses.size() && !absent.empty()) {
        is(LineState::down, absent);
    } else if (all_failed(watched, What::route)) {
        is(LineState::down, failures_in_words(watched, false));
    } else if (nothing_behind(watched)) {
        is(LineState::down, failures_in_words(watched, true));
    } else if (!absent.empty()) {
        is(LineState::degraded, absent);
    } else if (const auto mismatch = mismatch_in_words(watched); !mismatch.empty()) {
        is(LineState::degraded, mismatch);
    } else if (const auto failures = failures_in_words(watched, false); !failures.empty()) {
        is(LineState::degraded, failures);
    }
    return standing;
}

}  // namespace edge::agent
