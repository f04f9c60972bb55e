#include "tests/sim/totals.hpp"

#include <cstdio>

namespace edge::sim {
namespace {

void print_count(const std::string& name, std::uint64_t value) {
    std::printf("seen: %-44s %llu\n", name.c_str(), static_cast<unsigned long long>(value));
}

}  // namespace

void Totals::add(const World& world) {
    const Ledger& ledger = world.ledger();
    ++seeds_;
    runs_ += ledger.runs();
    planned_runs_ += ledger.planned_runs();
    tasks_ += ledger.tasks();
    made_ += ledger.made();
    results_ += ledger.stored();
    in_gaps_ += ledger.in_gaps();
    superseded_ += ledger.superseded();
    lost_with_a_disk_ += ledger.lost_with_a_disk();
    early_ += world.early_results();
    owed_again_ += ledger.owed_again();
    given_up_ += ledger.given_up();
    recovered_tasks_ += ledger.recovered_tasks();
    elsewhere_ += ledger.elsewhere();
    for (std::size_t i = 0; i < faults_.size(); ++i) faults_[i] += world.faults()[i];
    messages_.twice += world.messages().twice;
    messages_.swapped += world.messages().swapped;
    messages_.vanished += world.messages().vanished;
    messages_.again += world.messages().again;
    simulated_s_ += static_cast<double>(world.simulated()) / 1e6;
}

std::vector<Totals::Count> Totals::faults() const {
    std::vector<Count> counts;
    for (std::size_t i = 0; i < faults_.size(); ++i)
        counts.push_back({"sim.faults." + std::string(kFaultNames[i]), faults_[i]});
    counts.push_back({"sim.messages.twice", messages_.twice});
    counts.push_back({"sim.messages.swapped", messages_.swapped});
    counts.push_back({"sim.messages.vanished", messages_.vanished});
    counts.push_back({"sim.messages.again", messages_.again});
    return counts;
}

std::uint64_t Totals::all_faults() const {
    std::uint64_t all = 0;
    for (const auto& one : faults()) all += one.value;
    return all;
}

void Totals::tell(std::uint64_t of_seeds) const {
    const auto shown = [](std::uint64_t count) { return static_cast<unsigned long long>(count); };
    std::fprintf(stderr, "sim: %llu of %llu seeds: %llu results, %llu faults, %llu violations\n", shown(seeds_),
                 shown(of_seeds), shown(results_), shown(all_faults()), shown(violations_));
}

void Totals::print(double seconds, bool with_faults) const {
    if (with_faults) {
        for (const auto& [name, count] : faults()) print_count(name, count);
        print_count("sim.faults", all_faults());
        print_count("sim.results.lost_with_a_disk", lost_with_a_disk_);
    }
    print_count("sim.seeds", seeds_);
    print_count("sim.runs", runs_);
    print_count("sim.runs.planned", planned_runs_);
    print_count("sim.tasks", tasks_);
    print_count("sim.tasks.elsewhere", elsewhere_);
    print_count("sim.results.made", made_);
    print_count("sim.results", results_);
    print_count("sim.results.given_up_for_room", in_gaps_);
    print_count("sim.results.superseded", superseded_);
    print_count("sim.results.before_their_turn", early_);
    print_count("sim.restores.results_owed_again", owed_again_);
    print_count("sim.restores.results_no_longer_kept", given_up_);
    print_count("sim.restores.tasks_recovered", recovered_tasks_);
    std::printf("seen: %-44s %.0f s simulated in %.1f s\n", "sim.time", simulated_s_, seconds);
    print_count("sim.violations", violations_);
}

std::vector<std::string> Totals::short_of(const Floors& floors) const {
    std::vector<std::string> missing;
    const auto look = [&missing](const std::string& name, std::uint64_t count, std::uint64_t floor) {
        if (count < floor)
            missing.push_back(name + " is " + std::to_string(count) + ", " + std::to_string(floor - count) +
                              " short of " + std::to_string(floor));
    };
    for (const auto& [name, count] : faults()) look(name, count, 1);
    look("sim.results.before_their_turn", early_, 1);
    look("sim.tasks.elsewhere", elsewhere_, 1);
    look("sim.seeds", seeds_, floors.seeds);
    look("sim.results", results_, floors.results);
    look("sim.faults", all_faults(), floors.faults);
    return missing;
}

}  // namespace edge::sim
