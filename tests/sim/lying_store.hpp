// The broker's store, where a break wants it to lie.
#pragma once
#include <cstdint>
#include <set>
#include <span>

#include "broker/store/store.hpp"
#include "tests/sim/breaks.hpp"

namespace edge::sim {

class LyingStore {
  public:
    explicit LyingStore(Break broken) : broken_(broken) {}

    /// Makes of what is to be written what is written instead.
    void alter(broker::Batch& batch);
    /// What is written beside these, of its own accord.
    broker::Batch made_up(std::span<const broker::Batch> batches) const;

  private:
    void drop_recovered(broker::Batch& batch);
    void make_up(const broker::AddResult& change, broker::Batch& batch) const;
    void make_up(const broker::AddPlannedRun& change, broker::Batch& batch) const;
    void make_up(const broker::SetTask& change, broker::Batch& batch) const;
    template <class Other>
    void make_up(const Other&, broker::Batch&) const {}

    Break broken_;
    std::set<std::int64_t> dropped_runs_, dropped_tasks_;  // of `recovered_dropped`
};

}  // namespace edge::sim
