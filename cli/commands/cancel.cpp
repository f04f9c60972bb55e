#include "cli/commands/things.hpp"
#include "cli/run/follow_run.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {

void CancelCommand::add_to(Syntax& edgectl) {
    const auto given = std::make_shared<CancelCommand>();
    auto syntax = edgectl.add("cancel", "RUN", "stop a run; so does a second Ctrl-C while one is followed");
    syntax.text("run", "RUN", given->run_id, "its id, as `edgectl get runs` shows it");
    syntax.output(given->format, "table or json");
    syntax.when_named([given]() -> Answer<Command> {
        if (given->run_id.empty()) return usage("cancel which run?", "edgectl get runs");
        return *given;
    });
}

Answer<ExitCode> CancelCommand::carry_out(Client& client, const Screen& screen) const {
    if (auto other = no_run(run_id, client)) {
        if (other->next.starts_with("edgectl describe run ")) other->next.replace(8, 12, "cancel");
        return *other;
    }
    EDGE_TRY(const auto text, cancel_run(run_id, format, client));
    screen.print(text);
    return ExitCode::ok;
}

}  // namespace edge::cli
