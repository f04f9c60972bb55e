#include <doctest/doctest.h>

#include "agent/launcher/config.hpp"
#include "agent/launcher/os/files.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

const std::string kLine = R"([[line]]
name = "telecom"
carrier = "ct"
device = "wan0"
addresses = ["100.64.1.2", "fd64:1::2"]
gateway4 = "100.64.1.1"
gateway6 = "fd64:1::1"
table = 101
mark = 0x101
resolvers = ["100.64.1.53"]
routes = "managed"
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), by);
}

std::string told(const Problems& problems) {
    std::string all;
    for (const auto& problem : problems) all += problem.message() + "\n";
    return all;
}

std::string wrong_lines(const std::string& text) {
    Problems problems;
    parse_lines(text, "lines.toml", problems);
    return told(problems);
}

std::string wrong_policy(const std::string& text) {
    Problems problems;
    parse_policy(text, "policy.toml", problems);
    return told(problems);
}

}  // namespace

TEST_CASE("a line is read with everything it says") {
    Problems problems;
    const auto lines = parse_lines(kLine, "lines.toml", problems);
    CHECK(told(problems) == "");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].name == "telecom");
    CHECK(lines[0].carrier == "ct");
    CHECK(lines[0].device == "wan0");
    CHECK(lines[0].addresses[1].text() == "fd64:1::2");
    CHECK(lines[0].gateway4->text() == "100.64.1.1");
    CHECK(lines[0].gateway6->text() == "fd64:1::1");
    CHECK(lines[0].table == 101);
    CHECK(lines[0].mark == 0x101);
    CHECK(lines[0].resolvers[0].text() == "100.64.1.53");
    CHECK(lines[0].routes == Routes::managed);
}

TEST_CASE("routes are external unless the file says managed") {
    Problems problems;
    CHECK(parse_lines(replaced(kLine, "routes = \"managed\"\n", ""), "f", problems)[0].routes == Routes::external);
}

TEST_CASE("what is wrong with a line is told with its place") {
    struct {
        const char *what, *by, *told;
    } const kCases[] = {
        {"gateway4", "gatway4", "lines.toml:6:1: unknown key \"gatway4\"; did you mean \"gateway4\"?\n"},
        {"table = 101", "table = \"101\"",
         "lines.toml:8:1: line.table must be an integer, not a string; it must be 1 to 4294967295, another for each "
         "line, "
         "such as 101; 253 to 255 belong to the system\n"},
        {"table = 101", "table = 254",
         "lines.toml:8:1: table must be 1 to 4294967295, another for each line, such as 101; 253 to 255 belong to the "
         "system\n"},
        {"mark = 0x101\n", "",
         "lines.toml:1:1: mark is missing; it must be 1 to 4294967295, another for each line, such as 0x101\n"},
        {"mark = 0x101", "mark = 0",
         "lines.toml:9:1: mark must be 1 to 4294967295, another for each line, such as 0x101\n"},
        {"mark = 0x101", "mark = 0x100000000",
         "lines.toml:9:1: line.mark: 4294967296 is out of range; it must be 1 to 4294967295, another for each line, "
         "such as 0x101\n"},
        {"\"telecom\"", "\"Telecom\"", "lines.toml:2:1: name must be 1 to 31 of a-z, 0-9 and -\n"},
        {"\"wan0\"", "\"wan0\\u0000\"", "lines.toml:4:1: device must name a network device, such as wan0\n"},
        {"\"wan0\"", "\"a;reboot\"", "lines.toml:4:1: device must name a network device, such as wan0\n"},
        {"\"wan0\"", "\"wan/0\"", "lines.toml:4:1: device must name a network device, such as wan0\n"},
        {"\"wan0\"", "\"a-much-too-long-name\"", "lines.toml:4:1: device must name a network device, such as wan0\n"},
        {"\"100.64.1.1\"", "\"fd64:1::1\"", "lines.toml:6:1: gateway4 must be an IPv4 address\n"},
        {"\"100.64.1.53\"", "\"100.64.1\"",
         "lines.toml:10:14: each of line.resolvers must be an IPv4 or IPv6 address, not \"100.64.1\"\n"},
        {"\"managed\"", "\"manage\"",
         "lines.toml:11:1: line.routes must be one of managed, external, not \"manage\"\n"},
        {"[\"100.64.1.2\", \"fd64:1::2\"]", "[]", "lines.toml:5:1: addresses must list the line's own addresses\n"},
        {"\"ct\"", "\"China Telecom\"",
         "lines.toml:3:1: carrier must be at most 15 of a-z, 0-9 and -, such as ct, cu, cm\n"},
    };
    for (const auto& one : kCases) {
        CAPTURE(one.by);
        CHECK(wrong_lines(replaced(kLine, one.what, one.by)) == one.told);
    }
}

TEST_CASE("two lines may not share a name, a mark or a table") {
    CHECK(
        wrong_lines(kLine + kLine) ==
        "lines.toml:13:1: name is that of line \"telecom\" as well\n"
        "lines.toml:15:1: device is that of line \"telecom\" as well; give both kind = \"address\", or each a device\n"
        "lines.toml:16:1: 100.64.1.2 is an address of line \"telecom\" as well\n"
        "lines.toml:16:1: fd64:1::2 is an address of line \"telecom\" as well\n"
        "lines.toml:19:1: table is that of line \"telecom\" as well\n"
        "lines.toml:20:1: mark is that of line \"telecom\" as well\n");
    auto second = replaced(replaced(kLine, "telecom", "unicom"), "[\"100.64.1.2\", \"fd64:1::2\"]", "[\"100.64.1.3\"]");
    second = replaced(replaced(second, "table = 101", "table = 102"), "mark = 0x101", "mark = 0x102");
    second = replaced(second, "gateway6 = \"fd64:1::1\"\n", "");
    CHECK(wrong_lines(kLine + second).find("lines.toml:15:1: device is that of line") == 0);
    const auto by_address = [](const std::string& text) {
        return replaced(text, "carrier", "kind = \"address\"\ncarrier");
    };
    CHECK(wrong_lines(by_address(kLine) + second).find("lines.toml:16:1: device is that of line") == 0);
    CHECK(wrong_lines(by_address(kLine) + by_address(second)) == "");
}

TEST_CASE("a macvlan says its parent, and what a kind does not know is told") {
    const auto macvlan = [](const std::string& more) {
        return replaced(
            replaced(replaced(kLine, "device = \"wan0\"", "device = \"edge-telecom\"\nkind = \"macvlan\"\n" + more),
                     "100.64.1.2", "100.64.1.2/24"),
            "fd64:1::2", "fd64:1::2/64");
    };
    const auto whole = macvlan("parent = \"eth0\"\nmac = \"02:00:5E:10:00:01\"");
    Problems problems;
    const auto lines = parse_lines(whole, "lines.toml", problems);
    CHECK(told(problems) == "");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].kind == LineKind::macvlan);
    CHECK(lines[0].parent == "eth0");
    CHECK(lines[0].mac->text() == "02:00:5e:10:00:01");
    struct {
        std::string text;
        const char* told;
    } const kCases[] = {
        {macvlan(""),
         "lines.toml:1:1: parent is missing; it must name the network device that the macvlan is made on, such as "
         "eth0\n"},
        {macvlan("parent = \"edge-telecom\""),
         "lines.toml:4:1: device is the name of the macvlan that is made; it cannot be its parent's\n"},
        {replaced(whole, "managed", "external"),
         "lines.toml:14:1: routes of a macvlan must be \"managed\": its device is there only while edge-launcher "
         "runs\n"},
        {replaced(whole, "100.64.1.2/24", "100.64.1.2"),
         "lines.toml:8:14: 100.64.1.2 needs its prefix length, such as /24: EDGE puts it on the macvlan\n"},
        {replaced(whole, "02:00", "02-00"),
         "lines.toml:7:1: line.mac must be a hardware address such as 02:00:5e:10:00:01, not \"02-00:5E:10:00:01\"\n"},
        {replaced(whole, "00:01\"", "00:01:\""),
         "lines.toml:7:1: line.mac must be a hardware address such as 02:00:5e:10:00:01, not \"02:00:5E:10:00:01:\"\n"},
        {replaced(whole, "02:00", "03:00"),
         "lines.toml:7:1: line.mac: is no device's address: the first byte must be even, and not all may be 0\n"},
        {replaced(whole, "kind = \"macvlan\"\n", ""),
         "lines.toml:5:1: parent belongs to kind = \"macvlan\"; take it out, or change the kind\n"
         "lines.toml:6:1: mac belongs to kind = \"macvlan\"; take it out, or change the kind\n"},
    };
    for (const auto& one : kCases) {
        CAPTURE(one.told);
        CHECK(wrong_lines(one.text) == one.told);
    }
    auto unicom = replaced(replaced(kLine, "telecom", "unicom"), "[\"100.64.1.2\", \"fd64:1::2\"]", "[\"100.64.1.3\"]");
    unicom = replaced(replaced(unicom, "table = 101", "table = 102"), "mark = 0x101", "mark = 0x102");
    unicom = replaced(unicom, "gateway6 = \"fd64:1::1\"\n", "");
    CHECK(wrong_lines(whole + unicom) == "");
    const std::string alone = "parent is the device of line \"unicom\", which is that line's alone\n";
    CHECK(wrong_lines(whole + replaced(unicom, "wan0", "eth0")) == "lines.toml:6:1: " + alone);
    CHECK(wrong_lines(replaced(unicom, "wan0", "eth0") + whole).find(alone) != std::string::npos);
}

TEST_CASE("a line in another namespace says which, and shares nothing with a device of the same name here") {
    const auto inside = [](const std::string& netns) {
        return replaced(kLine, "carrier = \"ct\"", "kind = \"netns\"\n" + netns);
    };
    Problems problems;
    const auto lines = parse_lines(inside("netns = \"carrier-a\""), "lines.toml", problems);
    CHECK(told(problems) == "");
    CHECK(lines.at(0).netns_path() == "/run/netns/carrier-a");
    CHECK(parse_lines(inside("netns = \"/srv/ns/a\""), "lines.toml", problems).at(0).netns_path() == "/srv/ns/a");
    CHECK(told(problems) == "");
    const std::string named =
        " must name a network namespace, as `ip netns list` does, or its path; at most 63 characters\n";
    CHECK(wrong_lines(inside("")) == "lines.toml:1:1: netns is missing; it" + named);
    CHECK(wrong_lines(inside("netns = \"" + std::string(64, 'a') + "\"")) == "lines.toml:4:1: netns" + named);
    const std::string name_or_path = "lines.toml:4:1: netns is a name without a slash, or a path from the root on\n";
    CHECK(wrong_lines(inside("netns = \"a/b\"")) == name_or_path);
    CHECK(wrong_lines(inside("netns = \"..\"")) == name_or_path);
    CHECK(wrong_lines(inside("netns = \"/proc/1/ns/net\"")) ==
          "lines.toml:4:1: netns cannot be below /proc, where it goes unnoticed; bind it: ip netns attach NAME PID\n");
    CHECK(wrong_lines(replaced(inside("netns = \"a\""), "kind = \"netns\"\n", "")) ==
          "lines.toml:3:1: netns belongs to kind = \"netns\"; take it out, or change the kind\n");
    auto here = replaced(replaced(kLine, "telecom", "unicom"), "table = 101", "table = 102");
    here = replaced(here, "mark = 0x101", "mark = 0x102");
    CHECK(wrong_lines(inside("netns = \"carrier-a\"") + here) == "");
    CHECK(wrong_lines(inside("netns = \"carrier-a\"") +
                      replaced(here, "carrier = \"ct\"", "kind = \"netns\"\nnetns = \"carrier-a\""))
              .find("device is that of line \"telecom\" as well") != std::string::npos);
}

TEST_CASE("a gateway is in the network of an address that says its own") {
    const auto with = [](const std::string& address, const std::string& gateway) {
        return wrong_lines(replaced(replaced(kLine, "\"100.64.1.2\"", "\"" + address + "\""), "\"100.64.1.1\"",
                                    "\"" + gateway + "\""));
    };
    CHECK(with("100.64.1.2/24", "100.64.1.1") == "");
    CHECK(with("100.64.1.2", "100.64.9.1") == "");     // nobody said which network
    CHECK(with("100.64.1.2/32", "100.64.9.1") == "");  // nor does that
    CHECK(with("100.64.1.2/24", "100.64.9.1") ==
          "lines.toml:6:1: gateway4 100.64.9.1 is in the network of no address of the line\n");
    CHECK(with("100.64.1.2/33", "100.64.1.1") ==
          "lines.toml:5:14: each of line.addresses must be an address with a prefix length of 1 to 32, not "
          "\"100.64.1.2/33\"\n");
    CHECK(with("100.64.1.2/", "100.64.1.1") ==
          "lines.toml:5:14: each of line.addresses must be an address with a prefix length of 1 to 32, not "
          "\"100.64.1.2/\"\n");
    const auto six = replaced(kLine, "\"fd64:1::2\"", "\"fd64:1::2/64\"");
    CHECK(wrong_lines(six) == "");
    CHECK(wrong_lines(replaced(six, "\"fd64:1::1\"", "\"fe80::1\"")) == "");
    CHECK(wrong_lines(replaced(six, "\"fd64:1::1\"", "\"fd64:2::1\"")) ==
          "lines.toml:7:1: gateway6 fd64:2::1 is in the network of no address of the line\n");
}

TEST_CASE("an address that cannot be what the line says it is, is told") {
    struct {
        const char *what, *by, *told;
    } const kCases[] = {
        {"\"100.64.1.2\"", "\"127.0.0.1\"", "lines.toml:5:14: 127.0.0.1 is no device's address: it is loopback\n"},
        {"\"100.64.1.2\"", "\"224.0.0.1\"", "lines.toml:5:14: 224.0.0.1 is no device's address: it is multicast\n"},
        {"\"fd64:1::2\"", "\"::\"", "lines.toml:5:28: :: is no device's address: it is the unspecified address\n"},
        {"\"100.64.1.1\"", "\"100.64.1.2\"", "lines.toml:6:1: gateway4 100.64.1.2 is the line's own address\n"},
        {"\"100.64.1.1\"", "\"255.255.255.255\"",
         "lines.toml:6:1: gateway4 255.255.255.255 is no host's address: it is broadcast\n"},
        {"\"100.64.1.53\"", "\"0.0.0.0\"",
         "lines.toml:10:14: resolver 0.0.0.0 is no host's address: it is \"this network\"\n"},
        {"\"100.64.1.53\"", "\"127.0.0.53\"",
         "lines.toml:10:14: resolver 127.0.0.53 is no host's address: it is loopback\n"},
        {"\"100.64.1.2\", \"fd64:1::2\"", "\"100.64.1.2\"",
         "lines.toml:7:1: gateway6 fd64:1::1 cannot be reached: the line has no IPv6 address\n"},
        {"\"100.64.1.2\", \"fd64:1::2\"", "\"fd64:1::2\"",
         "lines.toml:6:1: gateway4 100.64.1.1 cannot be reached: the line has no IPv4 address\n"
         "lines.toml:10:14: resolver 100.64.1.53 cannot be reached: the line has no IPv4 address\n"},
    };
    for (const auto& one : kCases) {
        CAPTURE(one.by);
        CHECK(wrong_lines(replaced(kLine, one.what, one.by)) == one.told);
    }
    const auto in = [](const std::string& address, const std::string& gateway) {
        return wrong_lines(replaced(replaced(kLine, "\"100.64.1.2\"", "\"" + address + "\""), "\"100.64.1.1\"",
                                    "\"" + gateway + "\""));
    };
    for (const std::string end : {"100.64.1.0", "100.64.1.255"})
        CHECK(in("100.64.1.2/24", end) ==
              "lines.toml:6:1: gateway4 " + end + " is the network's or the broadcast address of 100.64.1.0/24\n");
    CHECK(in("100.64.1.1/31", "100.64.1.0") == "");  // RFC 3021
    CHECK(in("100.64.1.2/23", "100.64.1.0") == "");
}

TEST_CASE("what a line needs and the policy forbids is told, in the file where it stands") {
    const auto together = [](const std::string& lines, const std::string& policy) {
        Problems problems;
        Config config;
        config.lines = parse_lines(lines, "lines.toml", problems);
        config.policy = parse_policy(policy, "policy.toml", problems);
        REQUIRE(told(problems) == "");
        check_together(config, {"lines.toml", lines, "policy.toml", policy}, problems);
        return told(problems);
    };
    for (const std::string nothing : {"services = []\n", "[worker]\npids = 5\n"})
        CHECK(together(kLine, nothing).find("services ") != std::string::npos);
    const auto without_resolver = replaced(kLine, "resolvers = [\"100.64.1.53\"]\n", "");
    CHECK(together(kLine, "services = [\"dns\"]\n[targets]\ndeny = [\"100.64.0.0/16\"]\nports = [5300]\n") == "");
    CHECK(together(kLine, "services = [\"ping\"]\n[targets]\ndeny = [\"10.0.0.0/8\",\n\"100.64.1.53/32\"]\n") ==
          "policy.toml:4:1: denies 100.64.1.53, a resolver of line \"telecom\", which stays open on port 53; take it "
          "out of "
          "one of the two\n");
    CHECK(
        together(without_resolver, "services = [\"dns\"]\n[targets]\nports = [80]\n") ==
        "lines.toml:1:1: has no resolvers, and policy.toml offers dns but does not list port 53; add one of the two\n");
    CHECK(together(without_resolver, "services = [\"dns\"]\n[targets]\nports = [53]\n") == "");
    CHECK(together(without_resolver, "services = [\"ping\"]\n[targets]\nports = [80]\n") == "");
    CHECK(together(kLine, "services = [\"http\"]\n[targets]\nports = [53]\n") ==
          "policy.toml:3:1: leave http no port to go to; add 80 and 443, or take http out of services\n");
    CHECK(together(kLine, "services = [\"http\"]\n[targets]\nports = [53, 8080]\n") == "");
}

TEST_CASE("workers may not be people") {
    const std::string passwd =
        "root:x:0:0::/root:/bin/sh\nbroken\nann:x:70255:70255::/home/ann:/bin/sh\nbob:x:70256:1::/:/bin/sh\n";
    CHECK(user_among_workers(passwd, 70000) == "ann (uid 70255)");
    CHECK(user_among_workers(passwd, 70256) == "bob (uid 70256)");
    CHECK(user_among_workers(passwd, 70257) == std::nullopt);
    CHECK(user_among_workers(passwd, 69999) == std::nullopt);
}

TEST_CASE("two macvlans of one parent have a hardware address each") {
    const auto macvlan = [](const std::string& name, const std::string& more) {
        std::string text =
            replaced(kLine, "device = \"wan0\"",
                     "device = \"edge-" + name + "\"\nkind = \"macvlan\"\n" + more + "\nmac = \"02:00:5e:10:00:01\"");
        return replaced(text, "name = \"telecom\"", "name = \"" + name + "\"");
    };
    const std::string kTold = "mac is that of line \"telecom\" as well, on the same parent; give each its own";
    const auto first = macvlan("telecom", "parent = \"eth0\"");
    CHECK(wrong_lines(first + macvlan("unicom", "parent = \"eth0\"")).find(kTold) != std::string::npos);
    CHECK(wrong_lines(first + macvlan("unicom", "parent = \"eth1\"")).find(kTold) == std::string::npos);
}

TEST_CASE("every problem of a file is told at once") {
    const auto all = wrong_lines(replaced(replaced(kLine, "gateway4", "gatway4"), "table = 101", "table = true"));
    CHECK(all.find("lines.toml:6:1: ") != std::string::npos);
    CHECK(all.find("lines.toml:8:1: ") != std::string::npos);
    CHECK(wrong_lines(replaced(replaced(kLine, "mark = 0x101", "mark = \"x\""), "table = 101", "table = 254")) ==
          "lines.toml:8:1: table must be 1 to 4294967295, another for each line, such as 101; 253 to 255 belong to the "
          "system\nlines.toml:9:1: line.mark must be an integer, not a string; it must be 1 to 4294967295, another for "
          "each "
          "line, such as 0x101\n");
    CHECK(wrong_lines("line = 3\n").find("lines.toml:1:1: line must be an array, not an integer") == 0);
    CHECK(wrong_lines("") == "lines.toml:1:1: names no line; add a [[line]]\n");
    CHECK(wrong_lines("[[line]\n").find("lines.toml:1:") == 0);
}

TEST_CASE("a policy is read, and an empty one has the documented defaults") {
    Problems problems;
    const auto policy = parse_policy(
        "services=[\"dns\",\"ping\"]\n[targets]\nallow=[\"198.18.0.0/15\"]\ndeny=[\"2001:db8::/"
        "32\"]\nports=[53,443]\nonly=[\"203.0.113.5:7480\",\"[2001:db8::5]:443\"]\n[worker]\ncpu_percent=20\nmemory_mb="
        "32\npids=8\n",
        "policy.toml", problems);
    CHECK(told(problems) == "");
    CHECK(policy.services == std::vector<std::string>{"dns", "ping"});
    CHECK(policy.targets.allow[0].text() == "198.18.0.0/15");
    CHECK(policy.targets.deny[0].text() == "2001:db8::/32");
    CHECK(policy.targets.ports == std::vector<std::uint16_t>{53, 443});
    CHECK(policy.targets.only[1] == TargetPort{IpAddress::parse("2001:db8::5").value(), 443});
    CHECK(policy.worker.cpu_percent == 20);
    CHECK(policy.worker.memory_mb == 32);
    CHECK(policy.worker.pids == 8);
    const auto standard = parse_policy("", "policy.toml", problems);
    CHECK(told(problems) == "");
    CHECK(standard.destination.probes_per_s == 1);
    CHECK(standard.destination.burst == 10);
    CHECK(standard.host.cpu_pressure_percent == 40);
    CHECK(standard.host.memory_pressure_percent == 10);
    CHECK(standard.host.load_per_cpu_percent == 200);
    CHECK(standard.line.bytes_per_day == 0);
    CHECK(standard.worker.cpu_percent == 50);
    CHECK(standard.worker.memory_mb == 64);
    CHECK(standard.worker.pids == 4);
}

TEST_CASE("what is wrong with a policy is told with its place") {
    CHECK(wrong_policy("services = [\"dns\", \"htpp\"]\n") ==
          "policy.toml:1:20: unknown service \"htpp\"; did you mean \"http\"?\n");
    CHECK(wrong_policy("[target]\n") == "policy.toml:1:2: unknown key \"target\"; did you mean \"targets\"?\n");
    CHECK(wrong_policy("[targets]\nports = [70000]\n") == "policy.toml:2:10: targets.ports: 70000 is out of range\n");
    CHECK(wrong_policy("[targets]\nports = [0]\n") == "policy.toml:2:1: ports are 1 to 65535\n");
    CHECK(wrong_policy("[targets]\nallow = [\"10.0.0.1/8\"]\n") ==
          "policy.toml:2:10: targets.allow: bits are set behind the prefix length\n");
    CHECK(wrong_policy("[targets]\nonly = [\"203.0.113.5\"]\n") ==
          "policy.toml:2:9: each of targets.only must be ADDRESS:PORT, such as 192.0.2.1:443 or [2001:db8::1]:443, not "
          "\"203.0.113.5\"\n");
    CHECK(wrong_policy("[destination]\nprobes_per_s = 2\nburst = 0\n") ==
          "policy.toml:3:1: burst must be 1 to 1000000, not 0\n");
    CHECK(wrong_policy("[host]\ncpu_pressure_percent = 101\n") ==
          "policy.toml:2:1: cpu_pressure_percent must be 0 to 100, not 101\n");
    CHECK(wrong_policy("[worker]\nmemory_mb = 1\n") == "policy.toml:2:1: memory_mb must be 8 to 65536, not 1\n");
    CHECK(wrong_policy("[worker]\ncpu_percent = 0\npids = 0\n") ==
          "policy.toml:2:1: cpu_percent must be 1 to 6400, not 0\npolicy.toml:3:1: pids must be 1 to 4096, not 0\n");
}

TEST_CASE("the commented examples are good configurations") {
    Problems problems;
    const std::string dir = EDGE_CONFIG_DIR;
    const auto lines = parse_lines(read_file(dir + "/lines.toml").value(), dir + "/lines.toml", problems);
    const auto policy = parse_policy(read_file(dir + "/policy.toml").value(), dir + "/policy.toml", problems);
    CHECK(told(problems) == "");
    CHECK(lines.size() == 2);
    CHECK(policy.services.size() == 3);
}
