// edge-probe: a worker of the launcher, or a probe by hand.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "probes/by_hand/by_hand.hpp"
#include "probes/payload/payload.hpp"
#include "probes/worker/run_worker.hpp"

int main(int argc, char** argv) {
    try {
        const std::string_view first = argc > 1 ? argv[1] : "";
        if (first == "worker") return edge::probes::run_worker({argv + 2, argv + argc});
        if (first == "payload") return edge::probes::run_payload({argv + 2, argv + argc});
        return edge::probes::run_by_hand(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "edge-probe: %s\n", error.what());
        return 70;  // EX_SOFTWARE
    }
}
