#include "vectors.hpp"

#include <array>
#include <cstdio>

#include "protocol/ip.hpp"

namespace edge::ssrf {
namespace {

constexpr std::array kDenied4{
    "127.0.0.1",      "127.1.2.3",   "127.255.255.254", "10.0.0.1",        "10.255.255.254", "172.16.0.1",
    "172.31.255.254", "192.168.0.1", "192.168.255.254", "169.254.169.254", "169.254.0.1",    "100.64.1.1",
    "100.64.1.2",     "100.64.2.1",  "100.64.2.2",      "100.100.100.200", "100.127.0.1",    "168.63.129.16",
    "0.0.0.0",        "0.1.2.3",     "192.0.0.1",       "192.0.2.1",       "192.88.99.1",    "198.18.0.1",
    "198.19.255.254", "203.0.113.1", "224.0.0.1",       "239.255.255.250", "240.0.0.1",      "255.255.255.255"};
constexpr std::array kDenied6{"::1",           "::",        "fe80::1",   "fec0::1",   "fc00::1", "fd00::1",
                              "fd00:ec2::254", "fd64:1::1", "fd64:1::2", "fd64:2::2", "ff02::1", "ff0e::1",
                              "100::1",        "3fff::1",   "5f00::1"};

std::string formatted(const char* format, auto... values) {
    char text[128];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

HttpSpec http(const std::string& url) {
    HttpSpec spec;
    spec.target = url;
    spec.timeout_ms = 400;
    return spec;
}

/// P1: what browsers, libraries and inet_aton(3) have taken for this address.
std::vector<std::string> spellings(const std::string& address) {
    const auto bytes = IpAddress::parse(address).value().bytes;
    const unsigned a = bytes[0], b = bytes[1], c = bytes[2], d = bytes[3];
    const unsigned whole = a << 24 | b << 16 | c << 8 | d;
    std::string wide, escaped;
    for (const char one : address) {
        wide += one == '.' ? "\u3002" : std::string("\xef\xbc") + static_cast<char>(0x90 + (one - '0'));
        escaped += formatted("%%%02x", static_cast<unsigned>(one));
    }
    return {formatted("%u", whole),
            formatted("0x%x", whole),
            formatted("0%o", whole),
            formatted("0x%x.0x%x.0x%x.0x%x", a, b, c, d),
            formatted("0%o.0%o.0%o.0%o", a, b, c, d),
            formatted("%u.%u", a, whole & 0xffffff),
            formatted("%u.%u.%u", a, b, c << 8 | d),
            address + ".",
            wide,
            escaped,
            kPublic4 + std::string("@") + address,
            kPublic4 + std::string(":80@") + address,
            address + "%00." + kPublic4,
            formatted("[::ffff:%x:%x]", a << 8 | b, c << 8 | d)};
}

/// P2: IPv6 addresses that lead to it.
std::vector<std::string> embeddings(const std::string& address) {
    const auto bytes = IpAddress::parse(address).value().bytes;
    const unsigned high = static_cast<unsigned>(bytes[0] << 8 | bytes[1]);
    const unsigned low = static_cast<unsigned>(bytes[2] << 8 | bytes[3]);
    return {formatted("::ffff:%x:%x", high, low),
            formatted("::%x:%x", high, low),
            formatted("64:ff9b::%x:%x", high, low),
            formatted("64:ff9b:1::%x:%x", high, low),
            formatted("2002:%x:%x::1", high, low),
            formatted("2001:0:%x:%x::", high, low),
            formatted("2001:0:c633:640a:0:0:%x:%x", high ^ 0xffff, low ^ 0xffff),
            formatted("2001:db8::5efe:%x:%x", high, low)};
}

class Builder {
  public:
    Attack build() && {
        for (const std::string address : kDenied4) {
            for (const auto& spelling : spellings(address)) add("spelling", http("http://" + spelling + "/"));
            for (const auto& embedded : embeddings(address)) literal("embedding", embedded);
            literal("literal", address);
            by_name(address);
            redirected("http://" + address + "/", {"301", "302", "303", "307", "308"});
            redirected("//" + address + "/", {"302"});
        }
        for (const std::string address : kDenied6) {
            literal("literal", address);
            by_name(address);
            redirected("http://[" + address + "]/", {"302", "307"});
        }
        return std::move(attack_);
    }

  private:
    void add(const char* kind, ProbeSpec spec) { attack_.vectors.push_back({kind, std::move(spec)}); }

    /// Named outright, to each kind of probe.
    void literal(const char* kind, const std::string& address) {
        const bool v6 = address.find(':') != std::string::npos;
        PingSpec ping;
        ping.target = address;
        ping.count = 1;
        ping.timeout_ms = 200;
        add(kind, ping);
        DnsSpec dns;
        dns.target = "www.example.test";
        dns.server = address;
        dns.timeout_ms = 200;
        add(kind, dns);
        add(kind, http("http://" + (v6 ? "[" + address + "]" : address) + "/"));
        HttpSpec instead = http("http://www.example.test/");
        instead.connect_to = address;
        add(kind, instead);
    }

    std::string name_of(HostileName name) {
        attack_.names.push_back(std::move(name));
        return "n" + std::to_string(attack_.names.size() - 1) + ".hostile.test";
    }

    /// P3: a name that leads there: at once, beside a public address, at the second question, behind another name.
    void by_name(const std::string& address) {
        add("answer", http("http://" + name_of({{{address}}}) + "/"));
        add("rebinding", http("http://" + name_of({{{kPublic4}, {address}}}) + "/"));
        add("rebinding", http("http://" + name_of({{{address}, {kPublic4}}}) + "/"));
        const auto behind = name_of({{{address}}});
        add("cname", http("http://" + name_of({{{"=" + behind}}}) + "/"));
        PingSpec ping;
        ping.target = name_of({{{address}}});
        ping.count = 1;
        ping.timeout_ms = 200;
        add("answer", ping);
        redirected("http://" + name_of({{{address}}}) + "/", {"302"});
    }

    /// P4: from a server that may be spoken to.
    void redirected(const std::string& to, std::initializer_list<const char*> codes) {
        attack_.locations.push_back(to);
        for (const std::string code : codes) {
            auto spec = http("http://" + std::string(kPublic4) + "/" + code + "/" +
                             std::to_string(attack_.locations.size() - 1));
            spec.redirects = 5;
            add("redirect", spec);
        }
    }

    Attack attack_;
};

}  // namespace

Attack make_attack() {
    return Builder().build();
}

}  // namespace edge::ssrf
