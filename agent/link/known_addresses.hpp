// Where each broker was found last, for when its name leads nowhere, or to somebody else. Kept in the state directory's
// broker_addresses.json.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/disk/disk.hpp"

namespace edge::agent {

inline constexpr const char* kAddressesFile = "broker_addresses.json";

/// Brokers are named by Endpoint::authority(). Until a session is live, its name and what is known are tried by turns.
class KnownAddresses {
  public:
    /// `state` outlives it. What cannot be read is learnt anew.
    explicit KnownAddresses(Disk& state);

    /// What is to be dialled in place of what the name says; empty: the name is to be asked.
    std::vector<std::string> instead_of(const std::string& broker) const;
    /// A session was live at one of these. Errors: the disk's; they are known all the same.
    Result<> live(const std::string& broker, const std::vector<std::string>& addresses);
    /// It was dialled, and no session came about.
    void failed(const std::string& broker);

  private:
    Disk* state_;
    std::map<std::string, std::vector<std::string>> addresses_;
    std::set<std::string> not_by_name_;  // brokers
};

}  // namespace edge::agent
