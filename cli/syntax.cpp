#include "cli/syntax.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "protocol/nearest.hpp"

namespace edge::cli {
namespace {

/// Of an option that stands twice.
constexpr auto kLastCounts = CLI::MultiOptionPolicy::TakeLast;

const std::vector<std::string> kFormats{"table", "wide", "json", "jsonl"};

/// CLI11 would print `ping [OPTIONS] [words...]`, `kind WHAT`, `--rd,--no-rd{false}` and two empty lines between
/// groups.
class HelpTexts : public CLI::Formatter {
  public:
    explicit HelpTexts(std::string takes) : takes_(std::move(takes)) { column_width(34); }
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        const std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
        return CLI::detail::find_and_replace(text, "\n\n\n", "\n\n");
    }
    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        if (is_positional) return option->get_type_name();
        std::string name = CLI::Formatter::make_option_name(option, is_positional);
        if (const auto at = name.find("{false}"); at != std::string::npos) name.erase(at, 7);
        return name;
    }
    std::string make_option_opts(const CLI::Option* option) const override {
        return option->get_positional() ? std::string() : CLI::Formatter::make_option_opts(option);
    }
    std::string make_usage(const CLI::App* app, std::string) const override {
        std::string path = app->get_name();
        while ((app = app->get_parent())) path = app->get_name() + " " + path;
        return "Usage: " + path + " " + takes_ + " [OPTIONS]\n";
    }

  private:
    std::string takes_;
};

}  // namespace

Syntax::Syntax(CLI::App& app, Readings& readings, WordsOf& words_of, const std::string& takes)
    : app_(app), readings_(readings), words_of_(words_of) {
    app.formatter(std::make_shared<HelpTexts>(takes));
}

Syntax Syntax::add(const std::string& command, const std::string& takes, const std::string& help,
                   const std::string& footer) {
    return {*app_.add_subcommand(command, help)->footer(footer), readings_, words_of_, takes};
}

void Syntax::flag(const std::string& name, bool& value, const std::string& help) {
    app_.add_flag(name, value, help);
}

void Syntax::text(const std::string& name, const std::string& type, std::string& value, const std::string& help) {
    app_.add_option(name, value, help)->type_name(type)->multi_option_policy(kLastCounts);
}

void Syntax::texts(const std::string& name, const std::string& type, std::vector<std::string>& value,
                   const std::string& help) {
    auto* option = app_.add_option(name, value, help)->type_name(type);
    if (type.empty()) option->group("");
    if (name.starts_with('-'))
        option->expected(1)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Syntax::number(const std::string& name, std::optional<std::uint32_t>& value, std::uint32_t most,
                    const std::string& help) {
    const std::function<void(const std::string&)> take = [&value, name, most](const std::string& text) {
        std::uint32_t given = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), given);
        const bool is_whole = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        if (!is_whole) throw CLI::ValidationError(name, "\"" + text + "\" is no whole number");
        if (failed != std::errc{} || given < 1 || given > most)
            throw CLI::ValidationError(name, text + " is out of range, 1 to " + std::to_string(most));
        value = given;
    };
    app_.add_option_function(name, take, help)->type_name("N")->multi_option_policy(kLastCounts);
}

void Syntax::one_of(const std::string& name, const std::vector<std::string>& words, const std::string& help,
                    const std::function<void(std::size_t)>& take) {
    const bool is_flag = name.starts_with('-');
    const std::string shown = is_flag ? name.substr(name.rfind(',') + 1) : app_.get_name();
    const std::function<void(const std::string&)> checked = [=](const std::string& given) {
        // A place takes a kind, and one of it: nodes, node.
        const auto is_it = [&](const auto& word) { return given == word || (!is_flag && given + "s" == word); };
        const auto at = std::ranges::find_if(words, is_it);
        if (at != words.end()) return take(static_cast<std::size_t>(at - words.begin()));
        auto told = words;
        std::ranges::sort(told);
        throw CLI::ValidationError(
            shown, "\"" + given + "\" is none of " + CLI::detail::join(told, ", ") + did_you_mean(given, told));
    };
    auto* option = app_.add_option_function(name, checked, help)
                       ->type_name(is_flag ? "WORD" : "WHAT")
                       ->multi_option_policy(kLastCounts);
    words_of_.emplace(option, words);
}

void Syntax::kind(Kind& value, Kind last, const std::string& help) {
    std::vector<std::string> words{"nodes", "lines", "runs", "jobs", "tokens"};
    words.resize(static_cast<std::size_t>(last) + 1);
    word("kind", value, words, help);
}

void Syntax::output(Format& value, const std::string& help) {
    word("-o,--output", value, kFormats, help);
}

void Syntax::fail_on(FailOn& value) {
    word("--fail-on", value, {"any", "all", "none"}, "any, all or none: how many failed lines make the exit code 3");
}

bool Syntax::was_given(const std::string& name) const {
    return app_.count(name) > 0;
}

Answer<std::optional<std::chrono::milliseconds>> duration(const std::string& flag, const std::string& text) {
    if (text.empty()) return std::nullopt;
    double number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const double scale = unit == "ms"                  ? 1
                         : unit.empty() || unit == "s" ? 1e3
                         : unit == "m"                 ? 60e3
                         : unit == "h"                 ? 3600e3
                                                       : 0;
    if (failed != std::errc{} || scale == 0 || !(number > 0) || number * scale > 1e12)
        return usage(flag + ": \"" + text + "\" is no time", "write " + flag + " 30s, 500ms, 15m or 24h");
    return std::chrono::milliseconds(std::llround(std::ceil(number * scale)));
}

bool is_format(const std::string& word) {
    return std::ranges::find(kFormats, word) != kFormats.end();
}

Answer<std::map<std::string, std::string>> labels_of(const std::vector<std::string>& pairs,
                                                     const std::string& example) {
    std::map<std::string, std::string> map;
    for (const auto& pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == 0 || equals == std::string::npos)
            return usage("--label: \"" + pair + "\" is no KEY=VALUE", example);
        map[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return map;
}

std::vector<std::string> commands_below(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(one->get_name());
    return names;
}

const CLI::App* command_below(const CLI::App& app, const std::string& name) {
    const auto named = app.get_subcommands([&](const CLI::App* one) { return one->get_name() == name; });
    return named.empty() ? nullptr : named.front();
}

/// CLI::App::help() would answer with the help on the subcommand that was named: on `help` itself.
std::string help_on(const CLI::App& app) {
    return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
}

}  // namespace edge::cli
