// One run: a broker, agents, who asks for probes, and what goes wrong, from one seed.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "tests/sim/faults.hpp"
#include "tests/sim/sim_agent.hpp"
#include "tests/sim/sim_broker.hpp"

namespace edge::sim {

struct WorldSettings {
    std::uint64_t seed = 1;
    std::size_t nodes = 5;
    std::size_t results = 2'000;  // stored at least; then nothing more is asked
    Break broken = Break::none;
    std::uint64_t spool_bytes = ~std::uint64_t{0};  // of a node: at most, before it gives up the oldest
};

class World {
  public:
    explicit World(WorldSettings settings);
    ~World() { broker_.kill(); }  // wires and their ends hold each other

    /// To the end, when all is healed and nothing is under way. Throws Violation.
    void run();
    /// Nothing goes wrong but this: after so long the broker comes back from a backup of the beginning.
    void run_restore(Us age);
    /// Nothing goes wrong but this: for so long no node reaches the broker. Each makes ten results a second by its
    /// plan.
    void run_apart(Us length);
    /// Nothing goes wrong but this: for so long the broker's store takes nothing, while nodes have sessions with it.
    void run_stuck(Us length);

    std::uint64_t early_results() const { return broker_.early(); }
    const Ledger& ledger() const { return ledger_; }
    const FaultCounts& faults() const { return faults_; }
    const Wire::Counts& messages() const { return messages_; }
    Us simulated() const { return timeline_.now(); }

  private:
    void add_node(std::size_t number);
    void ask_again();
    void fault_again();
    void back_up_again();
    std::optional<Fault> next_fault();
    bool make(Fault fault);
    void part(std::size_t number);
    void weather_for(Us time, Weather weather);
    void heal();
    void pass(Us time);
    void begin_steadily();
    void end_with_gaps();
    void come_to_rest();
    bool is_quiet() const;
    std::string standing() const;
    Node& any_node() { return *nodes_[chance_.between(0, nodes_.size() - 1)]; }
    bool enough() const { return ledger_.stored() >= settings_.results; }

    WorldSettings settings_;
    Timeline timeline_;
    Chance chance_;
    Ledger ledger_;
    Weather weather_;
    Wire::Counts messages_;
    FaultCounts faults_{};
    Broker broker_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::size_t rotated_ = 0;      // nodes that were asked for a new key
    std::vector<Us> apart_until_;  // no connection comes about before, by node
    std::uint64_t weather_no_ = 0;
    bool healed_ = false;
};

}  // namespace edge::sim
