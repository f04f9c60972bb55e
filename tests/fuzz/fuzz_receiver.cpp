// A webhook's URL: what is taken has one spelling, ends no header, leads nowhere but to the host that it names, and an
// address that is nobody's business is refused however it was written.
#include "broker/webhooks/receiver_rule.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::broker::webhooks;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto url = parse_receiver(std::string(fuzz::text_of(data, size)));
    if (!url) {
        fuzz::demand(url.error().code == Errc::bad_value && url.error().where == "/url", "a refusal says of what");
        return 0;
    }
    const ReceiverUrl& it = url.value();
    const auto again = parse_receiver(it.text);
    fuzz::demand(again && again.value().text == it.text && again.value().host == it.host &&
                     again.value().port == it.port && again.value().is_https == it.is_https,
                 "a URL has one spelling");
    for (const unsigned char c : it.text) fuzz::demand(c > 0x20 && c < 0x7f, "a URL ends no line and no header");
    const std::string scheme = it.is_https ? "https://" : "http://";
    const auto address = IpAddress::parse(it.host);
    const std::string host = address && address.value().v6 ? "[" + it.host + "]" : it.host;
    fuzz::demand(it.port != 0 && it.text.starts_with(scheme + host), "it leads to its host");
    const char after = it.text[scheme.size() + host.size()];
    fuzz::demand(after == '/' || after == ':', "its host ends where it seems to");
    fuzz::demand(
        it.text.substr(scheme.size(), it.text.find('/', scheme.size()) - scheme.size()).find('@') == std::string::npos,
        "there is no user in it");
    // Not even a number that some parser reads as an address passes as a name.
    const std::string last = it.host.substr(it.host.rfind('.') + 1);
    fuzz::demand(address || (last.front() >= 'a' && last.front() <= 'z' && !last.starts_with("0x")),
                 "a name does not look like a number");
    const ReceiverRule rule{.allow_http = true, .ports = {}, .allow = {}, .allow_hosts = {}};
    if (address) {
        fuzz::demand(rule.refusal(it) == rule.refusal(it, address.value()), "an address is vetted in the URL as well");
        const auto& bytes = address.value().bytes;
        const bool is_own = !address.value().v6 && (bytes[0] == 127 || bytes[0] == 10 || bytes[0] == 0);
        fuzz::demand(!is_own || rule.refusal(it).has_value(), "loopback and private addresses are refused");
    }
    const ReceiverRule strict;
    fuzz::demand(strict.refusal(it).has_value() || (it.is_https && it.port == 443), "https on 443, by default");
    return 0;
}
