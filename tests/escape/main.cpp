// Every escape attempt that edge-probe knows, in real sandboxes, with the worker's own filter on and off. Says
// `N tried, 0 escaped`.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "trial.hpp"

namespace edge::escape {
namespace {

using launcher::kPayloads;
using launcher::PayloadAim;

struct Options {
    std::string guard;  // empty: what the launcher chooses
    std::string only;   // a payload's name; empty: all
    bool verbose = false;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "-v")
            options.verbose = true;
        else if (word == "--guard" && i + 1 < argc)
            options.guard = argv[++i];
        else if (word == "--only" && i + 1 < argc)
            options.only = argv[++i];
        else
            throw std::runtime_error(word + ": unknown; there are --guard LEVEL, --only PAYLOAD and -v");
    }
    return options;
}

/// Under another guard than the launcher's own choice, what guards are for.
bool is_chosen(const Options& options, const launcher::Payload& payload) {
    if (!options.only.empty()) return payload.name == options.only;
    return options.guard.empty() || payload.aim == PayloadAim::honest || payload.aim == PayloadAim::line ||
           payload.aim == PayloadAim::target;
}

int run(const Options& options) {
    World world(options.guard.empty() ? std::vector<std::string>{} : std::vector<std::string>{"--guard", options.guard},
                options.guard == "nft");
    int tried = 0, escaped = 0, broken = 0;
    for (std::uint32_t i = 0; i < kPayloads.size(); ++i) {
        if (!is_chosen(options, kPayloads[i])) continue;
        for (const bool sealed : {true, false}) {
            const int line = static_cast<int>(i % 2);
            const Verdict verdict = world.attempt(line, i, sealed);
            ++tried;
            escaped += verdict.escaped;
            broken += verdict.broken;
            if (options.verbose || verdict.escaped || verdict.broken)
                std::printf("%s %-20s %-8s %s\n",
                            verdict.escaped  ? "ESCAPED"
                            : verdict.broken ? "BROKEN "
                                             : "held   ",
                            std::string(kPayloads[i].name).c_str(), sealed ? "sealed" : "unsealed",
                            verdict.why.c_str());
        }
    }
    std::printf("%d tried, %d escaped", tried, escaped);
    if (broken > 0) std::printf(", %d could not be tried", broken);
    std::printf("\n");
    return tried > 0 && escaped == 0 && broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace edge::escape

int main(int argc, char** argv) {
    if (geteuid() != 0) {
        std::puts("skipped: the escape suite needs root");
        return 77;
    }
    try {
        return edge::escape::run(edge::escape::parse(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "escape: %s\n", error.what());
        return 2;
    }
}
