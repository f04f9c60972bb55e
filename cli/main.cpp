// edgectl: parse, connect, carry out, say.
#include <curl/curl.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "cli/commands/commands.hpp"

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

Answer<ExitCode> carry_out(const Command& command, Client& client, const Screen& screen) {
    struct {
        Client& client;
        const Screen& screen;
        Answer<ExitCode> operator()(const ProbeCommand& c) const { return run_probe(c, client, screen); }
        Answer<ExitCode> operator()(const GetCommand& c) const { return get(c, client, screen); }
        Answer<ExitCode> operator()(const DescribeCommand& c) const { return describe(c, client, screen); }
        Answer<ExitCode> operator()(const TopCommand& c) const { return top(c, client, screen); }
        Answer<ExitCode> operator()(const CancelCommand& c) const { return cancel(c, client, screen); }
        Answer<ExitCode> operator()(const TokenCommand& c) const { return create_token(c, client, screen); }
        Answer<ExitCode> operator()(const ApiCommand& c) const { return call_api(c, client, screen); }
        Answer<ExitCode> operator()(const VersionCommand&) const { return version(&client, screen); }
        Answer<ExitCode> operator()(const HelpCommand& c) const {
            screen.print(c.text);
            return ExitCode::ok;
        }
    } visitor{client, screen};
    return std::visit(visitor, command);
}

Answer<ExitCode> run(const Invocation& invocation, const Screen& screen) {
    if (const auto* help = std::get_if<HelpCommand>(&invocation.command)) {
        screen.print(help->text);
        return ExitCode::ok;
    }
    auto environment = environment_from(variable);
    if (!environment) {
        if (std::holds_alternative<VersionCommand>(invocation.command)) return version(nullptr, screen);
        return environment.error();
    }
    if (environment.value().token_travels_in_the_clear) {
        screen.say(screen.err_style.paint(
            "warning: EDGE_URL is plain http to another machine; the token can be read on the way", Tone::warn));
    }
    Signals signals;
    Client client(std::move(environment.value()), signals);
    return carry_out(invocation.command, client, screen);
}

int main_of(int argc, char** argv) {
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
