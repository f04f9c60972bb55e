// What all join tokens may have: flags of `token create` and `enroll-batch`. Defined in token.cpp.
#pragma once
#include <string>
#include <vector>

#include "cli/syntax.hpp"

namespace edge::cli {

struct GivenTerms {
    std::string ttl;
    std::vector<std::string> cidrs, pairs;
    bool approve = false;
};
void add_terms(Syntax& syntax, GivenTerms& given);
/// Errors: usage.
Answer<TokenTerms> terms_of(const GivenTerms& given);
/// As the API has it.
Json body_of(const TokenTerms& terms);

}  // namespace edge::cli
