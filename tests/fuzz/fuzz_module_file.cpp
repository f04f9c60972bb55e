// A module file, as somebody copied it together; and what its modules make of a target and of a result's detail, which
// a node chooses.
#include "broker/prometheus/modules.hpp"
#include "broker/prometheus/probe_metrics.hpp"
#include "broker/prometheus/probe_request.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::broker;
using namespace edge::broker::prometheus;

namespace {

/// The file ends at a line `----`; then a line of target and the detail.
constexpr std::string_view kCut = "\n----\n";

void check(const std::vector<Error>& problems) {
    fuzz::demand(problems.size() <= 20, "twenty problems are enough");
    for (const auto& problem : problems) {
        fuzz::demand(problem.where.starts_with("f.yml:"), "a problem says file and line");
        fuzz::demand(problem.detail.find('\n') == std::string::npos, "a problem is one line");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const auto cut = std::min(text.find(kCut), text.size());
    const auto loaded = load_modules(text.substr(0, cut), "f.yml");
    check(loaded.problems);
    if (!loaded.problems.empty()) return 0;
    const std::string_view rest = text.substr(std::min(cut + kCut.size(), text.size()));
    const auto line = std::min(rest.find('\n'), rest.size());
    auto result = std::make_shared<ResultView>();
    result->detail = rest.substr(std::min(line + 1, rest.size()));
    Probed probed;
    probed.result = result;
    for (const auto& [name, module] : *loaded.modules) {
        if (!module.refused.empty()) continue;
        const auto spec = probe_spec(module, {name, std::string(rest.substr(0, line)), "", "all", false}, 5'000);
        if (spec) fuzz::demand(bool(edge::check(spec.value())), "a spec has passed its checks");
        for (const auto status : {Status::ok, Status::failed}) {
            result->result.status = status;
            Exposition out;
            const bool success = write_probe(out, module, probed, {});
            fuzz::demand(out.text().find(success ? "\nprobe_success 1\n" : "\nprobe_success 0\n") != std::string::npos,
                         "success is told once, and as it is");
        }
    }
    return 0;
}
