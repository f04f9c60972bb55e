// A word in a command that a shell reads. Pure.
#pragma once
#include <string>

namespace edge::agent {

/// No shell takes it for anything else than a word.
inline bool is_plain_word(const std::string& word) {
    constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,";
    return !word.empty() && word.find_first_not_of(kPlain) == std::string::npos;
}

/// As one word, whatever is in it.
inline std::string shell_word(const std::string& word) {
    if (is_plain_word(word)) return word;
    std::string text = "'";
    for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

}  // namespace edge::agent
