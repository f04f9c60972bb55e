#include <doctest/doctest.h>

#include "agent/launcher/config.hpp"
#include "agent/launcher/os/sha256.hpp"
#include "agent/launcher/sandbox/cage.hpp"

using namespace edge;
using namespace edge::launcher;

TEST_CASE("the folders of a sandbox are made parents first, each once") {
    CHECK(folders_of({"/usr/bin/edge-probe", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6",
                      "/top"}) == std::vector<std::string>{"lib", "lib/x86_64-linux-gnu", "usr", "usr/bin"});
    CHECK(folders_of({"/a-b/x", "/a/c/y"}) == std::vector<std::string>{"a", "a-b", "a/c"});
}

TEST_CASE("a worker is told line and policy, in this order and no other") {
    Line line;
    line.name = "telecom";
    line.device = "wan0";
    line.addresses = {IpAddress::parse("100.64.1.2").value(), IpAddress::parse("fd64:1::2").value()};
    line.resolvers = {IpAddress::parse("100.64.1.53").value()};
    Policy policy;
    policy.services = {"dns", "ping"};
    policy.targets.allow = {IpPrefix::parse("198.18.0.0/15").value()};
    policy.targets.deny = {IpPrefix::parse("2001:db8::/32").value()};
    policy.targets.ports = {53, 443};
    policy.targets.only = {TargetPort::parse("203.0.113.5:7480").value()};
    std::string all;
    for (const auto& word : worker_arguments("/bin/edge-probe", line, policy, "/etc/ca.crt")) all += word + " ";
    CHECK(all ==
          "/bin/edge-probe worker --fd 3 --line telecom --device wan0 --address 100.64.1.2 --address fd64:1::2 "
          "--resolver 100.64.1.53 "
          "--allow 198.18.0.0/15 --deny 2001:db8::/32 --port 53 --port 443 --only 203.0.113.5:7480 --service dns "
          "--service "
          "ping --ca "
          "/etc/ca.crt ");
    CHECK(worker_arguments("/p", line, {}, "").back() == "100.64.1.53");
}

TEST_CASE("each line has uids of its own, all of them among the 256") {
    std::vector<Line> lines(3);
    share_out_uids(70000, kWorkerUids, lines);
    CHECK(lines[0].uids == UidRange{70000, 70084});
    CHECK(lines[1].uids == UidRange{70085, 70169});
    CHECK(lines[2].uids == UidRange{70170, 70254});
    lines.resize(32);
    share_out_uids(70000, kWorkerUids, lines);
    CHECK(lines[31].uids == UidRange{70248, 70255});
    share_out_uids(1000, 1, lines);  // without root: the launcher's own is every line's
    CHECK(lines[0].uids == UidRange{1000, 1000});
    CHECK(lines[31].uids == UidRange{1000, 1000});
}

TEST_CASE("the digest is SHA-256, at every length of padding") {
    const auto hex = [](std::string_view text) {
        std::string out;
        for (const auto byte : sha256(text)) {
            constexpr char kDigits[] = "0123456789abcdef";
            out += kDigits[byte >> 4];
            out += kDigits[byte & 15];
        }
        return out;
    };
    // FIPS 180-4 examples, and sha256sum(1)
    CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex(std::string(55, 'a')) == "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
    CHECK(hex(std::string(64, 'a')) == "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
    CHECK(hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
