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
            const std::string below = pointer + "/" + described::pointer_token(key.str());
            object[std::string(key.str())] = to_json(value, below, positions);
            const auto at = key.source().begin;  // the key is what the eye looks for
            if (at.line != 0) positions[below] = {at.line, at.column};
        }
        return object;
    }
    if (const auto* array = node.as_array()) {
        Json list = Json::array();
        for (std::size_t i = 0; i < array->size(); ++i)
            list.push_back(to_json(*array->get(i), pointer + "/" + std::to_string(i), positions));
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

/// toml++ 3.3 bounds nested arrays and inline tables at 256, but not the parts of a dotted key: 100,000 of them
/// overflow the stack when the tree is destroyed. Dots in strings and comments do not count.
bool has_long_dotted_key(std::string_view text) {
    constexpr int kMost = 16;
    int dots = 0;
    char quote = 0;
    bool comment = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') {
            dots = 0;
            quote = 0;
            comment = false;
        } else if (comment) {
            continue;
        } else if (quote != 0) {
            if (c == '\\' && quote == '"') ++i;
            if (c == quote) quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '#') {
            comment = true;
        } else if (c == '.' && ++dots > kMost) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<TomlText> TomlText::parse(std::string_view text, std::string file) {
    TomlText toml;
    toml.file_ = std::move(file);
    if (text.size() > 1024 * 1024) return Error{Errc::too_large, toml.file_, "a configuration file is at most 1 MiB"};
    if (has_long_dotted_key(text)) return Error{Errc::too_large, toml.file_, "a dotted key of more than 16 parts"};
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        const auto begin = parsed.error().source().begin;
        return Error{Errc::bad_syntax,
                     toml.file_ + ":" + std::to_string(begin.line) + ":" + std::to_string(begin.column),
                     std::string(parsed.error().description())};
    }
    toml.values_ = to_json(parsed.table(), "", toml.positions_);
    return toml;
}

std::pair<unsigned, unsigned> TomlText::place(std::string_view pointer) const {
    std::string at(pointer == "/" && !positions_.contains("/") ? "" : pointer);
    while (!positions_.contains(at) && !at.empty()) at.resize(at.rfind('/'));
    const auto found = positions_.find(at);
    return found == positions_.end() ? std::pair{0u, 0u} : found->second;
}

std::string TomlText::position(std::string_view pointer) const {
    const auto [line, column] = place(pointer);
    if (line == 0) return file_;
    return file_ + ":" + std::to_string(line) + ":" + std::to_string(column);
}

bool TomlText::remove(const std::string& pointer) {
    const Json::json_pointer at(pointer);
    if (at.empty() || !values_.contains(at.parent_pointer())) return false;
    Json& holder = values_[at.parent_pointer()];
    if (holder.is_object()) return holder.erase(at.back()) > 0;
    // Taking an element out would move the others; the element's holder is one problem.
    return remove(at.parent_pointer().to_string());
}

std::string lines_of(const std::vector<Error>& problems) {
    std::string text;
    for (const auto& problem : problems) text += (text.empty() ? "" : "\n") + problem.message();
    return text;
}

}  // namespace edge
