#include "cli/completion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace edge::cli {
namespace {

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_min() > 0;
}

/// The first sentence's worth: a shell gives it a line beside the word.
std::string brief(const std::string& said) {
    return said.substr(0, said.find_first_of(";:\n"));
}

/// Where the word stands that is being written.
struct Place {
    const CLI::App* command = nullptr;
    const CLI::Option* flag = nullptr;  // whose value it is
    std::vector<std::string> before{};  // in the command's places
};

const CLI::Option* flag_named(const CLI::App& edgectl, const CLI::App& command, const std::string& name) {
    const auto* option = command.get_option_no_throw(name);
    return option ? option : edgectl.get_option_no_throw(name);
}

Place place_behind(const CLI::App& edgectl, const std::vector<std::string>& words) {
    Place place{&edgectl};
    for (const auto& word : words) {
        if (place.flag) {
            place.flag = nullptr;
        } else if (word.size() > 1 && word[0] == '-') {
            const auto* option = flag_named(edgectl, *place.command, word);
            if (option && takes_value(*option)) place.flag = option;
        } else if (const auto* below = place.before.empty() ? command_below(*place.command, word) : nullptr) {
            place.command = below;
        } else {
            place.before.push_back(word);
        }
    }
    return place;
}

std::vector<Completion::Word> flags_of(const CLI::App& edgectl, const CLI::App& command) {
    std::vector<Completion::Word> words;
    for (const auto* app : {&command, &edgectl}) {
        for (const auto* option : app->get_options([](const CLI::Option*) { return true; })) {
            for (const auto& name : option->get_lnames())
                words.push_back({"--" + name, brief(option->get_description())});
        }
        if (app == &edgectl) break;
    }
    return words;
}

std::vector<Completion::Word> plain(const std::vector<std::string>& words) {
    std::vector<Completion::Word> found;
    for (const auto& word : words) found.push_back({word});
    return found;
}

/// What the names of a place's type are names of.
std::string names_of(const std::string& type, const std::vector<std::string>& before) {
    if (type == "NODE") return "nodes";
    if (type == "RUN") return "runs";
    if (type == "JOB") return "jobs";
    if (type == "TOKEN") return "tokens";
    if (type != "ID" || before.empty()) return {};
    return before.front().ends_with('s') ? before.front() : before.front() + "s";  // describe node, describe nodes
}

/// TARGET from SELECTOR…: of the target nobody knows.
Completion of_probe(const std::vector<std::string>& before) {
    if (std::ranges::find(before, "from") != before.end()) return {plain({"all"}), "lines"};
    return before.empty() ? Completion{} : Completion{plain({"from"})};
}

Completion of_place(const CLI::App& edgectl, const Place& place, const WordsOf& words_of) {
    const auto places = place.command->get_options([](const CLI::Option* option) { return option->get_positional(); });
    if (places.empty()) {
        Completion found;
        if (!place.before.empty()) return found;
        for (const auto* one : place.command->get_subcommands([](const CLI::App*) { return true; }))
            found.words.push_back({one->get_name(), brief(one->get_description())});
        return found;
    }
    if (place.command->get_option_no_throw("words")) return of_probe(place.before);
    if (place.command->get_name() == "help")
        return place.before.empty() ? of_place(edgectl, {&edgectl}, words_of) : Completion{};
    if (place.before.size() >= places.size()) return {};
    const auto* here = places[place.before.size()];
    if (const auto at = words_of.find(here); at != words_of.end()) return {plain(at->second)};
    return {{}, names_of(here->get_type_name(), place.before)};
}

}  // namespace

Completion completion_of(const CLI::App& edgectl, const WordsOf& words_of, const std::vector<std::string>& words) {
    if (words.empty()) return {};
    const std::string& begun = words.back();
    const Place place = place_behind(edgectl, {words.begin(), words.end() - 1});
    Completion found;
    if (place.flag) {
        if (const auto at = words_of.find(place.flag); at != words_of.end()) found.words = plain(at->second);
    } else if (begun.starts_with('-')) {
        found.words = flags_of(edgectl, *place.command);
    } else {
        found = of_place(edgectl, place, words_of);
    }
    std::erase_if(found.words, [&](const auto& word) { return !word.word.starts_with(begun); });
    return found;
}

}  // namespace edge::cli
