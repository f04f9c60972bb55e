// TOML files into described structs, by the same strict decoder as JSON; every problem with its line and column.
#pragma once
#include <optional>
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
    bool stands(std::string_view pointer) const { return positions_.contains(std::string(pointer)); }
    /// What the decoder said of the value at a pointer, in TOML's words and with the key's name.
    std::string in_words(const std::string& pointer, const std::string& said) const;
    /// Takes the value at a pointer away, or the array that it is an element of; the pointer of what went, or none.
    std::optional<std::string> remove(const std::string& pointer);

  private:
    std::string kind_at(const std::string& pointer) const;

    std::string file_;
    Json values_;
    std::map<std::string, std::pair<unsigned, unsigned>> positions_;
};

/// Reads one file and says all that is wrong with it: what does not decode and what the types alone do not say, each
/// problem an Error with `where` as FILE:LINE:COLUMN. They join `problems` when this is destroyed, in the file's order.
class TomlChecker {
  public:
    TomlChecker(std::string_view text, const std::string& file, std::vector<Error>& problems);
    ~TomlChecker();
    TomlChecker(const TomlChecker&) = delete;
    TomlChecker& operator=(const TomlChecker&) = delete;

    /// The struct that the file describes, with defaults where something did not decode; after twenty such problems,
    /// or where it is no TOML, none. T says `fields_have_defaults`, and so do the structs in it.
    template <class T>
    std::optional<T> read() {
        constexpr std::size_t kEnough = 20;
        while (text_ && found_.size() < kEnough) {
            auto decoded = decode<T>(text_->values(), UnknownFields::reject);
            if (decoded) return std::move(decoded.value());
            const std::string pointer = decoded.error().where;
            add(pointer, {decoded.error().code, {}, text_->in_words(pointer, decoded.error().detail)});
            if (!leave_out(pointer)) break;
        }
        return std::nullopt;
    }
    /// Adds a problem with the value at `pointer` unless it holds. `KEY must …` is also what a key is told that is
    /// missing or did not decode; anything else is not said of a value that did not.
    void need(bool holds, std::string_view pointer, const std::string& what);
    /// The same of a number, with bounds that are said of one that did not decode, too.
    void range(std::uint64_t value, std::uint64_t least, std::uint64_t most, std::string_view pointer);
    /// Did the value at `pointer`, or one that holds it, not decode?
    bool is_left_out(std::string_view pointer) const;

  private:
    struct Found {
        std::pair<unsigned, unsigned> place;
        std::string pointer;
        Error error;
    };
    void add(std::string_view pointer, Error error);
    bool leave_out(const std::string& pointer);

    std::optional<TomlText> text_;
    std::vector<Error>& problems_;
    std::vector<Found> found_;
    std::vector<std::string> left_out_;  // pointers
};

/// The struct a file describes, or all that is wrong with it and that `check` finds in what could be read.
template <class T>
boost::outcome_v2::basic_result<T, std::vector<Error>, boost::outcome_v2::policy::terminate> decode_toml(
    std::string_view text, const std::string& file, void (*check)(const T&, TomlChecker&) = nullptr) {
    std::vector<Error> problems;
    std::optional<T> read;
    {
        TomlChecker checker(text, file, problems);
        read = checker.read<T>();
        if (read && check != nullptr) check(*read, checker);
    }
    if (!problems.empty()) return problems;
    return std::move(*read);
}

/// The problems, a line each.
std::string lines_of(const std::vector<Error>& problems);

}  // namespace edge
