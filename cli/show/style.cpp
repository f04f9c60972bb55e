#include "cli/show/style.hpp"

namespace edge::cli {
namespace {

const char* code_of(Tone tone) {
    switch (tone) {
        case Tone::plain:
            return "";
        case Tone::dim:
            return "\x1b[2m";
        case Tone::bold:
            return "\x1b[1m";
        case Tone::good:
            return "\x1b[32m";
        case Tone::bad:
            return "\x1b[31m";
        case Tone::warn:
            return "\x1b[33m";
        case Tone::busy:
            return "\x1b[36m";
    }
    return "";
}

}  // namespace

std::string Style::paint(std::string text, Tone tone) const {
    if (!colour || tone == Tone::plain || text.empty()) return text;
    return code_of(tone) + std::move(text) + "\x1b[0m";
}

bool wants_colour(const ColourFacts& facts) {
    if (facts.choice != ColourChoice::automatic) return facts.choice == ColourChoice::always;
    if (!facts.no_color.empty()) return false;
    if (!facts.clicolor_force.empty() && facts.clicolor_force != "0") return true;
    return facts.is_terminal && !facts.term.empty() && facts.term != "dumb";
}

}  // namespace edge::cli
