#include "agent/settings.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "protocol/config/toml.hpp"

using namespace edge;
using namespace edge::agent;

TEST_CASE("an empty file is all defaults") {
    const auto settings = parse_settings("", "a.toml");
    REQUIRE(settings);
    CHECK(settings.value().agent.tasks_per_worker == 256);
    CHECK(settings.value().link.first_retry_ms == 30'000);
    CHECK(settings.value().agent.spool_mb == 256);
    CHECK(settings.value().agent.spool_kept_mb == 256);
    CHECK(settings.value().agent.spool_kept_h == 24);
}

TEST_CASE("what is wrong is said with its line and column") {
    struct Case {
        const char* name;
        const char* text;
        const char* said;
    };
    static constexpr Case kCases[] = {
        {"unknown key", "[agent]\nstate_dri = \"/x\"\n",
         "a.toml:2:1: unknown key \"state_dri\"; did you mean \"state_dir\"?"},
        {"wrong type", "[agent]\nworkers_per_line = \"two\"\n",
         "a.toml:2:1: agent.workers_per_line must be an integer, not a string; it must be 1 to 16"},
        {"out of range", "[agent]\ntasks_per_worker = 0\n", "a.toml:2:1: tasks_per_worker must be 1 to 1024, not 0"},
        {"kept for too long", "[agent]\nspool_kept_h = 721\n", "a.toml:2:1: spool_kept_h must be 0 to 720, not 721"},
        {"a spool too small", "[agent]\nspool_mb = 15\n", "a.toml:2:1: spool_mb must be 16 to 65536, not 15"},
        {"relative path", "[agent]\nstate_dir = \"state\"\n", "a.toml:2:1: expected an absolute path"},
        {"log level", "[log]\nlevel = \"loud\"\n",
         "a.toml:2:1: log.level must be one of debug, info, warn, error, not \"loud\""},
        {"node name", "[node]\nname = \"GZ 1\"\n",
         "a.toml:2:1: node.name: a name is 1 to 31 of a-z, 0-9 and '-', and does not begin with '-'"},
        {"an interval too short", "[health]\ninterval_ms = 10\n",
         "a.toml:2:1: interval_ms must be 1000 to 3600000, not 10"},
        {"an anchor that is a name", "[health]\nanchors = [\"lab.test\"]\n",
         "a.toml:2:1: \"lab.test\" is no address; names are not resolved here"},
        {"an echo over TLS", "[health]\necho = \"https://192.0.2.1/\"\n", "a.toml:2:1: expected http://HOST:PORT/PATH"},
        {"a prefix file without an echo", "[health]\nprefix_file = \"/p.txt\"\n",
         "a.toml:2:1: is of no use without [health] echo"},
        {"an expectation that is no number",
         "[health]\necho = \"http://192.0.2.1/\"\nprefix_file = \"/p.txt\"\n[health.expect]\ntelecom = \"ct\"\n",
         "a.toml:5:1: expected an AS number, as AS4134"},
        {"a disabled line that has no name", "[lines]\ndisabled = [\"A b\"]\n",
         "a.toml:2:13: lines.disabled: a name is 1 to 31"},
        {"an uplink that has no name", "[link]\nuplinks = [\"mgmt\", \"Line A\"]\n",
         "a.toml:2:20: \"Line A\" is neither mgmt nor a line's name"},
        {"an uplink twice", "[link]\nuplinks = [\"mgmt\", \"mgmt\"]\n", "a.toml:2:20: \"mgmt\" stands there twice"},
        {"a proxy of another kind", "[link]\nproxy = \"socks5://p\"\n", "a.toml:2:1: expected http://HOST:PORT"},
        {"a password without a user", "[link]\nproxy = \"http://p\"\nproxy_password_file = \"/p\"\n",
         "a.toml:3:1: is of use only with a [link] proxy"},
        {"a password's file that is relative", "[link]\nproxy = \"http://u@p\"\nproxy_password_file = \"secret\"\n",
         "a.toml:3:1: expected an absolute path, or credential:NAME"},
        {"a broker without https", "[link]\nbrokers = [\"https://a:1\", \"b:2\"]\n",
         "a.toml:2:27: \"b:2\": expected https://HOST:PORT"},
        {"a broker with half a pin", "[link]\nbrokers = [\"https://a:1#pin=sha256:AAAA\"]\n",
         "a.toml:2:12: \"https://a:1#pin=sha256:AAAA\": expected 32 bytes"},
        {"not TOML", "[agent\n", "a.toml:1:7"},
    };
    for (const Case& one : kCases) {
        SUBCASE(one.name) {
            const auto settings = parse_settings(one.text, "a.toml");
            REQUIRE(!settings);
            const std::string said = lines_of(settings.error());
            CHECK_MESSAGE(said.find(one.said) != std::string::npos, said);
        }
    }
}

TEST_CASE("the proxy's password may come from the unit's credentials") {
    CHECK(parse_settings("[link]\nproxy = \"http://u@p\"\nproxy_password_file = \"credential:proxy\"\n", "a.toml"));
}

TEST_CASE("what is out of range is said beside what is of a wrong type, in the file's order") {
    const auto settings = parse_settings(
        "[agent]\nworkers_per_line = 99\ntasks_per_worker = \"many\"\nspool_mb = 1\n[lnik]\n[link]\nfirst_retry_ms = "
        "60000\n",
        "a.toml");
    REQUIRE(!settings);
    CHECK(lines_of(settings.error()) ==
          "a.toml:2:1: workers_per_line must be 1 to 16, not 99\na.toml:3:1: agent.tasks_per_worker must be an "
          "integer, not a string; it must be 1 to 1024\n"
          "a.toml:4:1: spool_mb must be 16 to 65536, not 1\na.toml:5:2: unknown key \"lnik\"; did you mean "
          "\"link\"?\na.toml:7:1: first_retry_ms must be 0 to 30000, not 60000");
}

TEST_CASE("every range problem is reported at once") {
    const auto settings = parse_settings(
        "[agent]\nworkers_per_line = 99\ntasks_per_worker = 0\n[link]\nfirst_retry_ms = 60000\n", "a.toml");
    REQUIRE(!settings);
    CHECK(settings.error().size() == 3);
}
