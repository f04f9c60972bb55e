#include "schema_check.hpp"

#include <regex>
#include <set>

namespace edge::broker::test {
namespace {

const std::set<std::string> kAnnotations = {"description", "default", "format"};

bool has_type(const std::string& type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "integer") return value.is_number_integer();
    return type == "number" && value.is_number();
}

std::string object_error(const Json& document, const Json& schema, const Json& value, const std::string& where) {
    if (schema.contains("required")) {
        for (const auto& name : schema["required"]) {
            if (!value.contains(name.get<std::string>())) return where + " lacks " + name.get<std::string>();
        }
    }
    const Json none = Json::object();
    const Json& properties = schema.contains("properties") ? schema["properties"] : none;
    for (const auto& [name, member] : value.items()) {
        const std::string below = where + "/" + name;
        if (properties.contains(name)) {
            if (auto error = schema_error(document, properties[name], member, below); !error.empty()) return error;
        } else if (schema.contains("additionalProperties")) {
            const Json& rest = schema["additionalProperties"];
            if (rest.is_boolean() && !rest.get<bool>()) return below + " is not described";
            if (rest.is_object()) {
                if (auto error = schema_error(document, rest, member, below); !error.empty()) return error;
            }
        }
    }
    return {};
}

}  // namespace

std::string schema_error(const Json& document, const Json& schema, const Json& value, const std::string& where) {
    if (schema.contains("$ref")) {
        const std::string pointer = schema["$ref"].get<std::string>().substr(1);
        if (!document.contains(Json::json_pointer(pointer))) return where + ": no " + pointer;
        return schema_error(document, document[Json::json_pointer(pointer)], value, where);
    }
    for (const auto& [keyword, given] : schema.items()) {
        if (kAnnotations.contains(keyword) || keyword == "required" || keyword == "properties" ||
            keyword == "additionalProperties")
            continue;
        if (keyword == "type") {
            const Json types = given.is_array() ? given : Json::array({given});
            bool fits = false;
            for (const auto& one : types) fits = fits || has_type(one, value);
            if (!fits) return where + " is not " + given.dump();
        } else if (keyword == "enum") {
            bool found = false;
            for (const auto& one : given) found = found || one == value;
            if (!found) return where + " is none of " + given.dump();
        } else if (keyword == "items") {
            for (std::size_t i = 0; i < value.size(); ++i) {
                if (auto error = schema_error(document, given, value[i], where + "/" + std::to_string(i));
                    !error.empty())
                    return error;
            }
        } else if (keyword == "minItems") {
            if (value.size() < given.get<std::size_t>()) return where + " has too few";
        } else if (keyword == "maxItems") {
            if (value.size() > given.get<std::size_t>()) return where + " has too many";
        } else if (keyword == "anyOf") {
            bool fits = false;
            for (const auto& one : given) fits = fits || schema_error(document, one, value, where).empty();
            if (!fits) return where + " fits none of anyOf";
        } else if (keyword == "minimum") {
            if (value < given) return where + " is below " + given.dump();
        } else if (keyword == "maximum") {
            if (value > given) return where + " is above " + given.dump();
        } else if (keyword == "pattern") {
            if (!std::regex_search(value.get<std::string>(), std::regex(given.get<std::string>())))
                return where + " is not " + given.get<std::string>();
        } else if (keyword == "minLength") {
            if (value.get<std::string>().size() < given.get<std::size_t>()) return where + " is too short";
        } else if (keyword == "maxLength") {
            if (value.get<std::string>().size() > given.get<std::size_t>()) return where + " is too long";
        } else {
            return where + ": this check does not know " + keyword;
        }
    }
    return value.is_object() ? object_error(document, schema, value, where) : std::string();
}

std::string schema_error(const Json& document, const std::string& name, const Json& value) {
    return schema_error(document, Json{{"$ref", "#/components/schemas/" + name}}, value);
}

}  // namespace edge::broker::test
