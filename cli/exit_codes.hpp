// What edgectl's exit status says; scripts depend on it.
#pragma once
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::cli {

enum class ExitCode {
    ok = 0,
    error = 1,
    usage = 2,
    lines_failed = 3,
    auth = 4,
    not_found = 5,
    conflict = 6,
    wait_timed_out = 7,
    no_match = 8,
    interrupted = 130,
};

/// The text of `edgectl help exit-codes`.
std::string exit_codes_text();

/// Why a command ends without its answer: what, why, what to do next.
struct Trouble {
    ExitCode exit = ExitCode::error;
    std::string what;
    std::string next{};        // a sentence or a command; may be empty
    std::string request_id{};  // as the broker's log has it; may be empty
};

/// The command line is wrong.
inline Trouble usage(std::string what, std::string next) {
    return {ExitCode::usage, std::move(what), std::move(next)};
}

template <class T = void>
using Answer = boost::outcome_v2::basic_result<T, Trouble, boost::outcome_v2::policy::terminate>;

/// What a person reads on stderr, a line each.
std::string text_of(const Trouble& trouble);

}  // namespace edge::cli
