// Columns that hold JSON, and columns that hold an enumerator's name.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json/text.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::broker {

using Labels = std::map<std::string, std::string>;

template <class T>
std::string to_column(const T& value) {
    return json_text(value);
}

/// What we wrote ourselves; fields that an older version did not know get their defaults. Errors: io (damaged row).
template <class T>
Result<T> from_column(std::string_view text) {
    auto json = parse_json(text, JsonLimits{.bytes = 4 << 20, .values = 1 << 20});
    if (!json) return Error{Errc::io, {}, "a stored column is damaged: " + json.error().message()};
    if constexpr (described::Struct<T>) {
        Json whole = encode(T{});
        whole.update(json.value());
        json = std::move(whole);
    }
    auto value = decode<T>(json.value(), UnknownFields::ignore);
    if (!value) return Error{Errc::io, {}, "a stored column is damaged: " + value.error().message()};
    return value;
}

template <class E>
Result<E> enum_column(std::string_view text) {
    if (const auto value = enum_value<E>(text)) return *value;
    return Error{Errc::io, {}, "a stored state is unknown: " + std::string(text)};
}

}  // namespace edge::broker
