#include "agent/link/identity.hpp"

#include <charconv>

#include "protocol/json/described.hpp"

namespace edge::agent {

Result<Identity> load_identity(Disk& state) {
    EDGE_TRY(auto text, state.read(kIdentityFile));
    EDGE_TRY(auto json, parse_json(text));
    auto identity = decode<Identity>(json, UnknownFields::reject);
    if (!identity) return Error{Errc::bad_value, kIdentityFile + identity.error().where, identity.error().detail};
    return identity;
}

Result<> save_identity(Disk& state, const Identity& identity) {
    return state.replace(kIdentityFile, encode(identity).dump(2) + "\n");
}

Result<Endpoint> endpoint_of(const Identity& identity) {
    EDGE_TRY(auto endpoint, parse_broker_url(identity.url));
    EDGE_TRY(auto pin, parse_pin(identity.pin));
    endpoint.pin = pin;
    if (identity.next_pin) {
        EDGE_TRY(endpoint.next_pin, parse_pin(*identity.next_pin));
    }
    return endpoint;
}

Result<bool> take_pins(Identity& identity, const link::Pins& told) {
    if (told.pin == identity.pin && told.next == identity.next_pin) return false;
    if (told.pin != identity.pin && told.pin != identity.next_pin)
        return Error{Errc::denied, "pins", "names " + told.pin + " as its key, which is none that was met here"};
    EDGE_TRY(parse_pin(told.pin));
    if (told.next) {
        EDGE_TRY(parse_pin(*told.next));
    }
    identity.pin = told.pin;
    identity.next_pin = told.next;
    return true;
}

Result<std::uint64_t> load_counter(Disk& state) {
    EDGE_TRY(state.sync_names());  // a process that was killed may not have come to it
    auto text = state.read(kCounterFile);
    if (!text && text.error().code == Errc::not_found) return std::uint64_t{0};
    if (!text) return text.error();
    const std::string_view line = line_in(text.value());
    std::uint64_t counter = 0;
    const auto [end, error] = std::from_chars(line.begin(), line.end(), counter);
    if (error != std::errc{} || end != line.end()) return Error{Errc::bad_syntax, kCounterFile, "not a number"};
    return counter;
}

Result<> save_counter(Disk& state, std::uint64_t counter) {
    return state.replace(kCounterFile, std::to_string(counter) + "\n");
}

Result<std::optional<GenerationId>> load_generation(Disk& state) {
    auto text = state.read(kGenerationFile);
    if (!text && text.error().code == Errc::not_found) return std::optional<GenerationId>();
    if (!text) return text.error();
    auto generation = GenerationId::parse(line_in(text.value()));
    // It is for a message only: what is damaged is written anew by the next session.
    return generation ? std::optional(generation.value()) : std::nullopt;
}

Result<> save_generation(Disk& state, const GenerationId& generation) {
    return state.replace(kGenerationFile, generation.text() + "\n");
}

Result<link::Uplink> load_uplink(Disk& state) {
    EDGE_TRY(auto text, state.read(kUplinkFile));
    EDGE_TRY(auto json, parse_json(text));
    return decode<link::Uplink>(json, UnknownFields::ignore);
}

Result<> save_uplink(Disk& state, const link::Uplink& uplink) {
    return state.replace(kUplinkFile, encode(uplink).dump(2) + "\n");
}

}  // namespace edge::agent
