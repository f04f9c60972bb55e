#include "cli/commands/schedule_flags.hpp"

#include "cli/commands/things.hpp"

namespace edge::cli {
namespace {

constexpr const char* kExample = "edgectl ping TARGET from all --every 1m";

/// `90000` as `90s`: the largest unit that divides it.
std::string short_duration(std::uint64_t ms) {
    for (const auto& [unit, name] : {std::pair(86'400'000U, "d"), {3'600'000U, "h"}, {60'000U, "m"}, {1'000U, "s"}}) {
        if (ms % unit == 0) return std::to_string(ms / unit) + name;
    }
    return std::to_string(ms) + "ms";
}

}  // namespace

void ScheduleFlags::add_to(Syntax& syntax) {
    syntax.text("--every", "TIME", every,
                "again and again, as 30s, 5m or 1h: makes a recurring job, and waits for none of it");
    syntax.text("--cron", "FIELDS", cron, "likewise by \"minute hour day month weekday\", as \"*/5 8-18 * * mon-fri\"");
    syntax.text("--zone", "ZONE", zone, "of --cron and --window, as Asia/Shanghai; UTC without it");
    syntax.text("--window", "FROM-TO", window, "of each day, as 08:00-20:00 or 22:00-06:00: only then");
    syntax.text("--jitter", "TIME", jitter, "each line begins up to so much later, always the same");
}

Answer<Json> ScheduleFlags::schedule() const {
    if (every.empty() && cron.empty()) {
        for (const auto& [name, value] : {std::pair("--zone", zone), {"--window", window}, {"--jitter", jitter}}) {
            if (!value.empty()) return usage(std::string(name) + " is of --every or --cron", kExample);
        }
        return Json();
    }
    if (!every.empty() && !cron.empty()) return usage("--every and --cron exclude each other", kExample);
    Json schedule = Json::object();
    EDGE_TRY(const auto interval, duration("--every", every));
    if (interval) schedule["every_ms"] = interval->count();
    if (!cron.empty()) schedule["cron"] = cron;
    if (!zone.empty()) schedule["zone"] = zone;
    if (!window.empty()) {
        const auto dash = window.find('-');
        if (dash == std::string::npos)
            return usage("--window: \"" + window + "\" is no FROM-TO", "write --window 08:00-20:00");
        schedule["window"] = {{"from", window.substr(0, dash)}, {"to", window.substr(dash + 1)}};
    }
    EDGE_TRY(const auto spread, duration("--jitter", jitter));
    if (spread) schedule["jitter_ms"] = spread->count();
    return schedule;
}

std::string schedule_text(const Json& schedule) {
    std::string text = text_at(schedule, "cron");
    if (const auto every = number_at(schedule, "every_ms")) text = "every " + short_duration(*every);
    const auto zone = text_at(schedule, "zone");
    if (!zone.empty() && zone != "UTC") text += " " + zone;
    const Json& window = member(schedule, "window");
    if (window.is_object()) text += ", " + text_at(window, "from") + "-" + text_at(window, "to");
    if (const auto jitter = number_at(schedule, "jitter_ms")) text += ", up to " + short_duration(*jitter) + " later";
    return text;
}

}  // namespace edge::cli
