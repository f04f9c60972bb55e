// Colour, or none.
#pragma once
#include <string>
#include <string_view>

namespace edge::cli {

enum class Tone { plain, dim, bold, good, bad, warn, busy };

struct Style {
    bool colour = false;

    std::string paint(std::string text, Tone tone) const;
};

enum class ColourChoice { automatic, always, never };

/// What the user and the surroundings ask for, in this order: --color, NO_COLOR, CLICOLOR_FORCE, TERM=dumb, a terminal.
/// Empty strings are unset variables. Source: no-color.org, bixense.com/clicolors.
struct ColourFacts {
    ColourChoice choice = ColourChoice::automatic;
    std::string_view no_color;
    std::string_view clicolor_force;
    std::string_view term;
    bool is_terminal = false;
};
bool wants_colour(const ColourFacts& facts);

}  // namespace edge::cli
