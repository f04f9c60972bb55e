// --every, --cron and what goes with them: what makes a probe a recurring job.
#pragma once
#include <string>

#include "cli/syntax.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::cli {

struct ScheduleFlags {
    std::string every, cron, zone, window, jitter;

    void add_to(Syntax& syntax);
    /// As the API has it; null without --every and --cron. Errors: usage.
    Answer<Json> schedule() const;
};

/// `every 1m`, `*/5 * * * * Asia/Shanghai`, of what the API says.
std::string schedule_text(const Json& schedule);

}  // namespace edge::cli
