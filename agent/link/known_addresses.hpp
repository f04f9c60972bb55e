// Where each broker was found last, for when its name leads nowhere, or to somebody else. Kept in the state directory's
// broker_addresses.json.
#pragma once
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/disk/disk.hpp"

namespace edge::agent {

inline constexpr const char* kAddressesFile = "broker_addresses.json";

/// Brokers are named by Endpoint::authority(), uplinks by their place in agent.toml. Until a session with a broker is
/// live, its name and what is known of it are tried by turns, over each uplink.
class KnownAddresses {
  public:
    /// `state` outlives it. What cannot be read is learnt anew.
    explicit KnownAddresses(Disk& state);

    /// What is to be dialled in place of what the name says; empty: the name is to be asked.
    std::vector<std::string> instead_of(const std::string& broker, std::size_t uplink) const;
    /// A session was live at one of these. Errors: the disk's; they are known all the same.
    Result<> live(const std::string& broker, const std::vector<std::string>& addresses);
    /// It was dialled, and no session came about.
    void failed(const std::string& broker, std::size_t uplink);

  private:
    Disk* state_;
    std::map<std::string, std::vector<std::string>> addresses_;
    std::set<std::pair<std::string, std::size_t>> not_by_name_;
};

}  // namespace edge::agent
