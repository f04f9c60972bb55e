// JSON to and from structs that are described with BOOST_DESCRIBE_STRUCT: the description is the only declaration.
// Strict: a missing field that has no default, a wrong type or a number that does not fit is an error with its JSON
// pointer (`/probes/0/count: 300 is out of range`). Fields of type std::optional may be missing; so may every field of
// a struct that says `static constexpr bool fields_have_defaults = true`, names apart.
#pragma once
#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/json/bounded.hpp"
#include "protocol/nearest.hpp"

namespace edge {

/// What to do with a field nobody described: an error in configuration and REST, ignored on the link so that a newer
/// peer can be understood.
enum class UnknownFields { reject, ignore };

namespace described {

template <class T>
concept Struct = boost::describe::has_describe_members<T>::value && !std::is_enum_v<T>;
template <class T>
concept Enum = boost::describe::has_describe_enumerators<T>::value;
/// A type with its own text form: `static Result<T> parse(string_view)` and `text()`.
template <class T>
concept Text = requires(const T& value, std::string_view view) {
    { T::parse(view) } -> std::same_as<Result<T>>;
    { value.text() } -> std::convertible_to<std::string>;
};
/// A struct whose fields may all be missing; the member initialisers are the defaults.
template <class T>
concept Defaulted = Struct<T> && requires {
    requires T::fields_have_defaults;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<std::map<std::string, T>> = true;
template <class>
inline constexpr bool unsupported = false;

/// A key as a part of a JSON pointer. Source: RFC 6901 section 3.
inline std::string pointer_token(std::string_view key) {
    std::string token;
    for (const char c : key) {
        if (c == '~' || c == '/') {
            token += c == '~' ? "~0" : "~1";
        } else {
            token += c;
        }
    }
    return token;
}

/// A JSON pointer to what is being decoded, a part each level of the call; only an error writes it out, since to make
/// a text of it for every field took as long as all else of decoding. Empty: the whole document.
class Pointer {
  public:
    Pointer() = default;
    Pointer(const Pointer& above, std::string_view key) : above_(&above), key_(key) {}
    Pointer(const Pointer& above, std::size_t index) : above_(&above), index_(index) {}

    std::string text() const {
        if (!above_) return {};
        return above_->text() + "/" + (index_ ? std::to_string(*index_) : pointer_token(key_));
    }

  private:
    const Pointer* above_ = nullptr;
    std::string_view key_;
    std::optional<std::size_t> index_;
};

inline Error wrong(const Pointer& where, std::string detail) {
    std::string pointer = where.text();
    return Error{Errc::bad_value, pointer.empty() ? "/" : std::move(pointer), std::move(detail)};
}

/// A key somebody else chose, short enough to be quoted in a message.
inline std::string quote_key(std::string_view key) {
    constexpr std::size_t kMost = 64;
    return '"' + std::string(key.substr(0, kMost)) + (key.size() > kMost ? "…\"" : "\"");
}

/// The enumerator's name on the wire: a trailing underscore, there for C++ keywords, is dropped (`default_`).
constexpr std::string_view wire_name(std::string_view name) {
    return name.ends_with('_') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace described

template <described::Enum E>
std::string_view enum_text(E value) {
    std::string_view text;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
        if (d.value == value) text = described::wire_name(d.name);
    });
    return text;
}

template <described::Enum E>
std::optional<E> enum_value(std::string_view text) {
    std::optional<E> value;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
        if (described::wire_name(d.name) == text) value = d.value;
    });
    return value;
}

namespace described {

/// `J` is Json or const Json; of one that may be changed, texts and trees are taken rather than copied.
template <class T, class J>
Result<> decode_part(T& out, J& json, const Pointer& where, UnknownFields unknown);

template <class T>
Result<> decode_number(T& out, const Json& json, const Pointer& where) {
    if constexpr (std::is_floating_point_v<T>) {
        if (!json.is_number()) return wrong(where, "expected a number");
        out = json.get<T>();
        return ok();
    } else {
        if (!json.is_number_integer()) return wrong(where, "expected an integer");
        const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<std::uint64_t>())
                                                    : std::in_range<T>(json.get<std::int64_t>());
        if (!fits) return wrong(where, json.dump() + " is out of range");
        out = json.get<T>();
        return ok();
    }
}

template <Enum E>
Result<> decode_enum(E& out, const Json& json, const Pointer& where) {
    if (json.is_string()) {
        if (const auto value = enum_value<E>(json.get_ref<const std::string&>())) {
            out = *value;
            return ok();
        }
    }
    std::string allowed;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
        [&](auto d) { allowed += (allowed.empty() ? "" : ", ") + std::string(wire_name(d.name)); });
    return wrong(where, "expected one of " + allowed);
}

template <Struct T>
std::vector<std::string> member_names() {
    std::vector<std::string> names;
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
        [&](auto d) { names.emplace_back(wire_name(d.name)); });
    return names;
}

template <Struct T>
Result<> reject_unknown(const Json& json, const Pointer& where) {
    for (const auto& item : json.items()) {
        bool known = false;
        boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
            [&](auto d) { known = known || item.key() == wire_name(d.name); });
        if (!known) {
            return wrong(Pointer(where, item.key()),
                         "unknown key " + quote_key(item.key()) + did_you_mean(item.key(), member_names<T>()));
        }
    }
    return ok();
}

/// May the field be missing from a T? A name whose initialiser is no name may not: what is taken can be said again.
template <Struct T, class Field>
bool has_default(const Field& field) {
    if constexpr (is_optional<Field>) {
        return true;
    } else if constexpr (Defaulted<T> && Text<Field>) {
        return bool(Field::parse(field.text()));
    } else {
        return Defaulted<T>;
    }
}

template <Struct T, class J>
Result<> decode_struct(T& out, J& json, const Pointer& where, UnknownFields unknown) {
    if (!json.is_object()) return wrong(where, "expected an object");
    if (unknown == UnknownFields::reject) {
        EDGE_TRY(reject_unknown<T>(json, where));
    }
    Result<> result = ok();
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto d) {
        if (!result) return;
        auto& field = out.*d.pointer;
        using Field = std::remove_reference_t<decltype(field)>;
        const std::string_view key = wire_name(d.name);
        const auto at = json.find(key);
        if (at == json.end() || (at->is_null() && is_optional<Field>)) {
            if (!has_default<T>(field)) result = wrong(Pointer(where, key), "missing");
            return;
        }
        result = decode_part(field, *at, Pointer(where, key), unknown);
    });
    return result;
}

template <class T, class J>
Result<> decode_part(T& out, J& json, const Pointer& where, UnknownFields unknown) {
    if constexpr (std::is_same_v<T, Json>) {
        out = std::move(json);  // copies a const one
        return ok();
    } else if constexpr (std::is_same_v<T, bool>) {
        if (!json.is_boolean()) return wrong(where, "expected true or false");
        out = json.template get<bool>();
        return ok();
    } else if constexpr (std::is_arithmetic_v<T>) {
        return decode_number(out, json, where);
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (!json.is_string()) return wrong(where, "expected a string");
        using Taken = std::conditional_t<std::is_const_v<J>, const std::string&, std::string&>;
        out = std::move(json.template get_ref<Taken>());
        return ok();
    } else if constexpr (is_optional<T>) {
        return decode_part(out.emplace(), json, where, unknown);
    } else if constexpr (is_vector<T>) {
        if (!json.is_array()) return wrong(where, "expected an array");
        out.clear();
        for (std::size_t i = 0; i < json.size(); ++i) {
            EDGE_TRY(decode_part(out.emplace_back(), json[i], Pointer(where, i), unknown));
        }
        return ok();
    } else if constexpr (is_map<T>) {
        if (!json.is_object()) return wrong(where, "expected an object");
        out.clear();
        for (auto&& item : json.items()) {
            EDGE_TRY(decode_part(out[item.key()], item.value(), Pointer(where, item.key()), unknown));
        }
        return ok();
    } else if constexpr (Enum<T>) {
        return decode_enum(out, json, where);
    } else if constexpr (Text<T>) {
        if (!json.is_string()) return wrong(where, "expected a string");
        auto parsed = T::parse(json.template get_ref<const std::string&>());
        if (!parsed) return wrong(where, parsed.error().detail);
        out = std::move(parsed.value());
        return ok();
    } else if constexpr (Struct<T>) {
        return decode_struct(out, json, where, unknown);
    } else {
        static_assert(unsupported<T>, "describe this type, or give it parse() and text()");
    }
}

}  // namespace described

/// What `json` has; other members of `out` stay as they are. Errors: as decode().
template <class T>
Result<> decode_into(T& out, const Json& json, UnknownFields unknown) {
    return described::decode_part(out, json, described::Pointer(), unknown);
}

/// The struct that `json` holds. Errors: Errc::bad_value with `where` a JSON pointer.
template <class T>
Result<T> decode(const Json& json, UnknownFields unknown) {
    T out{};
    EDGE_TRY(described::decode_part(out, json, described::Pointer(), unknown));
    return out;
}

/// The same of a tree that is not needed any more.
template <class T>
Result<T> decode(Json&& json, UnknownFields unknown) {
    T out{};
    EDGE_TRY(described::decode_part(out, json, described::Pointer(), unknown));
    return out;
}

/// Members in the order of their description; empty optionals are left out.
template <class T>
Json encode(const T& value) {
    using namespace described;
    if constexpr (std::is_same_v<T, Json>) {
        return value;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
        return Json(value);
    } else if constexpr (is_optional<T>) {
        return value ? encode(*value) : Json(nullptr);
    } else if constexpr (is_vector<T>) {
        Json array = Json::array();
        for (const auto& item : value) array.push_back(encode(item));
        return array;
    } else if constexpr (is_map<T>) {
        Json object = Json::object();
        for (const auto& [key, item] : value) object.emplace(key, encode(item));
        return object;
    } else if constexpr (Enum<T>) {
        return Json(std::string(enum_text(value)));
    } else if constexpr (Text<T>) {
        return Json(std::string(value.text()));
    } else if constexpr (Struct<T>) {
        Json object = Json::object();
        boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto d) {
            const auto& field = value.*d.pointer;
            if constexpr (is_optional<std::remove_cvref_t<decltype(field)>>) {
                if (!field) return;
            }
            object.emplace(std::string(wire_name(d.name)), encode(field));
        });
        return object;
    } else {
        static_assert(unsupported<T>, "describe this type, or give it parse() and text()");
    }
}

}  // namespace edge
