// Where the broker is and who asks: EDGE_URL, EDGE_TOKEN or EDGE_TOKEN_FILE, EDGE_CA_FILE. Never arguments: those are
// seen by everybody on the machine.
#pragma once
#include <functional>
#include <string>

#include "cli/exit_codes.hpp"

namespace edge::cli {

/// The variable's value, or empty.
using Variables = std::function<std::string(const char* name)>;

struct Environment {
    std::string url;  // without a slash at its end
    std::string token;
    std::string ca_file;  // empty: the system's
    bool is_loopback = false;
    /// Plain HTTP to another machine: whoever is on the way reads the token.
    bool token_travels_in_the_clear = false;
};

/// Errors: usage, or auth where no token is named; saying which variable to set and how.
Answer<Environment> environment_from(const Variables& variables);

}  // namespace edge::cli
