#include "protocol/config/toml.hpp"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <sstream>

namespace edge {
namespace {

using Positions = std::map<std::string, std::pair<unsigned, unsigned>>;

Json to_json(const toml::node& node, const std::string& pointer, Positions& positions) {
    const auto begin = node.source().begin;
    positions[pointer] = {begin.line, begin.column};
    if (const auto* table = node.as_table()) {
        Json object = Json::object();
        for (const auto& [key, value] : *table) {
            const std::string below = pointer + "/" + std::string(key.str());
            object[std::string(key.str())] = to_json(value, below, positions);
            const auto at = key.source().begin;  // the key is what the eye looks for
            if (at.line != 0) positions[below] = {at.line, at.column};
        }
        return object;
    }
    if (const auto* array = node.as_array()) {
        Json list = Json::array();
        for (std::size_t i = 0; i < array->size(); ++i) list.push_back(to_json(*array->get(i), pointer + "/" + std::to_string(i), positions));
        return list;
    }
    if (const auto* text = node.as_string()) return Json(text->get());
    if (const auto* integer = node.as_integer()) return Json(integer->get());
    if (const auto* number = node.as_floating_point()) return Json(number->get());
    if (const auto* flag = node.as_boolean()) return Json(flag->get());
    std::ostringstream other;  // dates and times: no setting of ours is one, so the decoder names what it expected
    node.visit([&](const auto& value) {
        if constexpr (toml::is_value<decltype(value)>) other << value;
    });
    return Json(Json::array({other.str()}));
}

}  // namespace

Result<TomlText> TomlText::parse(std::string_view text, std::string file) {
    TomlText toml;
    toml.file_ = std::move(file);
    if (text.size() > 1024 * 1024) return Error{Errc::too_large, toml.file_, "a configuration file is at most 1 MiB"};
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        const auto begin = parsed.error().source().begin;
        return Error{Errc::bad_syntax, toml.file_ + ":" + std::to_string(begin.line) + ":" + std::to_string(begin.column),
                     std::string(parsed.error().description())};
    }
    toml.values_ = to_json(parsed.table(), "", toml.positions_);
    return toml;
}

std::string TomlText::position(std::string_view pointer) const {
    std::string at(pointer == "/" ? "" : pointer);
    while (!positions_.contains(at) && !at.empty()) at.resize(at.rfind('/'));
    const auto found = positions_.find(at);
    if (found == positions_.end() || found->second.first == 0) return file_;
    return file_ + ":" + std::to_string(found->second.first) + ":" + std::to_string(found->second.second);
}

bool TomlText::remove(const std::string& pointer) {
    const auto slash = pointer.rfind('/');
    if (slash == std::string::npos || pointer.size() < 2) return false;
    const Json::json_pointer parent(pointer.substr(0, slash));
    const std::string key = pointer.substr(slash + 1);
    if (!values_.contains(parent)) return false;
    Json& holder = values_[parent];
    if (holder.is_object()) return holder.erase(key) > 0;
    // Taking an element out would move the others; the element's holder is one problem.
    return remove(pointer.substr(0, slash));
}

std::string lines_of(const std::vector<Error>& problems) {
    std::string text;
    for (const auto& problem : problems) text += (text.empty() ? "" : "\n") + problem.message();
    return text;
}

}  // namespace edge
