// What all probes of a process share, made in the one order that works: everything that opens files, before the seal.
#pragma once
#include <boost/asio/io_context.hpp>

#include "probes/http/http_engine.hpp"
#include "probes/probe.hpp"
#include "probes/resolve/resolver.hpp"

namespace edge::probes {

/// Owns: io_context, resolver, HTTP engine, policy. Must outlive every probe.
class Engines {
  public:
    Engines(TargetPolicy policy, std::vector<IpAddress> resolvers, TrustStore trust);

    boost::asio::io_context& io() { return io_; }
    Surroundings surroundings() { return Surroundings{io_, policy_, resolver_, http_}; }
    /// Runs handlers until there is no more to do. An exception that escapes one is logged on stderr and costs its task
    /// its deadline, not the others their lives.
    void run();

  private:
    boost::asio::io_context io_{1};
    TargetPolicy policy_;
    Resolver resolver_;
    HttpEngine http_;
};

/// Makes libraries do now what they put off until first use, in case that opens a file.
void warm_up();

}  // namespace edge::probes
