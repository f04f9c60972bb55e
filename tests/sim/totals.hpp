// What all runs together came to, and how much of it there has to be for the verdict to mean something.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/world.hpp"

namespace edge::sim {

/// At least so much; and of each kind of fault one.
struct Floors {
    std::uint64_t seeds = 0, results = 0, faults = 0;
};
inline constexpr Floors kFullFloors{.seeds = 500, .results = 5'000'000, .faults = 50'000};

class Totals {
  public:
    void add(const World& world);
    void broken() { ++violations_; }
    std::uint64_t violations() const { return violations_; }
    std::uint64_t seeds() const { return seeds_; }

    /// A line to standard error: a run of full size is long.
    void tell(std::uint64_t of_seeds) const;
    /// A line each. Faults are of no interest where none were made.
    void print(double seconds, bool with_faults) const;
    /// What there is too little of, and by how much.
    std::vector<std::string> short_of(const Floors& floors) const;

  private:
    struct Count {
        std::string name;
        std::uint64_t value;
    };
    /// By kind.
    std::vector<Count> faults() const;
    std::uint64_t all_faults() const;

    std::uint64_t seeds_ = 0, violations_ = 0;
    std::uint64_t runs_ = 0, planned_runs_ = 0, tasks_ = 0, made_ = 0, results_ = 0, in_gaps_ = 0, superseded_ = 0;
    std::uint64_t early_ = 0, lost_with_a_disk_ = 0, owed_again_ = 0, given_up_ = 0, recovered_tasks_ = 0,
                  elsewhere_ = 0;
    FaultCounts faults_{};
    Wire::Counts messages_;
    double simulated_s_ = 0;
};

}  // namespace edge::sim
