// The name server and the web server of somebody who wants a probe to go where it must not.
#pragma once
#include <thread>

#include "carriers.hpp"
#include "vectors.hpp"

namespace edge::ssrf {

/// At 198.51.100.10 behind the first line, ports 53 and 80. Owns: its thread.
class HostileServers {
  public:
    HostileServers(const launcher::test::Carriers& carriers, const Attack& attack);
    ~HostileServers();

  private:
    void serve();
    void answer_name();
    void answer_web();

    const Attack& attack_;
    std::vector<std::size_t> asked_;  // of each name and family, how often
    launcher::Fd names_, web_, stop_;
    std::thread thread_;
};

}  // namespace edge::ssrf
