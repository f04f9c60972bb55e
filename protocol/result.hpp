// Errors that are expected: a peer, a file or the kernel said no. See docs/errors.md for the words users see.
#pragma once
#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>
#include <string>
#include <string_view>

namespace edge {

enum class Errc {
    ok = 0,
    bad_syntax,  // bytes that do not parse
    bad_value,   // parses, but out of range, unknown, missing
    too_large,   // over a size, depth or count limit
    not_found,
    conflict,     // clashes with what is there
    denied,       // a policy, permission or credential says no
    unavailable,  // a peer or resource is not there now; trying later may help
    timed_out,
    io,           // the operating system failed; os_errno says how
    unsupported,  // this build, kernel or version cannot
    internal,
};

std::string_view name(Errc code);

/// One failure: what (`code`), where (a JSON pointer, a file:line:column, a path) and what to do (`detail`, a
/// sentence).
struct Error {
    Errc code = Errc::internal;
    std::string where{};
    std::string detail{};
    int os_errno = 0;

    /// "where: detail (strerror)" on one line, for logs and exits.
    std::string message() const;
};

/// Error from errno, with the call or path that failed.
Error os_error(int os_errno, std::string where, std::string detail = {});

template <class T = void>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

inline auto ok() {
    return boost::outcome_v2::success();
}

}  // namespace edge

// Two statements: never the lone body of an `if`.
#define EDGE_TRY(...) BOOST_OUTCOME_TRY(__VA_ARGS__)
#define EDGE_CO_TRY(...) BOOST_OUTCOME_CO_TRY(__VA_ARGS__)
