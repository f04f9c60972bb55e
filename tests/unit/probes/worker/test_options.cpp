#include <doctest/doctest.h>

#include "probes/worker/options.hpp"

using namespace edge;
using namespace edge::probes;

TEST_CASE("the launcher's command line becomes options and policy") {
    const auto parsed = parse_worker_options({"--fd",
                                              "3",
                                              "--line",
                                              "telecom",
                                              "--device",
                                              "wan0",
                                              "--address",
                                              "100.64.1.2",
                                              "fd64:1::2",
                                              "--resolver",
                                              "100.64.1.53",
                                              "--allow",
                                              "198.18.0.0/15",
                                              "--allow",
                                              "2001:db8::/32",
                                              "--deny",
                                              "198.18.66.0/24",
                                              "--port",
                                              "53",
                                              "80",
                                              "--only",
                                              "[fd64:9::5]:7480",
                                              "--service",
                                              "dns",
                                              "--service",
                                              "ping",
                                              "--ca",
                                              "/ca.pem",
                                              "--bind",
                                              "wan0"});
    REQUIRE(parsed);
    const WorkerOptions& options = parsed.value();
    CHECK(options.fd == 3);
    CHECK(options.line == "telecom");
    CHECK(options.addresses.size() == 2);
    CHECK(options.ca_file == "/ca.pem");
    CHECK(options.bind == "wan0");
    CHECK(parse_worker_options({"--line", "telecom"}).value().bind.empty());
    CHECK(options.policy.allow.size() == 2);
    CHECK(options.policy.ports == std::vector<std::uint16_t>{53, 80});
    CHECK(options.policy.runs(Service::ping));
    CHECK_FALSE(options.policy.runs(Service::http));
    CHECK_FALSE(options.policy.refusal(IpAddress::parse("100.64.1.53").value(), 53));
    CHECK_FALSE(options.policy.refusal(IpAddress::parse("fd64:9::5").value(), 7480));
    CHECK(options.policy.refusal(IpAddress::parse("fd64:1::2").value(), 80));
}

TEST_CASE("what the launcher would never write is an error that names it") {
    const std::vector<std::vector<std::string>> wrong = {{"--fd", "x"},
                                                         {"--fd"},
                                                         {"--unknown", "1"},
                                                         {"stray"},
                                                         {"--port", "65536"},
                                                         {"--port", "-1"},
                                                         {"--only", "fd64:9::5"},
                                                         {"--service", "tcp"},
                                                         {"--address", "127.1"},
                                                         {"--allow", "10.0.0.1/8"},
                                                         {"--resolver", "a.test"},
                                                         {"--deny", "--allow", "10.0.0.0/8"}};
    for (const auto& arguments : wrong) {
        CAPTURE(arguments[0]);
        CHECK_FALSE(parse_worker_options(arguments));
    }
}
