#include "agent/launcher/usage.hpp"

#include <cstdlib>
#include <ctime>

#include "agent/launcher/os/files.hpp"

namespace edge::launcher {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookAgain = 1s;
constexpr auto kSaveAgain = 60s;

const char* state_text(Allowance allowance) {
    switch (allowance) {
        case Allowance::none:
            return "closed: the day's bytes are spent";
        case Allowance::p95:
            return "held to p95_bytes_per_s: the month's bursts are spent";
        case Allowance::all:
            break;
    }
    return "open";
}

}  // namespace

Usage::Usage(std::string dir, const LineLimits& limits, Lines& lines, Workers& workers, spdlog::logger& log)
    : dir_(std::move(dir)),
      limited_(limits.bytes_per_day > 0 || limits.p95_bytes_per_s > 0),
      lines_(lines),
      workers_(workers),
      log_(log),
      ledgers_(lines.size(), UsageLedger({limits.bytes_per_day, limits.p95_bytes_per_s})),
      counted_(lines.size()),
      held_(lines.size(), Allowance::all) {}

Usage::~Usage() {
    for (std::size_t i = 0; i < ledgers_.size(); ++i) count(i);
    if (const auto saved = save(); !saved) log_.error("usage_not_saved why=\"{}\"", saved.error().message());
}

Result<> Usage::load() {
    if (limited_ && dir_.empty())
        log_.warn("usage_forgotten why=\"[line] has bytes_per_day or p95_bytes_per_s\" todo=\"give --state DIR\"");
    if (!dir_.empty()) {
        const auto text = read_file(path());
        if (!text && text.error().os_errno != ENOENT) return text.error();
        if (text) saved_ = text.value();
    }
    std::string_view rest = saved_;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const auto space = line.find(' ');
        const auto index = lines_.find(std::string(line.substr(0, space)));
        if (!index) continue;  // a line that is configured no more
        if (space == std::string_view::npos || !ledgers_[*index].restore(line.substr(space + 1)))
            return Error{Errc::bad_value, path() + ":" + std::to_string(number),
                         "is not what edge-launcher writes; remove the file to count anew"};
    }
    loaded_ = true;
    next_ = Clock::now();
    save_at_ = Clock::now() + kSaveAgain;
    (void)tick();
    return ok();
}

void Usage::count(std::size_t index) {
    const Traffic now = workers_.traffic(lines_[index].name);
    Traffic& before = counted_[index];
    ledgers_[index].add(now.sent_bytes - before.sent_bytes, now.received_bytes - before.received_bytes,
                        static_cast<std::uint64_t>(std::time(nullptr)));
    before = now;
}

LineUsage Usage::of(std::size_t index) {
    count(index);
    return {counted_[index], ledgers_[index].day_bytes()};
}

std::vector<std::uint32_t> Usage::tick() {
    std::vector<std::uint32_t> changed;
    const auto now = Clock::now();
    if (!next_ || now < *next_) return changed;
    for (std::size_t i = 0; i < ledgers_.size(); ++i) {
        count(i);
        const Allowance allowance = ledgers_[i].allowance();
        if (allowance == held_[i]) continue;
        if (const auto held = lines_.allow(i, allowance); !held) {
            log_.error("guard_failed line={} why=\"{}\"", lines_[i].name, held.error().message());
            continue;  // tried again at the next look
        }
        log_.warn("line_usage line={} now=\"{}\" day_bytes={}", lines_[i].name, state_text(allowance),
                  ledgers_[i].day_bytes());
        held_[i] = allowance;
        changed.push_back(static_cast<std::uint32_t>(i));
        save_at_ = now;
    }
    if (now >= save_at_) {
        save_at_ = now + kSaveAgain;
        if (const auto saved = save(); !saved) log_.error("usage_not_saved why=\"{}\"", saved.error().message());
    }
    next_.reset();
    if (limited_) next_ = now + kLookAgain;
    return changed;
}

Result<> Usage::save() {
    if (dir_.empty() || !loaded_) return ok();
    std::string text;
    for (std::size_t i = 0; i < ledgers_.size(); ++i) text += lines_[i].name + " " + ledgers_[i].text() + "\n";
    if (text == saved_) return ok();
    EDGE_TRY(replace_file(path(), text));
    saved_ = std::move(text);
    return ok();
}

}  // namespace edge::launcher
