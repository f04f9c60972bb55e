// What the broker gave out and gets back from anybody: API tokens, join tokens, cursors.
#include "agent/link/endpoint.hpp"
#include "broker/domain/token_text.hpp"
#include "broker/store/cursor.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (const auto token = broker::parse_api_token(text)) {
        fuzz::demand(text.substr(6, 51) == token->lookup + token->secret, "a token is its id and its secret");
        std::string other(text);
        other[20] = other[20] == 'a' ? 'b' : 'a';
        fuzz::demand(!broker::parse_api_token(other), "a typing error is seen");
    }
    if (const auto token = broker::parse_join_token(text))
        fuzz::demand(text.starts_with("edgej_" + to_base32(token->id.bytes) + "." + token->secret + "."),
                     "a join token is its id and its secret");
    if (const auto key = broker::parse_cursor('j', text, -1)) {
        fuzz::demand(text.empty() ? key.value() == -1 : key.value() >= 0, "a cursor is a key, or the beginning");
        if (!text.empty()) fuzz::demand(broker::make_cursor('j', key.value()) == text, "one key, one cursor");
        fuzz::demand(text.empty() || !broker::parse_cursor('r', text, -1), "a cursor is of one list");
    }
    if (const auto place = broker::parse_place('d', text, {}); place && !text.empty())
        fuzz::demand(broker::make_cursor('d', place.value()) == text, "one place, one cursor");
    // What we make is taken by those it is made for.
    if (size < 48) return 0;
    const std::span<const std::uint8_t> bytes(data, size);
    const auto secret = bytes.first<32>();
    const auto api_token = broker::make_api_token(bytes.subspan<32, 5>(), secret);
    fuzz::demand(broker::parse_api_token(api_token).has_value(), "an API token comes back");
    TokenId id;
    std::copy_n(data + 32, 16, id.bytes.begin());
    const auto join_token = broker::make_join_token(id, secret, broker::to_base64url(secret));
    const auto back = broker::parse_join_token(join_token);
    fuzz::demand(back && back->id == id && back->secret == broker::to_base64url(secret), "a join token comes back");
    const auto at_agent = agent::parse_join_token(join_token);
    fuzz::demand(at_agent && std::equal(secret.begin(), secret.end(), at_agent.value().pin.begin()),
                 "the agent finds the pin in it");
    return 0;
}
