// What every probe is, what it may use, and whom it tells.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "protocol/probes/report.hpp"
#include "protocol/targets/target_policy.hpp"

namespace edge::probes {

class HttpEngine;
class Resolver;

/// Made once, before any probe, and outlives them all. One thread.
struct Surroundings {
    boost::asio::io_context& io;
    const TargetPolicy& policy;
    Resolver& resolver;
    HttpEngine& http;
};

struct ProbeEvents {
    std::function<void(Json)> progress;     // something to show; may be dropped
    std::function<void(ProbeReport)> done;  // exactly once, also after stop(); may come from inside start()
};

enum class Stop { deadline, canceled };

/// Cancel: stop() makes it answer at once with what it has. Executor: the io_context's one thread.
class Probe {
  public:
    virtual ~Probe() = default;
    virtual void start() = 0;
    virtual void stop(Stop reason) = 0;
};

/// Shared by its owner (a worker's task table, or the command line) and by its pending handlers.
using ProbePtr = std::shared_ptr<Probe>;

/// How a stopped probe says so; `phase` is where it was.
Failure stopped(Stop reason, Source source, std::string phase);

}  // namespace edge::probes
