// Runs probes in the test's own process against the servers beside it.
#pragma once
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "probes/run_probe.hpp"
#include "probes/worker/engines.hpp"
#include "protocol/json/described.hpp"

namespace edge::probes {

struct Ran {
    ProbeReport report;
    std::vector<Json> progress;
    double seconds = 0;

    template <class Detail>
    Detail detail() const {
        return decode<Detail>(report.detail.tree(), UnknownFields::reject).value();
    }
};

class Rig {
  public:
    explicit Rig(TargetPolicy policy = TargetPolicy::unrestricted(), TrustStore trust = TrustStore(),
                 std::vector<IpAddress> resolvers = {})
        : engines_(std::move(policy), std::move(resolvers), std::move(trust)) {}

    boost::asio::io_context& io() { return engines_.io(); }
    Surroundings surroundings() { return engines_.surroundings(); }

    Ran run(ProbeSpec spec, std::optional<std::chrono::milliseconds> stop_after = {}, Stop reason = Stop::canceled) {
        REQUIRE(check(spec));
        Ran ran;
        bool is_done = false;
        const auto began = std::chrono::steady_clock::now();
        const auto probe = make_probe(std::move(spec), engines_.surroundings(),
                                      ProbeEvents{[&](Json data) { ran.progress.push_back(std::move(data)); },
                                                  [&](ProbeReport report) {
                                                      CHECK_FALSE(is_done);
                                                      is_done = true;
                                                      ran.report = std::move(report);
                                                  }});
        boost::asio::steady_timer timer(io());
        if (stop_after) {
            timer.expires_after(*stop_after);
            timer.async_wait([&](boost::system::error_code error) {
                if (!error) probe->stop(reason);
            });
        }
        probe->start();
        io().restart();
        while (!is_done && io().run_one() > 0) {
        }
        timer.cancel();
        io().restart();
        io().poll();
        REQUIRE(is_done);
        ran.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        return ran;
    }

  private:
    Engines engines_;
};

inline TrustStore trust_of(const std::string& pem) {
    char path[] = "/tmp/edge-test-ca-XXXXXX";
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    REQUIRE(::write(fd, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()));
    ::close(fd);
    auto trust = TrustStore::load(path);
    std::remove(path);
    REQUIRE(trust);
    return std::move(trust.value());
}

}  // namespace edge::probes
