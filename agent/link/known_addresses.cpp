#include "agent/link/known_addresses.hpp"

#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

struct BrokerAddresses {
    std::map<std::string, std::vector<std::string>> brokers;
};
BOOST_DESCRIBE_STRUCT(BrokerAddresses, (), (brokers))

Result<BrokerAddresses> load(Disk& state) {
    EDGE_TRY(auto text, state.read(kAddressesFile));
    EDGE_TRY(auto json, parse_json(text));
    return decode<BrokerAddresses>(json, UnknownFields::ignore);
}

}  // namespace

KnownAddresses::KnownAddresses(Disk& state) : state_(&state) {
    if (auto known = load(state)) addresses_ = std::move(known.value().brokers);
}

std::vector<std::string> KnownAddresses::instead_of(const std::string& broker, std::size_t uplink) const {
    const auto known = addresses_.find(broker);
    if (known == addresses_.end() || !not_by_name_.contains({broker, uplink})) return {};
    return known->second;
}

Result<> KnownAddresses::live(const std::string& broker, const std::vector<std::string>& addresses) {
    std::erase_if(not_by_name_, [&](const auto& one) { return one.first == broker; });
    if (addresses.empty() || addresses_[broker] == addresses) return ok();
    addresses_[broker] = addresses;
    return state_->replace(kAddressesFile, encode(BrokerAddresses{addresses_}).dump(2) + "\n");
}

void KnownAddresses::failed(const std::string& broker, std::size_t uplink) {
    if (!not_by_name_.erase({broker, uplink})) not_by_name_.insert({broker, uplink});
}

}  // namespace edge::agent
