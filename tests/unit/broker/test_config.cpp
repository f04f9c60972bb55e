#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "broker/certificate.hpp"
#include "broker/config.hpp"

using namespace edge;
using namespace edge::broker;

namespace {

const std::string kGood =
    "[api]\nlisten = \"127.0.0.1:8080\"\n[gateway]\nlisten = \"0.0.0.0:7443\"\ncert_file = \"a\"\nkey_file = "
    "\"b\"\npublic_url = \"https://broker.example:7443\"\n";

std::string problems(const std::string& text) {
    std::string all;
    for (const auto& problem : read_config(text, "broker.toml").problems) all += problem.message() + "\n";
    return all;
}

}  // namespace

TEST_CASE("a good configuration is read, and the commented example is one") {
    const auto read = read_config(kGood, "broker.toml");
    CHECK(problems(kGood) == "");
    CHECK(read.config.gateway.public_url == "https://broker.example:7443");
    CHECK(read.config.broker.io_threads == 2);
    const auto example = read_file(EDGE_SOURCE_DIR "/config/broker.toml");
    REQUIRE(example);
    CHECK(problems(example.value()) == "");
    const BrokerConfig defaults;
    CHECK(read_config(example.value(), "").config.api.listen == defaults.api.listen);
    CHECK(read_config(example.value(), "").config.store.path == defaults.store.path);
}

TEST_CASE("all that is wrong is told at once, with its place") {
    CHECK(problems("[gatway]\n[broker]\nio_threads = \"two\"\nopen_tasks = 5\n[gateway]\nlisten = 7\ntls = false\n"
                   "public_url = \"https://a:1\"\n") ==
          "broker.toml:1:2: unknown key \"gatway\"; did you mean \"gateway\"?\nbroker.toml:3:1: broker.io_threads must "
          "be an integer, not a string; it must be 1 to 64\n"
          "broker.toml:4:1: open_tasks must be 1000 to 10000000, not 5\nbroker.toml:6:1: gateway.listen must be a "
          "string, "
          "not an integer\n");
    const std::string text = problems(
        "[api]\nlisten = \"0.0.0.0:8080\"\nconnections_per_address = 0\ntarget_probes_per_s = 1000001\n[gateway]\ntls "
        "= false\npublic_url = "
        "\"http://x\"\nnode_results_per_s = 1000001\n[broker]\nio_threads = "
        "65\nopen_tasks = 999\n[store]\npath = \"\"\n[retention]\nresults_days = 60\nfailed_days = 30\n");
    for (const char* word : {"broker.toml:2:1: without TLS", "loopback", "broker.toml:3:1: connections_per_address",
                             "broker.toml:4:1: target_probes_per_s", "broker.toml:6:1: without TLS",
                             "broker.toml:7:1: public_url", "broker.toml:8:1: node_results_per_s must be 0 to 1000000",
                             "broker.toml:10:1: io_threads", "broker.toml:11:1: open_tasks", "broker.toml:13:1: path",
                             "broker.toml:16:1: failed_days is less than results_days"}) {
        CAPTURE(word);
        CHECK(text.find(word) != std::string::npos);
    }
}

TEST_CASE("the echo may listen in the open, at an address") {
    CHECK(problems(kGood + "[echo]\nlisten = \"0.0.0.0:7480\"\n") == "");
    CHECK(problems(kGood + "[echo]\nlisten = \"broker:7480\"\n") ==
          "broker.toml:9:1: expected ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080\n");
}

TEST_CASE("a receiver that may be anywhere is a host as it is in the one spelling of a URL") {
    const auto said = [](const std::string& host) {
        return problems(kGood + "[webhooks]\nallow_hosts = [\"hooks.lan\", \"" + host + "\"]\n");
    };
    for (const char* good : {"ops-1.hooks.lan", "192.168.0.1", "fd00::1"}) {
        CAPTURE(good);
        CHECK(said(good) == "");
    }
    for (const char* bad : {"Hooks.lan", "https://hooks.lan", "hooks.lan:8443", "*.lan", "hooks.lan/edge", "hooks.lan?",
                            "", "hooks.lan.", "[fd00::1]", "FD00::1", "127.1"}) {
        CAPTURE(bad);
        CHECK(said(bad) ==
              "broker.toml:9:29: expected a host as a URL has it, in small letters, with no port and no bracket\n");
    }
}

TEST_CASE("TLS needs a certificate and a key, plain needs a loopback address") {
    CHECK(problems("[gateway]\npublic_url = \"https://a:1\"\n").find("cert_file") != std::string::npos);
    for (const char* url : {"https://edge.example", "http://10.0.0.1:8080", "https://[2001:db8::1]:8443"})
        CHECK(is_origin(url));
    for (const char* url :
         {"", "edge.example", "https://", "ftp://edge.example", "https://edge.example/", "https://a\nb", "https://a b"})
        CHECK_FALSE(is_origin(url));
    CHECK(problems("[gateway]\ntls = false\nlisten = \"127.0.0.1:7443\"\npublic_url = \"https://a:1\"\n") == "");
    CHECK(problems(kGood + "tls = false\n").find("loopback") != std::string::npos);
}

TEST_CASE("a key that no unit handed over is named with its setting, and a file stays what it is") {
    BrokerConfig config;
    config.api.key_file = "/etc/edge/api.key";
    REQUIRE(with_credentials(config));
    CHECK(with_credentials(config).value().api.key_file == "/etc/edge/api.key");
    config.gateway.next_cert_file = "credential:next.crt";
    const auto refused = with_credentials(config);
    REQUIRE(!refused);
    CHECK(
        refused.error().message().starts_with("[gateway] next_cert_file credential:next.crt: nothing was handed over"));
}

TEST_CASE("the host of a URL") {
    CHECK(host_of_url("https://broker.example:7443").value() == "broker.example");
    CHECK(host_of_url("https://[2001:db8::1]:7443").value() == "2001:db8::1");
    for (const char* bad : {"", "http://a:1", "https://a", "https://:1", "https://a:0", "https://a:70000",
                            "https://a:1/", "https://a b:1", "https://[x]:1"}) {
        CAPTURE(bad);
        CHECK(host_of_url(bad).has_error());
    }
}

TEST_CASE("a certificate is made and known by its key") {
    for (const char* host : {"broker.example", "192.0.2.1", "2001:db8::1"}) {
        CAPTURE(host);
        const auto made = make_certificate(host);
        REQUIRE(made);
        CHECK(made.value().key_pem.find("PRIVATE KEY") != std::string::npos);
        const auto spki = spki_digest(made.value().cert_pem);
        REQUIRE(spki);
        CHECK(pin_text(spki.value()).starts_with("sha256:"));
        CHECK(pin_in_token(spki.value()).size() == 43);
        CHECK(pin_in_token(spki.value()).find_first_of("+/=") == std::string::npos);
    }
    CHECK(spki_digest("no certificate").has_error());
}
