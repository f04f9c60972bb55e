// A described struct as the text that dump_json(encode(value)) gives, without the tree between: what is only sent or
// stored needs none, and building one took four times as long as writing it down.
#pragma once
#include <charconv>
#include <string>
#include <string_view>

#include "protocol/json/described.hpp"

namespace edge {

namespace described {

template <class T>
void write_integer(std::string& out, T value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}

}  // namespace described

template <class T>
void write_json(std::string& out, const T& value);

/// Appends the members alone, each behind a comma but for the first of all.
template <described::Struct T>
void write_members(std::string& out, const T& value, bool is_first = true) {
    using namespace described;
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto d) {
        const auto& field = value.*d.pointer;
        if constexpr (is_optional<std::remove_cvref_t<decltype(field)>>) {
            if (!field) return;
        }
        out.append(is_first ? "\"" : ",\"").append(wire_name(d.name)).append("\":");
        is_first = false;
        write_json(out, field);
    });
}

/// Appends the text of dump_json(encode(value)).
template <class T>
void write_json(std::string& out, const T& value) {
    using namespace described;
    if constexpr (std::is_same_v<T, Json>) {
        out.append(dump_json(value));
    } else if constexpr (std::is_same_v<T, bool>) {
        out.append(value ? "true" : "false");
    } else if constexpr (std::is_integral_v<T>) {
        write_integer(out, value);
    } else if constexpr (std::is_floating_point_v<T>) {
        out.append(dump_json(Json(value)));
    } else if constexpr (std::is_same_v<T, std::string>) {
        write_string(out, value);
    } else if constexpr (is_optional<T>) {
        if (value)
            write_json(out, *value);
        else
            out.append("null");
    } else if constexpr (is_vector<T>) {
        out.push_back('[');
        for (std::size_t i = 0; i < value.size(); ++i) {
            if (i > 0) out.push_back(',');
            write_json(out, value[i]);
        }
        out.push_back(']');
    } else if constexpr (is_map<T>) {
        out.push_back('{');
        for (bool is_first = true; const auto& [key, item] : value) {
            if (!std::exchange(is_first, false)) out.push_back(',');
            write_string(out, key);
            out.push_back(':');
            write_json(out, item);
        }
        out.push_back('}');
    } else if constexpr (Enum<T>) {
        write_string(out, enum_text(value));
    } else if constexpr (Text<T>) {
        write_string(out, value.text());
    } else if constexpr (Struct<T>) {
        out.push_back('{');
        write_members(out, value);
        out.push_back('}');
    } else {
        static_assert(unsupported<T>, "describe this type, or give it parse() and text()");
    }
}

/// Bytes that the text of `value` has at most, without writing it: a byte of a string is six at most.
template <class T>
std::size_t most_json_bytes(const T& value) {
    using namespace described;
    if constexpr (std::is_same_v<T, std::string>) {
        return 6 * value.size() + 2;
    } else if constexpr (is_optional<T>) {
        return value ? most_json_bytes(*value) : 4;
    } else if constexpr (is_vector<T>) {
        std::size_t bytes = 2;
        for (const auto& item : value) bytes += most_json_bytes(item) + 1;
        return bytes;
    } else if constexpr (Struct<T>) {
        std::size_t bytes = 2;
        boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
            [&](auto d) { bytes += most_json_bytes(value.*d.pointer) + wire_name(d.name).size() + 4; });
        return bytes;
    } else if constexpr (std::is_arithmetic_v<T>) {
        return 32;  // of a double as well: 17 digits, sign, point and exponent
    } else if constexpr (Enum<T>) {
        return enum_text(value).size() + 2;
    } else if constexpr (Text<T>) {
        return 6 * std::string_view(value.text()).size() + 2;
    } else {
        static_assert(unsupported<T>, "what it takes at most is not known");
    }
}

template <class T>
std::string json_text(const T& value) {
    std::string text;
    write_json(text, value);
    return text;
}

}  // namespace edge
