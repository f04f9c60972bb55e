// The lines' ledgers: filled from the guard's counters, kept over restarts, and what they allow is made to hold.
#pragma once
#include <spdlog/logger.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/launcher/lines/lines.hpp"
#include "agent/launcher/sandbox/workers.hpp"
#include "agent/launcher/usage_ledger.hpp"

namespace edge::launcher {

/// Owns: the ledgers and DIR/usage. Borrows: lines and workers. Executor: the launcher's one thread.
/// A line may go past its day by what it sends in a second: that often it is looked at, where there is a limit.
class Usage {
  public:
    using Clock = std::chrono::steady_clock;

    /// `dir`: empty keeps nothing over a restart.
    Usage(std::string dir, const LineLimits& limits, Lines& lines, Workers& workers, spdlog::logger& log);
    /// Writes down what is not yet.
    ~Usage();
    Usage(const Usage&) = delete;

    /// Takes up what an earlier launcher counted, and closes what was closed. Errors: bad_value, io, unsupported.
    Result<> load();
    LineUsage of(std::size_t index);

    /// When `tick` has something to do; none while nothing is limited.
    std::optional<Clock::time_point> deadline() const { return next_; }
    /// The lines whose LineInfo changed.
    std::vector<std::uint32_t> tick();

  private:
    void count(std::size_t index);
    Result<> save();
    std::string path() const { return dir_ + "/usage"; }

    std::string dir_;
    bool limited_;
    Lines& lines_;
    Workers& workers_;
    spdlog::logger& log_;
    std::vector<UsageLedger> ledgers_;
    std::vector<Traffic> counted_;
    std::vector<Allowance> held_;
    std::string saved_;
    bool loaded_ = false;  // else what is on the disk may be another's
    std::optional<Clock::time_point> next_;
    Clock::time_point save_at_{};
};

}  // namespace edge::launcher
