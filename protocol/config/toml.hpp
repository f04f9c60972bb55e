// TOML files into described structs, by the same strict decoder as JSON; every problem with its line and column.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json/described.hpp"

namespace edge {

/// A parsed file: the values, and where each stood.
class TomlText {
  public:
    /// `file` is only used in messages. Errors: bad_syntax with `where` as FILE:LINE:COLUMN.
    static Result<TomlText> parse(std::string_view text, std::string file);

    const Json& values() const { return values_; }
    /// Line and column of a JSON pointer, or of the closest parent that stands in the file; zeros for none.
    std::pair<unsigned, unsigned> place(std::string_view pointer) const;
    /// The same as FILE:LINE:COLUMN.
    std::string position(std::string_view pointer) const;
    /// Takes the value at a pointer away. False if there is none.
    bool remove(const std::string& pointer);

  private:
    std::string file_;
    Json values_;
    std::map<std::string, std::pair<unsigned, unsigned>> positions_;
};

/// The struct a file describes, or all that is wrong with it, each problem an Error with `where` as FILE:LINE:COLUMN,
/// in the order of the file; after twenty the rest is left for the next try.
/// T says `fields_have_defaults`, and so do the structs in it.
template <class T>
boost::outcome_v2::basic_result<T, std::vector<Error>, boost::outcome_v2::policy::terminate> decode_toml(
    std::string_view text, const std::string& file) {
    auto parsed = TomlText::parse(text, file);
    if (!parsed) return std::vector<Error>{parsed.error()};
    TomlText& toml = parsed.value();
    using Place = std::pair<unsigned, unsigned>;
    std::vector<std::pair<Place, Error>> found;
    constexpr std::size_t kEnough = 20;
    while (found.size() < kEnough) {
        auto decoded = decode<T>(toml.values(), UnknownFields::reject);
        if (decoded && found.empty()) return std::move(decoded.value());
        if (decoded) break;
        const std::string pointer = decoded.error().where;
        found.emplace_back(toml.place(pointer), decoded.error());
        found.back().second.where = toml.position(pointer);
        if (!toml.remove(pointer)) break;
    }
    std::ranges::stable_sort(found, {}, &std::pair<Place, Error>::first);
    std::vector<Error> problems;
    for (auto& [place, error] : found) problems.push_back(std::move(error));
    return problems;
}

/// Adds what is wrong with the values of a file to its problems, each with the place where the value stands.
class TomlChecker {
  public:
    /// `text` was decoded before, so it parses.
    TomlChecker(std::string_view text, const std::string& file, std::vector<Error>& problems)
        : text_(TomlText::parse(text, file).value()), problems_(problems) {}

    void need(bool holds, std::string_view pointer, std::string what) {
        if (!holds) problems_.push_back(Error{Errc::bad_value, text_.position(pointer), std::move(what)});
    }

  private:
    TomlText text_;
    std::vector<Error>& problems_;
};

/// The problems, a line each.
std::string lines_of(const std::vector<Error>& problems);

}  // namespace edge
