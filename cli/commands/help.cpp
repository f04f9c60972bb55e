#include <algorithm>

#include "cli/syntax.hpp"
#include "protocol/nearest.hpp"

namespace edge::cli {
namespace {

Answer<Command> help_with(const CLI::App& edgectl, const std::vector<std::string>& topic) {
    if (topic == std::vector<std::string>{"exit-codes"}) return HelpCommand{exit_codes_text()};
    const CLI::App* about = &edgectl;
    for (const auto& word : topic) {  // as `token create`
        const CLI::App* below = command_below(*about, word);
        if (!below) {
            auto names = commands_below(*about);
            if (about == &edgectl) names.push_back("exit-codes");
            return usage("no help on \"" + word + "\"" + did_you_mean(word, names), "edgectl help");
        }
        about = below;
    }
    return HelpCommand{help_on(*about)};
}

}  // namespace

void HelpCommand::add_to(Syntax& edgectl) {
    const auto topic = std::make_shared<std::vector<std::string>>();
    auto syntax = edgectl.add("help", "[TOPIC]", "help on a command, or on exit-codes");
    syntax.texts("topic", "TOPIC", *topic, "a command, or exit-codes");
    syntax.when_named([topic, &app = edgectl.app()] { return help_with(app, *topic); });
}

Answer<ExitCode> HelpCommand::carry_out(Client&, const Screen& screen) const {
    return without_broker(screen);
}

ExitCode HelpCommand::without_broker(const Screen& screen) const {
    screen.print(text);
    return ExitCode::ok;
}

}  // namespace edge::cli
