// sim: many runs, one after another, each from its own seed. A broken promise ends a run and is printed with the seed
// that shows it again.
#include <openssl/rand.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "tests/sim/totals.hpp"

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

int usage() {
    std::fputs(
        "usage: sim [--seed FIRST] [--seeds N] [--nodes N] [--results N] [--break BREAK] [--restore-age SECONDS]\n"
        "           [--apart SECONDS] [--stuck SECONDS] [--spool-mb N]\n"
        "results: stored, of each seed at least. With --restore-age nothing goes wrong but that the broker comes\n"
        "back from a backup so old; with --apart, but that no node reaches it for so long; with --stuck, but that\n"
        "its store takes nothing for so long. With --break it fails when that is not noticed as what it is; BREAK is "
        "one of",
        stderr);
    for (const auto& one : kBreaks) std::fprintf(stderr, " %s", std::string(one.name).c_str());
    std::fputs("\n", stderr);
    return 64;
}

/// What was asked for on the command line.
struct Asked {
    std::uint64_t first = 1, seeds = 60;
    Us restore_age = 0, apart = 0, stuck = 0;
    bool has_size = false;  // another than the suite's
    std::string again;      // but for the seed
    WorldSettings world;

    /// Faults are made, and enough of them.
    bool is_ordinary() const { return restore_age == 0 && apart == 0 && stuck == 0; }
    void run(World& one) const {
        if (restore_age > 0) return one.run_restore(restore_age);
        if (apart > 0) return one.run_apart(apart);
        if (stuck > 0) return one.run_stuck(stuck);
        one.run();
    }
};

std::optional<Asked> asked(int argc, char** argv, bool is_full) {
    Asked asked;
    if (is_full) {
        asked.seeds = 500;
        asked.world.results = 10'000;
        asked.again = " --results 10000";
    }
    for (int i = 1; i < argc; i += 2) {
        std::uint64_t value = 0;
        const std::string name = argv[i];
        if (i + 1 == argc) return std::nullopt;
        if (name == "--break") {
            const auto* at = std::ranges::find(kBreaks, std::string_view(argv[i + 1]), &BreakTerms::name);
            if (at == kBreaks.end()) return std::nullopt;
            asked.world.broken = at->broken;
            asked.again += " --break " + std::string(at->name);
            continue;
        }
        const auto [end, failed] = std::from_chars(argv[i + 1], argv[i + 1] + std::strlen(argv[i + 1]), value);
        if (failed != std::errc() || *end != '\0' || value == 0) return std::nullopt;
        asked.has_size = true;
        if (name != "--seed" && name != "--seeds") asked.again += ' ' + name + ' ' + argv[i + 1];
        if (name == "--seed")
            asked.first = value;
        else if (name == "--seeds")
            asked.seeds = value;
        else if (name == "--results")
            asked.world.results = value;
        else if (name == "--nodes")
            asked.world.nodes = value;
        else if (name == "--restore-age")
            asked.restore_age = value * kSecond;
        else if (name == "--apart")
            asked.apart = value * kSecond;
        else if (name == "--stuck")
            asked.stuck = value * kSecond;
        else if (name == "--spool-mb")
            asked.world.spool_bytes = value * 1024 * 1024;
        else
            return std::nullopt;
    }
    return asked;
}

/// The promise that is broken, if one is.
std::string run(Asked& asked, std::uint64_t seed, Totals& totals) {
    Chance bytes(~seed);  // not the world's: where both came to one place, two nodes had one key
    seed_random_bytes(bytes);
    asked.world.seed = seed;
    World world(asked.world);
    std::string violation;
    try {
        asked.run(world);
    } catch (const Violation& broken) {
        violation = broken.what();
        totals.broken();
        std::printf("VIOLATION %s\n  again: sim --seed %llu --seeds 1%s\n", broken.what(),
                    static_cast<unsigned long long>(seed), asked.again.c_str());
        std::fflush(stdout);
    }
    totals.add(world);
    return violation;
}

/// Until its own promise notices it: another one that does, in another seed, says nothing of that one.
int run_broken(Asked& asked, const BreakTerms& terms) {
    Totals totals;
    std::string violation;
    for (std::uint64_t i = 0; i < asked.seeds && !violation.starts_with(terms.noticed_by); ++i)
        violation = run(asked, asked.first + i, totals);
    const std::string name(terms.name), by(terms.noticed_by);
    if (violation.starts_with(by)) {
        std::printf("seen: %s: noticed by `%s`, in run %llu\n", name.c_str(), by.c_str(),
                    static_cast<unsigned long long>(totals.seeds()));
        return 0;
    }
    std::printf("seen: %s: NOT noticed by `%s` in %llu runs; the last: %s\n", name.c_str(), by.c_str(),
                static_cast<unsigned long long>(totals.seeds()), violation.empty() ? "nothing" : violation.c_str());
    return 1;
}

int run_all(Asked& asked, const Floors& floors) {
    Totals totals;
    const auto began = std::chrono::steady_clock::now();
    auto told = began;
    for (std::uint64_t i = 0; i < asked.seeds; ++i) {
        run(asked, asked.first + i, totals);
        if (std::chrono::steady_clock::now() - told < std::chrono::seconds(30)) continue;
        told = std::chrono::steady_clock::now();
        totals.tell(asked.seeds);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    totals.print(took.count(), asked.is_ordinary());
    std::vector<std::string> missing;
    if (!asked.has_size) missing = totals.short_of(floors);
    for (const auto& one : missing) std::printf("TOO LITTLE %s\n", one.c_str());
    std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(asked.seeds - totals.violations()),
                static_cast<unsigned long long>(totals.violations() + missing.size()));
    return totals.violations() == 0 && missing.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    const char* full = std::getenv("EDGE_FULL");
    const bool is_full = full && *full;
    auto asked_for = asked(argc, argv, is_full);
    if (!asked_for) return usage();
    if (const auto* terms = terms_of(asked_for->world.broken)) return run_broken(*asked_for, *terms);
    return run_all(*asked_for, is_full ? kFullFloors : Floors());
}
