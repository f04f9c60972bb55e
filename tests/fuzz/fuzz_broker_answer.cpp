// What edgectl is told: events of a run, a line each as NAME TAB DATA, and the body of a refusal. None of it drives the
// terminal, and an event told twice counts once.
#include "cli/api/problem.hpp"
#include "cli/run/run_state.hpp"
#include "cli/show/probe_table.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::cli;

namespace {

void check_terminal(std::string_view text) {
    fuzz::demand(printable(text) == text, "nothing that a terminal obeys comes through");
}

RunState told(std::string_view text, int times) {
    RunState state;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto tab = std::min(line.find('\t'), line.size());
        const auto data = line.substr(std::min(tab + 1, line.size()));
        for (int i = 0; i < times; ++i) (void)state.event(line.substr(0, tab), data);
    }
    return state;
}

std::string shown(const RunState& state) {
    std::string all = summary_line(state);
    check_terminal(all);
    for (const auto detail : {Detail::normal, Detail::wide}) {
        for (const auto& line : lines_of(probe_table(state, detail), 80, Style{})) {
            check_terminal(line);
            fuzz::demand(display_width(line) <= 80, "a row fits the terminal");
            all += "\n" + line;
        }
    }
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const RunState once = told(text, 1);
    const RunState twice = told(text, 2);
    fuzz::demand(once.rows().size() == twice.rows().size(), "an event told twice makes no second row");
    for (std::size_t i = 0; i < once.rows().size(); ++i)
        fuzz::demand(outcome_of(once.rows()[i]) == outcome_of(twice.rows()[i]), "nor another outcome");
    for (const Asked asked : {Asked::now, Asked::afterwards})
        fuzz::demand(exit_of(once, FailOn::any, asked) == exit_of(twice, FailOn::any, asked),
                     "nor another exit status");
    shown(once);
    const Trouble trouble = trouble_of(422, text);
    fuzz::demand(trouble.exit != ExitCode::ok && !trouble.what.empty(), "a refusal is a failure with a reason");
    return 0;
}
