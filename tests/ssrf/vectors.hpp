// Ways to make a probe talk to an address that policy forbids. Pure.
#pragma once
#include <string>
#include <vector>

#include "protocol/probes/spec.hpp"

namespace edge::ssrf {

/// What the hostile name server says of a name, in turn: `turns[n % size]` to its nth question. A turn is addresses of
/// both families, or `=NAME` for a CNAME.
struct HostileName {
    std::vector<std::vector<std::string>> turns;
};

struct Vector {
    std::string kind;  // spelling, embedding, literal, answer, rebinding, cname, redirect
    ProbeSpec spec;
};

struct Attack {
    std::vector<Vector> vectors;
    std::vector<HostileName> names;      // n<index>.hostile.test
    std::vector<std::string> locations;  // http://198.51.100.10/<code>/<index> redirects there
};

inline constexpr const char* kPublic4 = "198.51.100.10";

Attack make_attack();

}  // namespace edge::ssrf
