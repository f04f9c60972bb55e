#include "agent/link/link_state.hpp"

#include "protocol/json/described.hpp"

namespace edge::agent {

Result<LinkState> load_link_state(Disk& state) {
    EDGE_TRY(auto text, state.read(kLinkStateFile));
    EDGE_TRY(auto json, parse_json(text));
    return decode<LinkState>(json, UnknownFields::ignore);
}

Result<> save_link_state(Disk& state, const LinkState& link) {
    return state.replace(kLinkStateFile, encode(link).dump(2) + "\n");
}

}  // namespace edge::agent
