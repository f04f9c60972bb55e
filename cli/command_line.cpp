#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/syntax.hpp"
#include "protocol/nearest.hpp"

namespace edge::cli {
namespace {

template <class... Each>
void add_each(Syntax& edgectl, std::type_identity<std::variant<Each...>>) {
    (Each::add_to(edgectl), ...);
}

// ── what was typed, as CLI11 2.1.2 understands it ──

/// Its short or long option that this word begins, or none.
const CLI::Option* option_of(const CLI::App& app, const CLI::App& command, const std::string& word) {
    const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
    if (const auto* option = command.get_option_no_throw(name)) return option;
    if (&app != &command) {
        for (const auto* one : command.get_subcommands([](const CLI::App*) { return true; })) {  // `token create`
            if (const auto* option = one->get_option_no_throw(name)) return option;
        }
    }
    return app.get_option_no_throw(name);
}

bool takes_value(const CLI::Option* option) {
    return option && option->get_items_expected_min() > 0;
}

/// Is `rest` of `-xREST` what the option -x takes, as in `-c3`, `-ojson`, `-tMX`, `-HA:b`? Asked where it might also be
/// the negation of a selector, whose names are lower case. What is not clear so is a negation: `-t mx` has a space.
bool is_glued_value(const CLI::Option& option, const std::string& rest) {
    const auto only = [&](const char* characters) { return rest.find_first_not_of(characters) == std::string::npos; };
    if (option.get_type_name() == "N") return only("0123456789");
    if (option.check_sname("o")) return is_format(rest);
    if (option.check_sname("H")) return rest.find(':') != std::string::npos;
    return only("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

/// Marks the negations behind `from`, and takes the sign out of `-o=json`, which CLI11 reads as the value "=json".
void spell_for_cli11(std::vector<std::string>& arguments, const CLI::App& app, const CLI::App& command) {
    const bool has_selector = command.get_option_no_throw("words") != nullptr;
    bool is_behind_from = false;
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        std::string& word = arguments[i];
        if (word.size() < 2 || word[0] != '-') {
            is_behind_from = is_behind_from || (has_selector && word == "from");
            continue;
        }
        const CLI::Option* option = option_of(app, command, word);
        const bool is_short = word[1] != '-';
        if (is_short && takes_value(option) && word.size() > 3 && word[2] == '=') {
            word.erase(2, 1);
            continue;
        }
        const bool is_alone = is_short ? word.size() == 2 : word.find('=') == std::string::npos;
        if (is_alone) {
            if (takes_value(option)) ++i;  // the next word is its value, whatever it looks like
        } else if (is_short && is_behind_from && !(takes_value(option) && is_glued_value(*option, word.substr(2)))) {
            word.front() = kNegation;
        }
    }
}

// ── what CLI11 does not like, in our words ──

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options([](const CLI::Option*) { return true; })) {
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

Trouble explained(const CLI::ParseError& error, const CLI::App& app, const CLI::App& command, const std::string& more) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
        const auto left = app.remaining(true);
        const std::string word = left.empty() ? std::string() : left.front();
        const auto subcommands = commands_below(command);
        if (!word.starts_with('-') && &app != &command && !subcommands.empty())
            return usage(command.get_name() + ": there is no \"" + word + "\"" + did_you_mean(word, subcommands), more);
        if (!word.starts_with('-')) return usage("\"" + word + "\" is a word too many", more);
        auto names = option_names(command);
        if (&app != &command) {
            for (auto& name : option_names(app)) names.push_back(std::move(name));
        }
        const std::string name = word.substr(0, word.find('='));
        return usage("no option \"" + name + "\"" + did_you_mean(name, names), more);
    }
    const std::string what = error.what();
    if (error.get_name() == "ArgumentMismatch" && what.ends_with(" missing"))
        return usage(what.substr(0, what.find(':')) + ": its value is missing", more);
    return usage(what, more);
}

/// The deepest subcommand that was named.
const CLI::App& named(const CLI::App& app) {
    const auto subcommands = app.get_subcommands();
    return subcommands.empty() ? app : named(*subcommands.front());
}

/// The first word that is neither an option nor the value of one: the subcommand, if it is one.
std::string first_word(const std::vector<std::string>& arguments, const CLI::App& app) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (!arguments[i].starts_with('-')) return arguments[i];
        if (arguments[i].find('=') == std::string::npos && takes_value(option_of(app, app, arguments[i]))) ++i;
    }
    return {};
}

/// What edgectl understands, and what was read by it.
struct Edgectl {
    CLI::App app{
        "edgectl: probes from your lines, by an edge-broker.\n"
        "EDGE_URL and EDGE_TOKEN (or EDGE_TOKEN_FILE) say which broker and who you are.",
        "edgectl"};
    Readings readings;
    WordsOf words_of;
    ColourChoice colour = ColourChoice::automatic;
    bool wants_version = false;

    Edgectl() {
        app.require_subcommand(0, 1);
        app.fallthrough();
        Syntax syntax(app, readings, words_of, "COMMAND");
        syntax.word("--color", colour, {"auto", "always", "never"},
                    "auto, always or never; NO_COLOR and TERM=dumb are heard");
        syntax.flag("--version", wants_version, "the same as edgectl version");
        add_each(syntax, std::type_identity<Command>{});
        app.footer(
            "Examples:\n"
            "  edgectl ping 192.0.2.1 from all\n"
            "  edgectl dns example.com from carrier:ct -node:gz-1 --type AAAA\n"
            "  edgectl http https://example.com/ from all -mobile -o json\n"
            "  edgectl get lines\n"
            "More: edgectl help COMMAND, edgectl help exit-codes");
    }
    Edgectl(Edgectl&&) = delete;  // its options point into it
};

}  // namespace

Completion complete_command_line(const std::vector<std::string>& words) {
    const Edgectl edgectl;
    return completion_of(edgectl.app, edgectl.words_of, words);
}

Answer<Invocation> parse_command_line(std::vector<std::string> arguments) {
    Edgectl edgectl;
    CLI::App& app = edgectl.app;

    const std::string wanted = first_word(arguments, app);
    const CLI::App* command = wanted.empty() ? &app : command_below(app, wanted);
    if (!command)
        return usage("no command \"" + wanted + "\"" + did_you_mean(wanted, commands_below(app)), "edgectl help");
    const std::string more = wanted.empty() ? "edgectl help" : "edgectl help " + wanted;
    spell_for_cli11(arguments, app, *command);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants it
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        return Invocation{HelpCommand{help_on(named(app))}, edgectl.colour};
    } catch (const CLI::ParseError& error) {
        return explained(error, app, named(app), more);
    }
    for (const auto& [one, read] : edgectl.readings) {
        if (!one->parsed() && !(edgectl.wants_version && one->get_name() == "version")) continue;
        EDGE_TRY(auto value, read());
        return Invocation{std::move(value), edgectl.colour};
    }
    return usage("what to do is missing", "edgectl help");
}

}  // namespace edge::cli
