// The worker's command line, written by the launcher from root-owned files.
#pragma once
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/targets/target_policy.hpp"

namespace edge::probes {

struct WorkerOptions {
    int fd = 3;
    std::string line;
    std::string device;
    std::string bind;  // the device to bind each socket to, where no guard does; empty: one does
    std::string ca_file = "/etc/ssl/certs/ca-certificates.crt";
    std::vector<IpAddress> addresses;
    std::vector<IpAddress> resolvers;
    TargetPolicy policy;
};

/// `--fd 3 --line NAME --address A… --allow PREFIX… …`. Errors: bad_value naming the option.
Result<WorkerOptions> parse_worker_options(const std::vector<std::string>& arguments);

}  // namespace edge::probes
