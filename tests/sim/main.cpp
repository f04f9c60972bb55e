// sim: many runs, one after another, each from its own seed. A broken promise ends a run and is printed with the seed
// that shows it again.
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/world.hpp"

namespace {

using namespace edge::sim;

/// Ids and keys are random bytes: they come from the seed as well, so that a run can be seen again.
Chance* g_chance = nullptr;

int seeded_bytes(unsigned char* out, int count) {
    for (int i = 0; i < count; ++i) out[i] = static_cast<unsigned char>(g_chance->bits());
    return 1;
}

void seed_random_bytes(Chance& chance) {
    g_chance = &chance;
    static const RAND_METHOD kSeeded{nullptr, seeded_bytes, nullptr, nullptr, seeded_bytes, [] { return 1; }};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    RAND_set_rand_method(&kSeeded);
#pragma GCC diagnostic pop
}

struct Totals {
    std::uint64_t runs = 0, planned_runs = 0, tasks = 0, results = 0, superseded = 0, lost_with_a_disk = 0,
                  violations = 0;
    std::uint64_t owed_again = 0, given_up = 0, recovered_tasks = 0, made = 0, in_gaps = 0;
    FaultCounts faults{};
    Wire::Counts messages;
    double simulated_s = 0;

    void add(const World& world) {
        runs += world.ledger().runs();
        planned_runs += world.ledger().planned_runs();
        tasks += world.ledger().tasks();
        results += world.ledger().stored();
        superseded += world.ledger().superseded();
        lost_with_a_disk += world.ledger().lost_with_a_disk();
        made += world.ledger().made();
        in_gaps += world.ledger().in_gaps();
        owed_again += world.ledger().owed_again();
        given_up += world.ledger().given_up();
        recovered_tasks += world.ledger().recovered_tasks();
        for (std::size_t i = 0; i < faults.size(); ++i) faults[i] += world.faults()[i];
        messages.twice += world.messages().twice;
        messages.swapped += world.messages().swapped;
        messages.vanished += world.messages().vanished;
        messages.again += world.messages().again;
        simulated_s += static_cast<double>(world.simulated()) / 1e6;
    }
};

void print(const char* name, std::uint64_t value) {
    std::printf("seen: %-44s %llu\n", name, static_cast<unsigned long long>(value));
}

void print(const Totals& totals, std::uint64_t seeds, double seconds) {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < totals.faults.size(); ++i) {
        print(("sim.faults." + std::string(kFaultNames[i])).c_str(), totals.faults[i]);
        all += totals.faults[i];
    }
    print("sim.messages.twice", totals.messages.twice);
    print("sim.messages.swapped", totals.messages.swapped);
    print("sim.messages.vanished", totals.messages.vanished);
    print("sim.messages.again", totals.messages.again);
    all += totals.messages.twice + totals.messages.swapped + totals.messages.vanished + totals.messages.again;
    print("sim.faults", all);
    print("sim.seeds", seeds);
    print("sim.runs", totals.runs);
    print("sim.runs.planned", totals.planned_runs);
    print("sim.tasks", totals.tasks);
    print("sim.results.made", totals.made);
    print("sim.results", totals.results);
    print("sim.results.given_up_for_room", totals.in_gaps);
    print("sim.results.superseded", totals.superseded);
    print("sim.results.lost_with_a_disk", totals.lost_with_a_disk);
    print("sim.restores.results_owed_again", totals.owed_again);
    print("sim.restores.results_no_longer_kept", totals.given_up);
    print("sim.restores.tasks_recovered", totals.recovered_tasks);
    std::printf("seen: %-44s %.0f s simulated in %.1f s\n", "sim.time", totals.simulated_s, seconds);
    print("sim.violations", totals.violations);
}

int usage() {
    std::fputs(
        "usage: sim [--seed FIRST] [--seeds N] [--nodes N] [--results N] [--break PROMISE] [--restore-age SECONDS]\n"
        "           [--apart SECONDS] [--stuck SECONDS] [--spool-mb N]\n"
        "results: stored, of each seed at least. With --restore-age nothing goes wrong but that the broker comes\n"
        "back from a backup so old; with --apart, but that no node reaches it for so long; with --stuck, but that\n"
        "its store takes nothing for so long. With --break it fails when nothing is noticed; PROMISE is one of",
        stderr);
    for (const auto name : kBreakNames) std::fprintf(stderr, " %s", std::string(name).c_str());
    std::fputs("\n", stderr);
    return 64;
}

}  // namespace

int main(int argc, char** argv) {
    const char* full = std::getenv("EDGE_FULL");
    const bool is_full = full && *full;
    std::uint64_t first = 1, seeds = is_full ? 500 : 60;
    Us restore_age = 0, apart = 0, stuck = 0;
    WorldSettings settings;
    if (is_full) settings.results = 10'000;
    for (int i = 1; i < argc; i += 2) {
        std::uint64_t value = 0;
        const std::string name = argv[i];
        if (i + 1 == argc) return usage();
        if (name == "--break") {
            const auto at = std::ranges::find(kBreakNames, std::string_view(argv[i + 1]));
            if (at == kBreakNames.end()) return usage();
            settings.broken = static_cast<Break>(at - kBreakNames.begin());
            continue;
        }
        const auto [end, failed] = std::from_chars(argv[i + 1], argv[i + 1] + std::strlen(argv[i + 1]), value);
        if (failed != std::errc() || *end != '\0' || value == 0) return usage();
        if (name == "--seed")
            first = value;
        else if (name == "--seeds")
            seeds = value;
        else if (name == "--results")
            settings.results = value;
        else if (name == "--nodes")
            settings.nodes = value;
        else if (name == "--restore-age")
            restore_age = value * kSecond;
        else if (name == "--apart")
            apart = value * kSecond;
        else if (name == "--stuck")
            stuck = value * kSecond;
        else if (name == "--spool-mb")
            settings.spool_bytes = value * 1024 * 1024;
        else
            return usage();
    }
    Totals totals;
    const auto began = std::chrono::steady_clock::now();
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        Chance bytes(seed);
        seed_random_bytes(bytes);
        settings.seed = seed;
        World world(settings);
        try {
            if (restore_age > 0)
                world.run_restore(restore_age);
            else if (apart > 0)
                world.run_apart(apart);
            else if (stuck > 0)
                world.run_stuck(stuck);
            else
                world.run();
        } catch (const Violation& broken) {
            ++totals.violations;
            std::printf("VIOLATION %s\n  again: sim --seed %llu --seeds 1 --results %zu\n", broken.what(),
                        static_cast<unsigned long long>(seed), settings.results);
            std::fflush(stdout);
        }
        totals.add(world);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (settings.broken != Break::none) {
        const bool noticed = totals.violations > 0;
        std::printf("seen: %s: noticed in %llu of %llu runs\n",
                    std::string(kBreakNames[static_cast<std::size_t>(settings.broken)]).c_str(),
                    static_cast<unsigned long long>(totals.violations), static_cast<unsigned long long>(seeds));
        return noticed ? 0 : 1;
    }
    print(totals, seeds, took.count());
    std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(seeds - totals.violations),
                static_cast<unsigned long long>(totals.violations));
    return totals.violations == 0 ? 0 : 1;
}
