// edgectl: parse, connect, carry out, say.
#include <curl/curl.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "cli/api/client.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/complete.hpp"

namespace edge::cli {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

Screen make_screen(ColourChoice choice) {
    const std::string no_color = variable("NO_COLOR");
    const std::string force = variable("CLICOLOR_FORCE");
    const std::string term = variable("TERM");
    const auto colour = [&](bool is_terminal) { return wants_colour({choice, no_color, force, term, is_terminal}); };
    Screen screen;
    screen.out_is_terminal = isatty(STDOUT_FILENO) == 1;
    screen.out_style.colour = colour(screen.out_is_terminal);
    screen.err_style.colour = colour(isatty(STDERR_FILENO) == 1);
    screen.can_paint = screen.out_is_terminal && !term.empty() && term != "dumb";
    return screen;
}

Answer<ExitCode> run(const Invocation& invocation, const Screen& screen) {
    if (const auto* help = std::get_if<HelpCommand>(&invocation.command)) return help->without_broker(screen);
    auto environment = environment_from(variable);
    if (!environment) {
        if (const auto* version = std::get_if<VersionCommand>(&invocation.command))
            return version->without_broker(screen);
        return environment.error();
    }
    if (environment.value().token_travels_in_the_clear) {
        screen.say(screen.err_style.paint(
            "warning: EDGE_URL is plain http to another machine; the token can be read on the way", Tone::warn));
    }
    Signals signals;
    Client client(std::move(environment.value()), signals);
    return std::visit([&](const auto& command) { return command.carry_out(client, screen); }, invocation.command);
}

int main_of(int argc, char** argv) {
    if (argc > 1 && argv[1] == kCompleteWord) {
        complete({argv + 2, argv + argc}, environment_from(variable));
        return 0;
    }
    const auto invocation = parse_command_line({argv + 1, argv + argc});
    const Screen screen = make_screen(invocation ? invocation.value().colour : ColourChoice::automatic);
    const auto exit = invocation ? run(invocation.value(), screen) : Answer<ExitCode>(invocation.error());
    if (exit) return static_cast<int>(exit.value());
    std::fputs(text_of(exit.error()).c_str(), screen.err);
    return static_cast<int>(exit.error().exit);
}

}  // namespace
}  // namespace edge::cli

int main(int argc, char** argv) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    try {
        return edge::cli::main_of(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "edgectl: %s\n", e.what());
        return static_cast<int>(edge::cli::ExitCode::error);
    }
}
