#include <doctest/doctest.h>

#include "cli/command_line.hpp"

using namespace edge::cli;
using Words = std::vector<std::string>;

namespace {

Words words_of(const Completion& completion) {
    Words words;
    for (const auto& word : completion.words) words.push_back(word.word);
    return words;
}

}  // namespace

TEST_CASE("a word that is begun is completed to what may stand there") {
    struct Case {
        Words typed;
        Words words;
        std::string names_of;
    };
    for (const auto& [typed, words, names] : std::vector<Case>{
             {{"desc"}, {"describe"}, ""},
             {{"--color", "al"}, {"always"}, ""},
             {{"--color", "never", "desc"}, {"describe"}, ""},
             {{"get", ""}, {"nodes", "lines", "runs", "jobs", "tokens"}, ""},
             {{"get", "j"}, {"jobs"}, ""},
             {{"describe", "node", ""}, {}, "nodes"},
             {{"describe", "lines", "gz"}, {}, "lines"},
             {{"describe", "node", "gz-1", ""}, {}, ""},
             {{"revoke", ""}, {}, "nodes"},
             {{"cancel", "run_"}, {}, "runs"},
             {{"pause", ""}, {}, "jobs"},
             {{"token", ""}, {"create", "revoke"}, ""},
             {{"token", "revoke", ""}, {}, "tokens"},
             {{"token", "create", "--ap"}, {"--approve"}, ""},
             {{"ping", ""}, {}, ""},
             {{"ping", "192.0.2.1", ""}, {"from"}, ""},
             {{"ping", "192.0.2.1", "from", ""}, {"all"}, "lines"},
             {{"ping", "192.0.2.1", "from", "all", "--fail-on", ""}, {"any", "all", "none"}, ""},
             {{"ping", "192.0.2.1", "from", "all", "-o", "js"}, {"json", "jsonl"}, ""},
             {{"ping", "--coun"}, {"--count"}, ""},
             {{"ping", "--count", ""}, {}, ""},
             {{"ping", "--col"}, {"--color"}, ""},
             {{"help", "tok"}, {"token"}, ""},
             {{"nonsense", ""}, {}, ""},
             {{"get", "nodes", "--fields", ""}, {}, ""},
             {{}, {}, ""},
         }) {
        CAPTURE(typed.size());
        CAPTURE(typed.empty() ? std::string() : typed.front() + " … " + typed.back());
        const auto completion = complete_command_line(typed);
        CHECK(words_of(completion) == words);
        CHECK(completion.names_of == names);
    }
}

TEST_CASE("with each command goes what it does, in a few words") {
    CHECK(complete_command_line({"delet"}).words ==
          std::vector<Completion::Word>{{"delete", "end a recurring job for good"}});
}
