// Whether the node is connected, as the agent tells others on its machine, since it opens no port: link.json of the
// state directory. It is true of now only while an agent holds the directory's lock; doctor and enroll look at both.
#pragma once
#include <boost/describe.hpp>
#include <string>

#include "agent/disk/disk.hpp"

namespace edge::agent {

inline constexpr const char* kLinkStateFile = "link.json";

struct LinkState {
    static constexpr bool fields_have_defaults = true;
    bool connected = false;  // the broker has welcomed the node, and the session lasts
    std::string broker;      // HOST:PORT that is, or was, dialled
    std::string why;         // it is not connected
    friend bool operator==(const LinkState&, const LinkState&) = default;
};
BOOST_DESCRIBE_STRUCT(LinkState, (), (connected, broker, why))

/// Errors: not_found when there is none, bad_syntax or bad_value.
Result<LinkState> load_link_state(Disk& state);
Result<> save_link_state(Disk& state, const LinkState& link);

}  // namespace edge::agent
