// What may come next on a command line of edgectl, for a shell's Tab key.
#pragma once
#include <string>
#include <vector>

#include "cli/syntax.hpp"

namespace edge::cli {

struct Completion {
    struct Word {
        std::string word;
        std::string said{};  // of it, for shells that show that; may be empty
        bool operator==(const Word&) const = default;
    };
    std::vector<Word> words{};
    /// What the broker knows by name or id and would be right here, too: nodes, lines, runs, jobs, tokens; or none.
    std::string names_of{};
};

/// `words` are those behind `edgectl`; the last one is being written and may be empty. All that is answered begins
/// with it; nothing where nobody can know what comes.
Completion completion_of(const CLI::App& edgectl, const WordsOf& words_of, const std::vector<std::string>& words);

}  // namespace edge::cli
