#include "agent/health/health_fsm.hpp"

#include <algorithm>

#include "protocol/json/described.hpp"
#include "protocol/nearest.hpp"

namespace edge::agent {
namespace {

using namespace std::chrono_literals;

constexpr Time::duration kFirstWithin = 2s;  // of a line that came up
constexpr int kSooner = 6;                   // times as often while unsettled

bool same_ground(const Line& a, const Line& b) {
    return a.up == b.up && a.facts.ifindex == b.facts.ifindex && a.absent == b.absent && a.gateways == b.gateways &&
           a.report.addresses == b.report.addresses && a.report.resolvers == b.report.resolvers;
}

bool same(const Standing& a, const Standing& b) {
    const auto health = [](const Standing& one) { return one.health ? encode(*one.health) : Json(); };
    return a.state == b.state && a.reason == b.reason && a.takes_work == b.takes_work && health(a) == health(b);
}

}  // namespace

HealthFsm::HealthFsm(HealthSettings settings, const LineSettings& lines, std::uint64_t seed)
    : settings_(std::move(settings)),
      disabled_(lines.disabled),
      random_(static_cast<std::minstd_rand::result_type>(seed)) {}

Time::duration HealthFsm::within(Time::duration longest) {
    return Time::duration(std::uniform_int_distribution<Time::rep>(0, longest.count())(random_));
}

/// Of the interval 90 to 110 %, so that the lines of a fleet do not ask in step.
Time::duration HealthFsm::until_next(const Check& check) {
    const std::uint32_t interval_ms = settings_.interval_ms == 0 ? HealthSettings{}.interval_ms : settings_.interval_ms;
    const Time::duration interval = std::chrono::milliseconds(interval_ms) / (check.unsettled() ? kSooner : 1);
    return interval * 9 / 10 + within(interval / 5);
}

// ── what happens ──

HealthActions HealthFsm::line(const Line& line, Time now) {
    HealthActions actions;
    const auto [at, is_new] = lines_.try_emplace(line.report.name);
    Watch& watch = at->second;
    const bool as_it_was = !is_new && same_ground(watch.watched.line, line);
    watch.watched.line = line;
    if (!as_it_was) begin(watch, now);
    // Told again as it was, the kernel's way out of it is another: at once, however often it is asked otherwise.
    for (Check& check : watch.watched.checks)
        if (check.what == What::route && check.asked == 0) check.due = now;
    judge(watch, actions);
    return actions;
}

bool HealthFsm::is_disabled(const LineName& line) const {
    return std::ranges::find(disabled_, line) != disabled_.end();
}

void HealthFsm::begin(Watch& watch, Time now) {
    auto& [line, disabled, expected, checks, egress] = watch.watched;
    for (const Check& check : checks) asked_.erase(check.asked);
    checks.clear();
    egress = {};
    disabled = is_disabled(line.report.name);
    const auto wanted = settings_.expect.find(line.report.name.text());
    expected = wanted != settings_.expect.end() ? wanted->second : line.report.carrier;
    if (!line.up || disabled) return;
    checks = checks_of(line, settings_);
    const Time::duration first =
        std::min<Time::duration>(kFirstWithin, std::chrono::milliseconds(std::max(settings_.interval_ms, 1000u)));
    // Routes are the kernel's to tell, and tell why the rest may fail.
    for (Check& check : checks) check.due = check.what == What::route ? now : now + within(first);
}

HealthActions HealthFsm::all_seen() {
    all_seen_ = true;
    return unknown_names();
}

HealthActions HealthFsm::disable(std::vector<LineName> lines, Time now) {
    disabled_ = std::move(lines);
    HealthActions actions;
    if (all_seen_) actions = unknown_names();
    for (auto& [name, watch] : lines_) {
        if (watch.watched.disabled == is_disabled(name)) continue;
        begin(watch, now);
        judge(watch, actions);
    }
    return actions;
}

HealthActions HealthFsm::unknown_names() const {
    HealthActions actions;
    std::vector<std::string> known;
    for (const auto& [name, watch] : lines_) known.push_back(name.text());
    for (const LineName& name : disabled_) {
        if (lines_.contains(name)) continue;
        std::string guess = did_you_mean(name.text(), known);
        std::replace(guess.begin(), guess.end(), '"', '\'');
        actions.push_back(HealthNote{true, "line_unknown name=" + name.text() +
                                               " why=\"[lines] disabled names no line of lines.toml" + guess + "\""});
    }
    return actions;
}

void HealthFsm::forget() {
    all_seen_ = false;
    lines_.clear();
    asked_.clear();
}

HealthActions HealthFsm::answered(std::uint64_t id, const ProbeReport& report, Time now) {
    HealthActions actions;
    const auto found = take(id);
    if (!found) return actions;
    auto& [watch, check] = *found;
    const Heard what = hear(*check, report);
    if (check->what == What::gateway && what.outcome != Outcome::good) {
        // Many gateways answer no ping, and policies forbid it: whether the kernel reaches it tells as much.
        check->by_neighbour = true;
        check->text = what.text;
        ask(*watch, *check, actions);
        return actions;
    }
    heard(*watch, *check, what, now, actions);
    return actions;
}

HealthActions HealthFsm::route(std::uint64_t id, const std::optional<RouteAnswer>& answer, Time now) {
    HealthActions actions;
    if (const auto found = take(id)) {
        auto& [watch, check] = *found;
        heard(*watch, *check, hear(watch->watched.line, answer), now, actions);
    }
    return actions;
}

HealthActions HealthFsm::neighbour(std::uint64_t id, Neighbour state, Time now) {
    HealthActions actions;
    const auto found = take(id);
    if (!found) return actions;
    auto& [watch, check] = *found;
    Heard what{Outcome::none, check->text + "; the kernel's neighbour table does not tell"};
    if (state == Neighbour::reachable) what = {Outcome::good};
    if (state == Neighbour::failed) what = {Outcome::bad, "the kernel gets no answer to ARP or neighbour discovery"};
    // An entry that is stale for a while says nothing; where there never was a good one, a ping may tell next time.
    if (state == Neighbour::unknown && check->state != link::CheckState::ok) check->by_neighbour = false;
    heard(*watch, *check, what, now, actions);
    return actions;
}

HealthActions HealthFsm::origin(const LineName& line, const std::string& address, const std::optional<Origin>& origin) {
    HealthActions actions;
    const auto at = lines_.find(line);
    if (at == lines_.end()) return actions;
    for (Egress& egress : at->second.watched.egress) {
        if (egress.address == address) egress.origin = origin;
    }
    judge(at->second, actions);
    return actions;
}

HealthActions HealthFsm::tick(Time now) {
    HealthActions actions;
    for (auto& [name, watch] : lines_) {
        for (Check& check : watch.watched.checks) {
            if (check.asked == 0 && check.due <= now) ask(watch, check, actions);
        }
    }
    return actions;
}

std::optional<Time> HealthFsm::deadline() const {
    std::optional<Time> first;
    for (const auto& [name, watch] : lines_) {
        for (const Check& check : watch.watched.checks) {
            if (check.asked == 0) first = first ? std::min(*first, check.due) : check.due;
        }
    }
    return first;
}

// ── what follows from it ──

std::optional<std::pair<HealthFsm::Watch*, Check*>> HealthFsm::take(std::uint64_t id) {
    const auto name = asked_.extract(id);
    if (name.empty()) return std::nullopt;
    Watch& watch = lines_.at(name.mapped());
    const auto check = std::ranges::find(watch.watched.checks, id, &Check::asked);
    if (check == watch.watched.checks.end()) return std::nullopt;
    check->asked = 0;
    return std::pair(&watch, &*check);
}

void HealthFsm::ask(Watch& watch, Check& check, HealthActions& actions) {
    const LineName& line = watch.watched.line.report.name;
    check.asked = ++last_id_;
    asked_.emplace(check.asked, line);
    if (check.what == What::route) {
        actions.push_back(LookUpRoute{check.asked, line, check.target});
    } else if (check.by_neighbour) {
        const Line& own = watch.watched.line;  // 0 is no device: its neighbours are not in our namespace's table
        actions.push_back(LookAtNeighbour{check.asked, own.netns.empty() ? own.facts.ifindex : 0, check.target});
    } else {
        actions.push_back(OwnProbe{check.asked, line, spec_of(check)});
    }
}

void HealthFsm::heard(Watch& watch, Check& check, const Heard& heard, Time now, HealthActions& actions) {
    count(check, heard);
    check.due = now + until_next(check);
    if (!heard.egress.empty()) {
        Egress& egress = watch.watched.egress[check.v6 ? 1 : 0];
        if (egress.address != heard.egress) egress = {heard.egress, std::nullopt};
        if (!settings_.prefix_file.empty()) actions.push_back(FindOrigin{watch.watched.line.report.name, heard.egress});
    }
    judge(watch, actions);
}

void HealthFsm::judge(Watch& watch, HealthActions& actions) {
    Standing standing = standing_of(watch.watched);
    if (watch.told && same(*watch.told, standing)) return;
    const LineName& name = watch.watched.line.report.name;
    const auto identity = [](const std::optional<Standing>& one) {
        return one && one->health ? one->health->identity : link::Identity::unknown;
    };
    const bool news = !watch.told || watch.told->state != standing.state || watch.told->reason != standing.reason ||
                      identity(watch.told) != identity(standing);
    if (news) {
        std::string text = "line_" + std::string(enum_text(standing.state)) + " line=" + name.text() +
                           " carrier=" + watch.watched.line.report.carrier +
                           " device=" + watch.watched.line.report.device;
        if (standing.health) text += " identity=" + std::string(enum_text(identity(standing)));
        if (!standing.reason.empty()) text += " reason=\"" + standing.reason + "\"";
        actions.push_back(HealthNote{standing.state != link::LineState::up, std::move(text)});
    }
    watch.told = standing;
    actions.push_back(Judge{name, std::move(standing)});
}

}  // namespace edge::agent
