#include "protocol/json/bounded.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <forward_list>
#include <functional>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace edge {
namespace {

/// The keys of one object so far. Few are compared one by one, which is faster than hashing them.
class Keys {
  public:
    bool add(std::string_view key) {
        if (std::find(few_.begin(), few_.end(), key) != few_.end()) return false;
        if (few_.size() < kFew)
            few_.push_back(key);
        else if (!more_.insert(key).second)
            return false;
        return true;
    }
    std::size_t size() const { return few_.size() + more_.size(); }
    void clear() {
        few_.clear();
        more_.clear();
    }

  private:
    static constexpr std::size_t kFew = 24;
    std::vector<std::string_view> few_;
    std::unordered_set<std::string_view> more_;
};

/// Depth is counted by us.
const boost::json::parse_options kOptions = [] {
    boost::json::parse_options options;
    options.max_depth = std::numeric_limits<std::size_t>::max();
    return options;
}();

/// What a walk makes of a text it only looks at: nothing.
class NoTree {
  public:
    template <class Value>
    void put(Value&&) {}
    template <class Container>
    void open(Container&&) {}
    void close() {}
    void key(std::string_view) {}
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
    void key(std::string_view text) { key_ = text; }
    Json take() { return std::move(root_); }

  private:
    Json& add(Json value) {
        if (open_.empty()) return root_ = std::move(value);
        Json& into = *open_.back();
        if (into.is_array()) return into.emplace_back(std::move(value));
        // Past ordered_map, which looks each key up before it adds it.
        std::vector<std::pair<const std::string, Json>>& members = into.get_ref<Json::object_t&>();
        if (members.empty()) members.reserve(kOften);
        return members.emplace_back(key_, std::move(value)).second;
    }

    static constexpr std::size_t kOften = 8;  // members: a move of them copies their keys
    Json root_;
    std::vector<Json*> open_;
    std::string_view key_;
};

/// What Boost.JSON's parser calls; each answers whether to go on.
template <class Makes>
class Walk {
  public:
    // Boost.JSON's own limits are not used: ours are by what stands in a message, and say so.
    static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_object_size = max_array_size;
    static constexpr std::size_t max_string_size = max_array_size;
    static constexpr std::size_t max_key_size = max_array_size;
    using Code = boost::json::error_code;
    using Text = boost::json::string_view;

    Walk(std::string_view source, const JsonLimits& limits) : source_(source), limits_(limits) {}

    bool on_document_begin(Code&) { return true; }
    bool on_document_end(Code&) { return true; }
    bool on_null(Code& stop) { return value(nullptr, stop); }
    bool on_bool(bool is, Code& stop) { return value(is, stop); }
    bool on_number_part(Text, Code&) { return true; }
    bool on_int64(std::int64_t number, Text, Code& stop) {
        if (number >= 0) return on_uint64(static_cast<std::uint64_t>(number), {}, stop);
        return number >= -kLargestInteger ? value(number, stop) : fail(Errc::bad_value, "an integer below -2^53", stop);
    }
    bool on_uint64(std::uint64_t number, Text, Code& stop) {
        return number <= static_cast<std::uint64_t>(kLargestInteger)
                   ? value(number, stop)
                   : fail(Errc::bad_value, "an integer above 2^53", stop);
    }
    bool on_double(double, Text text, Code& stop) {
        // Boost.JSON reads an integer that fits no 64 bits as a double, and no double to its last bit.
        if (text.find_first_of(".eE") == Text::npos) return fail(Errc::bad_value, "an integer beyond 2^53", stop);
        double number = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
        if (read.ec == std::errc::result_out_of_range) number = std::strtod(std::string(text).c_str(), nullptr);
        return std::isfinite(number) ? value(number, stop) : fail(Errc::bad_value, "a number that is not finite", stop);
    }
    bool on_string_part(Text part, std::size_t, Code&) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool on_string(Text part, std::size_t, Code& stop) {
        if (text_.empty()) return value(std::string_view(part.data(), part.size()), stop);
        text_.append(part.data(), part.size());
        return value(std::exchange(text_, {}), stop);
    }
    bool on_object_begin(Code& stop) { return open(true, stop); }
    bool on_object_end(std::size_t, Code&) { return close(); }
    bool on_array_begin(Code& stop) { return open(false, stop); }
    bool on_array_end(std::size_t, Code&) { return close(); }
    bool on_key_part(Text part, std::size_t, Code&) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool on_key(Text part, std::size_t, Code& stop) {
        std::string_view key(part.data(), part.size());
        if (!text_.empty() || !stands_in_source(key))
            key = unescaped_.emplace_front(std::exchange(text_, {}).append(key));
        auto& seen = seen_[depth_ - 1];
        if (!seen.add(key)) return fail(Errc::bad_value, "a key stands twice in one object", stop);
        if (seen.size() > limits_.object_keys)
            return fail(Errc::too_large, "an object of more than " + std::to_string(limits_.object_keys) + " keys",
                        stop);
        made_.key(key);
        return true;
    }
    bool on_comment_part(Text, Code&) { return true; }
    bool on_comment(Text, Code&) { return true; }

    std::optional<Error> take_error() { return std::move(error_); }
    Makes& made() { return made_; }

  private:
    /// What an escape has changed stands in a buffer of the parser's.
    bool stands_in_source(std::string_view key) const {
        const std::less_equal<const char*> is_before;
        return is_before(source_.data(), key.data()) &&
               is_before(key.data() + key.size(), source_.data() + source_.size());
    }
    bool fail(Errc code, std::string detail, Code& stop) {
        error_ = Error{code, {}, std::move(detail)};
        stop = boost::json::error::exception;
        return false;
    }
    bool count(Code& stop) {
        return ++values_ <= limits_.values ||
               fail(Errc::too_large, "more than " + std::to_string(limits_.values) + " values", stop);
    }
    template <class Value>
    bool value(Value&& one, Code& stop) {
        if (!count(stop)) return false;
        made_.put(std::forward<Value>(one));
        return true;
    }
    bool open(bool is_object, Code& stop) {
        if (depth_ >= limits_.depth)
            return fail(Errc::too_large, "nested deeper than " + std::to_string(limits_.depth), stop);
        if (seen_.size() == depth_) seen_.emplace_back();
        seen_[depth_++].clear();
        if (!count(stop)) return false;
        made_.open(is_object ? Json::object() : Json::array());
        return true;
    }
    bool close() {
        --depth_;
        made_.close();
        return true;
    }

    const std::string_view source_;
    const JsonLimits& limits_;
    std::size_t values_ = 0, depth_ = 0;
    std::vector<Keys> seen_;                    // of each open object or array
    std::string text_;                          // of a string or a key that an escape cuts into parts, so far
    std::forward_list<std::string> unescaped_;  // keys that do not stand in the text as they are
    Makes made_;
    std::optional<Error> error_;
};

/// Where nlohmann's lexer stops, the byte that is wrong; Boost.JSON's tells where the token began.
class Fault : public nlohmann::json_sax<Json> {
  public:
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(std::int64_t) override { return true; }
    bool number_unsigned(std::uint64_t) override { return true; }
    bool number_float(double, const std::string&) override { return true; }
    bool string(std::string&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return true; }
    bool key(std::string&) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) override {
        if (e.id != kOutOfRange) position_ = position;
        return false;
    }
    /// 0: it is JSON, but for a number that no double holds.
    std::size_t position() const { return position_; }

  private:
    static constexpr int kOutOfRange = 406;
    std::size_t position_ = 0;
};

Error not_json(std::string_view text) {
    Fault fault;
    (void)Json::sax_parse(text, &fault);
    // Boost.JSON counts no exponent of ten digits.
    if (fault.position() == 0) return Error{Errc::bad_value, {}, "a number with too large an exponent"};
    return Error{Errc::bad_syntax, {}, "not JSON at byte " + std::to_string(fault.position())};
}

template <class Makes>
Result<> walk(std::string_view text, const JsonLimits& limits, boost::json::basic_parser<Walk<Makes>>& parser) {
    if (text.size() > limits.bytes) {
        return Error{Errc::too_large, {}, "more than " + std::to_string(limits.bytes) + " bytes"};
    }
    if (text.find('\0') != std::string_view::npos) return Error{Errc::bad_syntax, {}, "a NUL byte"};
    // Details go into the API's answers as they came; a mark in the middle of those would be no JSON.
    if (text.starts_with("\xef\xbb\xbf")) return Error{Errc::bad_syntax, {}, "a byte order mark"};
    Walk<Makes>& through = parser.handler();
    boost::json::error_code failed;
    const std::size_t read = parser.write_some(false, text.data(), text.size(), failed);
    if (auto error = through.take_error()) return std::move(*error);
    if (failed || read != text.size()) return not_json(text);
    return ok();
}

}  // namespace

Result<> check_json(std::string_view text, const JsonLimits& limits) {
    boost::json::basic_parser<Walk<NoTree>> parser(kOptions, text, limits);
    return walk(text, limits, parser);
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    boost::json::basic_parser<Walk<Tree>> parser(kOptions, text, limits);
    EDGE_TRY(walk(text, limits, parser));
    return parser.handler().made().take();
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
