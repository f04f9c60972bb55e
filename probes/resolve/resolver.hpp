// Names to addresses, asked of the line's own resolvers, never of the host's stub. A shell around c-ares.
#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/ip.hpp"
#include "protocol/probes/spec.hpp"

namespace edge::probes {

struct Lookup {
    std::vector<IpAddress> addresses;  // IPv4 first unless v6_first was asked, each family in the resolver's order
    std::string code;                  // empty, or NXDOMAIN, NODATA, SERVFAIL, REFUSED, timeout, …
    std::uint64_t resolve_us = 0;
};

/// Owns: the c-ares channels and, through them, their sockets. Executor: the io_context's one thread.
/// Must be made before a worker is sealed: c-ares looks for configuration files when it starts.
class Resolver {
  public:
    Resolver(boost::asio::io_context& io, std::vector<IpAddress> servers);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    const std::vector<IpAddress>& servers() const { return servers_; }

    /// Answers once, later, never from inside this call; at most about 5 s. An address is its own answer.
    /// Cancel: the caller lets the answer come and ignores it.
    void resolve(const std::string& name, Family family, std::function<void(Lookup)> done);

  private:
    class Channel;
    Channel& channel();

    boost::asio::io_context& io_;
    std::vector<IpAddress> servers_;
    std::shared_ptr<Channel> current_;  // retired ones live on in their pending lookups
};

/// The `nameserver` addresses of a resolv.conf; lines we do not understand are passed over. Pure.
std::vector<IpAddress> nameservers(const std::string& resolv_conf);

}  // namespace edge::probes
