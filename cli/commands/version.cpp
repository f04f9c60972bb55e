#include "cli/commands/things.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {

void VersionCommand::add_to(Syntax& edgectl) {
    edgectl.add("version", "", "of edgectl and of the broker").when_named([] { return Command(VersionCommand{}); });
}

Answer<ExitCode> VersionCommand::carry_out(Client& client, const Screen& screen) const {
    screen.print("edgectl " EDGE_VERSION "\n");
    EDGE_TRY(const auto broker, client.get("/api/v1/version"));
    screen.print("broker  " + printable(text_at(broker, "version")) + " at " + client.environment().url + "\n");
    return ExitCode::ok;
}

ExitCode VersionCommand::without_broker(const Screen& screen) const {
    screen.print("edgectl " EDGE_VERSION "\n");
    screen.say("EDGE_URL and EDGE_TOKEN name no broker whose version could be asked");
    return ExitCode::ok;
}

}  // namespace edge::cli
