// What a command takes from the command line, as the command itself says it. CLI11 stays behind this header: a file
// that includes it takes 8 s to compile.
#pragma once
#include <functional>
#include <map>

#include "cli/commands/commands.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace edge::cli {

/// The commands that may be named, each with what it is by the values it was given. The first that was named is meant.
/// Errors: usage.
using Readings = std::vector<std::pair<const CLI::App*, std::function<Answer<Command>()>>>;

/// Of the flags and places that take one of a few words: those words.
using WordsOf = std::map<const CLI::Option*, std::vector<std::string>>;

/// Stands for the dash of a selector's negation, `-node:gz-1`, which CLI11 would take for an option.
constexpr char kNegation = '\x01';

/// One command's flags, and its places: a name without a dash is a place's. Of a flag that stands twice the last
/// counts. What they fill must live as long as the reading, which owns it.
class Syntax {
  public:
    /// `takes`: what stands behind its name in the line of its usage.
    Syntax(CLI::App& app, Readings& readings, WordsOf& words_of, const std::string& takes);
    Syntax add(const std::string& command, const std::string& takes, const std::string& help,
               const std::string& footer = {});
    void when_named(std::function<Answer<Command>()> reading) { readings_.emplace_back(&app_, std::move(reading)); }

    void flag(const std::string& name, bool& value, const std::string& help);
    void text(const std::string& name, const std::string& type, std::string& value, const std::string& help);
    /// All words of a place, or a flag that may stand more than once. Without a type the help does not tell of it.
    void texts(const std::string& name, const std::string& type, std::vector<std::string>& value,
               const std::string& help);
    /// Whole, from 1 to `most`.
    void number(const std::string& name, std::optional<std::uint32_t>& value, std::uint32_t most,
                const std::string& help);
    /// One of these words; an enum's are all of its values, in their order.
    template <class T>
    void word(const std::string& name, T& value, const std::vector<std::string>& words, const std::string& help) {
        one_of(name, words, help, [&value, words](std::size_t at) {
            if constexpr (std::is_enum_v<T>)
                value = static_cast<T>(at);
            else
                value = words[at];
        });
    }
    /// The place of what the command is about: one of the kinds up to `last`.
    void kind(Kind& value, Kind last, const std::string& help);
    void output(Format& value, const std::string& help);
    void fail_on(FailOn& value);

    bool was_given(const std::string& name) const;
    CLI::App& app() const { return app_; }

  private:
    void one_of(const std::string& name, const std::vector<std::string>& words, const std::string& help,
                const std::function<void(std::size_t)>& take);

    CLI::App& app_;
    Readings& readings_;
    WordsOf& words_of_;
};

/// `2`, `1.5s`, `300ms`, `15m`, `24h`; nothing of nothing.
Answer<std::optional<std::chrono::milliseconds>> duration(const std::string& flag, const std::string& text);
bool is_format(const std::string& word);
/// Of --label KEY=VALUE; `example` is shown where one is wrong.
Answer<std::map<std::string, std::string>> labels_of(const std::vector<std::string>& pairs, const std::string& example);

std::vector<std::string> commands_below(const CLI::App& app);
/// Null: there is none of this name.
const CLI::App* command_below(const CLI::App& app, const std::string& name);
std::string help_on(const CLI::App& app);

}  // namespace edge::cli
