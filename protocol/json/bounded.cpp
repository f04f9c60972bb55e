#include "protocol/json/bounded.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>
#include <utility>
#include <vector>

namespace edge {
namespace {

/// The keys of one object so far. Few are compared one by one, which is faster than hashing them.
class Keys {
  public:
    bool add(const std::string& key) {
        if (std::find(few_.begin(), few_.end(), key) != few_.end()) return false;
        if (few_.size() < kFew)
            few_.push_back(key);
        else if (!more_.insert(key).second)
            return false;
        return true;
    }
    std::size_t size() const { return few_.size() + more_.size(); }

  private:
    static constexpr std::size_t kFew = 24;
    std::vector<std::string> few_;
    std::unordered_set<std::string> more_;
};

/// What a walk makes of a text it only looks at: nothing.
class NoTree {
  public:
    template <class Value>
    void put(Value&&) {}
    template <class Container>
    void open(Container&&) {}
    void close() {}
    void key(const std::string&) {}
};

/// The tree, made while the text is walked through: never deeper than the limits, and of keys known to be different.
class Tree {
  public:
    template <class Value>
    void put(Value&& value) {
        add(Json(std::forward<Value>(value)));
    }
    /// The addresses of what is open stay: nothing is added above it until it is closed.
    void open(Json empty) { open_.push_back(&add(std::move(empty))); }
    void close() { open_.pop_back(); }
    void key(std::string& text) { key_ = std::move(text); }
    Json take() { return std::move(root_); }

  private:
    Json& add(Json value) {
        if (open_.empty()) return root_ = std::move(value);
        Json& into = *open_.back();
        if (into.is_array()) return into.emplace_back(std::move(value));
        // Past ordered_map, which looks each key up before it adds it.
        std::vector<std::pair<const std::string, Json>>& members = into.get_ref<Json::object_t&>();
        return members.emplace_back(std::move(key_), std::move(value)).second;
    }

    Json root_;
    std::vector<Json*> open_;
    std::string key_;
};

/// nlohmann's SAX interface; each callback answers whether to go on.
template <class Makes>
class Walk {
  public:
    explicit Walk(const JsonLimits& limits) : limits_(limits) {}

    bool null() { return value(nullptr); }
    bool boolean(bool is) { return value(is); }
    bool number_integer(std::int64_t number) {
        return number >= -kLargestInteger ? value(number) : fail(Errc::bad_value, "an integer below -2^53");
    }
    bool number_unsigned(std::uint64_t number) {
        return number <= static_cast<std::uint64_t>(kLargestInteger) ? value(number)
                                                                     : fail(Errc::bad_value, "an integer above 2^53");
    }
    bool number_float(double number, const std::string& text) {
        // nlohmann reads an integer that fits no 64 bits as a double.
        if (text.find_first_of(".eE") == std::string::npos) return fail(Errc::bad_value, "an integer beyond 2^53");
        return std::isfinite(number) ? value(number) : fail(Errc::bad_value, "a number that is not finite");
    }
    bool string(std::string& text) { return value(std::move(text)); }
    bool binary(std::vector<std::uint8_t>&) { return fail(Errc::bad_syntax, "binary data"); }
    bool start_object(std::size_t) { return open(Json::object()); }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_array() { return close(); }
    bool key(std::string& text) {
        auto& seen = seen_.back();
        if (!seen.add(text)) return fail(Errc::bad_value, "a key stands twice in one object");
        if (seen.size() > limits_.object_keys)
            return fail(Errc::too_large, "an object of more than " + std::to_string(limits_.object_keys) + " keys");
        made_.key(text);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) {
        // Out-of-range numbers arrive here too (406).
        return fail(e.id == 406 ? Errc::bad_value : Errc::bad_syntax, "not JSON at byte " + std::to_string(position));
    }
    Error take_error() { return std::move(error_); }
    Makes& made() { return made_; }

  private:
    bool fail(Errc code, std::string detail) {
        error_ = Error{code, {}, std::move(detail)};
        return false;
    }
    bool count() {
        return ++values_ <= limits_.values ||
               fail(Errc::too_large, "more than " + std::to_string(limits_.values) + " values");
    }
    template <class Value>
    bool value(Value&& one) {
        if (!count()) return false;
        made_.put(std::forward<Value>(one));
        return true;
    }
    bool open(Json empty) {
        if (seen_.size() >= limits_.depth)
            return fail(Errc::too_large, "nested deeper than " + std::to_string(limits_.depth));
        seen_.emplace_back();
        if (!count()) return false;
        made_.open(std::move(empty));
        return true;
    }
    bool close() {
        seen_.pop_back();
        made_.close();
        return true;
    }

    const JsonLimits& limits_;
    std::size_t values_ = 0;
    std::vector<Keys> seen_;  // of each open object or array
    Makes made_;
    Error error_{Errc::bad_syntax, {}, "not JSON"};
};

template <class Makes>
Result<> walk(std::string_view text, const JsonLimits& limits, Walk<Makes>& through) {
    if (text.size() > limits.bytes) {
        return Error{Errc::too_large, {}, "more than " + std::to_string(limits.bytes) + " bytes"};
    }
    if (text.find('\0') != std::string_view::npos) return Error{Errc::bad_syntax, {}, "a NUL byte"};
    // Details go into the API's answers as they came; a mark in the middle of those would be no JSON.
    if (text.starts_with("\xef\xbb\xbf")) return Error{Errc::bad_syntax, {}, "a byte order mark"};
    if (!Json::sax_parse(text, &through)) return through.take_error();
    return ok();
}

}  // namespace

Result<> check_json(std::string_view text, const JsonLimits& limits) {
    Walk<NoTree> through(limits);
    return walk(text, limits, through);
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    Walk<Tree> through(limits);
    EDGE_TRY(walk(text, limits, through));
    return through.made().take();
}

JsonText::JsonText(const Json& tree) : text(dump_json(tree)) {}

Json JsonText::tree() const {
    auto json = parse_json(text, JsonLimits{.bytes = text.size()});
    return json && json.value().is_object() ? std::move(json.value()) : Json::object();
}

std::string dump_json(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_string(std::string& out, std::string_view text) {
    // Of the printable ones of ASCII: a byte of more is below a space where it is signed, which char need not be.
    const auto stands_for_itself = [](char c) { return static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), stands_for_itself))
        out.append(1, '"').append(text).append(1, '"');
    else
        out.append(dump_json(Json(std::string(text))));
}

}  // namespace edge
