#include "agent/launcher/lines/nft_ruleset.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "agent/launcher/lines/target_ranges.hpp"

namespace edge::launcher {
namespace {

const std::string kTable = " inet edge_launcher ";
constexpr std::array<const char*, 5> kCounters{"sent", "received", "strays", "denied", "throttled"};

/// `{ a, b }`, of whatever has text.
template <class All, class TextOf>
std::string set_of(const All& all, TextOf text_of) {
    std::string text;
    for (const auto& one : all) text += (text.empty() ? "{ " : ", ") + text_of(one);
    return text + " }";
}

/// A chain, emptied, and its rules.
class Chain {
  public:
    explicit Chain(std::string name) : name_(std::move(name)) {
        text_ = "add chain" + kTable + name_ + "\nflush chain" + kTable + name_ + "\n";
    }
    void rule(const std::string& what) { text_ += "add rule" + kTable + name_ + " " + what + "\n"; }
    std::string text() && { return std::move(text_); }

  private:
    std::string name_, text_;
};

std::string table() {
    std::string text = "add table inet edge_launcher\n";
    for (const std::string counter : kCounters)
        text += "add set" + kTable + counter + " { type uid; size 65535; flags dynamic; counter; }\n";
    for (const std::string counter : {"strays", "denied", "throttled"}) {
        Chain chain("to-" + counter);
        chain.rule("update @" + counter + " { meta skuid }" + (counter == "throttled" ? " drop" : ""));
        if (counter != "throttled") {
            chain.rule("meta l4proto tcp reject with tcp reset");  // connect(2) over IPv6 would not hear of ICMP
            chain.rule("reject with icmpx admin-prohibited");
        }
        text += std::move(chain).text();
    }
    return text;
}

std::string denied_set(const std::string& name, const TargetTable& targets, bool v6) {
    const auto ranges = denied_ranges(targets, v6);
    std::string text = "add set" + kTable + name + (v6 ? " { type ipv6_addr;" : " { type ipv4_addr;") +
                       " flags interval; }\nflush set" + kTable + name + "\n";
    if (ranges.empty()) return text;
    return text + "add element" + kTable + name + " " + set_of(ranges, [](const auto& range) { return range.text(); }) +
           "\n";
}

void rule_sources(Chain& chain, const Binding& binding, bool v6) {
    std::vector<IpAddress> sources;
    std::copy_if(binding.addresses.begin(), binding.addresses.end(), std::back_inserter(sources),
                 [v6](const IpAddress& address) { return address.v6 == v6; });
    if (sources.empty()) return chain.rule(std::string("meta nfproto ") + (v6 ? "ipv6" : "ipv4") + " goto to-strays");
    chain.rule(std::string(v6 ? "ip6" : "ip") + " saddr != " +
               set_of(sources, [](const IpAddress& address) { return address.text(); }) + " goto to-strays");
}

void rule_targets(Chain& chain, const std::string& line, const Binding& binding, const TargetTable& targets) {
    for (const auto& [target, udp] : targets.open)
        chain.rule(std::string(target.address.v6 ? "ip6" : "ip") + " daddr " + target.address.text() +
                   (udp ? " udp" : " tcp") + " dport " + std::to_string(target.port) + " goto pass-" + line);
    chain.rule("ip daddr @denied4-" + line + " goto to-denied");
    chain.rule("ip6 daddr @denied6-" + line + " goto to-denied");
    // ISATAP, of any prefix (RFC 5214 section 6.1): which address is inside would need a lookup of a part.
    chain.rule("ip6 daddr & ::fdff:ffff:0:0 == ::5efe:0:0 goto to-denied");
    if (!binding.ports.empty())
        chain.rule("meta l4proto { tcp, udp } th dport != " +
                   set_of(binding.ports, [](std::uint16_t port) { return std::to_string(port); }) + " goto to-denied");
    chain.rule("goto pass-" + line);
}

std::uint64_t number_behind(std::string_view text, std::string_view word) {
    const auto at = text.find(word);
    std::uint64_t number = 0;
    if (at != std::string_view::npos)
        std::from_chars(text.data() + at + word.size(), text.data() + text.size(), number);
    return number;
}

}  // namespace

std::string nft_removal() {
    return "add table inet edge_launcher\ndelete table inet edge_launcher\n";
}

std::string nft_line(const std::string& line, const Binding& binding, const TargetTable& targets) {
    const std::string uids =
        "meta skuid " + std::to_string(binding.uids.first) + "-" + std::to_string(binding.uids.last);
    Chain pass("pass-" + line);
    std::string limits;  // with names: a chain is made anew with each change of targets, and what it has spent stands
    const auto limit = [&](std::uint64_t rate, const std::string& unit) {
        if (rate == 0) return;
        const auto burst = std::min<std::uint64_t>(rate, 0xffffffff);  // a second's worth, in 32 bits
        const std::string name =
            unit + "-" + std::to_string(rate) + "-" + line;  // a limit that is there keeps its rate
        limits += "add limit" + kTable + name + " { rate over " + std::to_string(rate) +
                  (unit == "bytes" ? " bytes" : "") + "/second burst " + std::to_string(burst) + " " + unit + "; }\n";
        pass.rule("limit name " + name + " goto to-throttled");
    };
    limit(binding.budget.bytes_per_s, "bytes");
    limit(binding.budget.packets_per_s, "packets");
    pass.rule("meta mark set " + std::to_string(binding.mark) + " update @sent { meta skuid } accept");

    Chain held("held-" + line);
    held.rule("meta oif != " + std::to_string(binding.device) + " goto to-strays");
    for (const bool v6 : {false, true}) rule_sources(held, binding, v6);
    held.rule("meta l4proto != { tcp, udp, icmp, icmpv6 } goto to-denied");  // words of nft's, not of /etc/protocols
    held.rule("exthdr rt exists goto to-denied");  // the address it goes on to is not looked at
    rule_targets(held, line, binding, targets);

    const auto hook = [&](const std::string& chain, const std::string& where, const std::string& what) {
        return "add chain" + kTable + chain + " { type filter hook " + where +
               " priority filter; policy accept; }\nflush chain" + kTable + chain + "\nadd rule" + kTable + chain +
               " " + uids + " " + what + "\n";
    };
    return table() + denied_set("denied4-" + line, targets, false) + denied_set("denied6-" + line, targets, true) +
           limits + std::move(pass).text() + std::move(held).text() +
           hook("out-" + line, "output", "goto held-" + line) +
           hook("in-" + line, "input", "update @received { meta skuid }");
}

std::string nft_counters_removal(std::uint32_t uid) {
    std::string text;
    for (const std::string counter : kCounters)
        for (const std::string verb : {"add", "delete"})  // to delete what is not there is an error
            text += verb + " element" + kTable + counter + " { " + std::to_string(uid) + " }\n";
    return text;
}

std::string nft_listing() {
    return "list table inet edge_launcher\n";
}

Traffic traffic_in(std::string_view listing, std::uint32_t uid) {
    const auto figure = [&](const std::string& set, std::string_view unit) {
        const auto begin = listing.find("\tset " + set + " {");
        if (begin == std::string_view::npos) return std::uint64_t{0};
        const auto body = listing.substr(begin, listing.find("\n\t}", begin) - begin);
        const auto at = body.find(" " + std::to_string(uid) + " counter ");
        if (at == std::string_view::npos) return std::uint64_t{0};
        return number_behind(body.substr(at), unit);
    };
    return {.sent_bytes = figure("sent", " bytes "),
            .sent_packets = figure("sent", " packets "),
            .received_bytes = figure("received", " bytes "),
            .received_packets = figure("received", " packets "),
            .strays = figure("strays", " packets "),
            .denied = figure("denied", " packets "),
            .throttled = figure("throttled", " packets ")};
}

}  // namespace edge::launcher
