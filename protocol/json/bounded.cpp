#include "protocol/json/bounded.hpp"

#include <cmath>
#include <unordered_set>
#include <vector>

namespace edge {
namespace {

/// nlohmann's SAX interface; each callback answers whether to go on.
class Checker {
  public:
    explicit Checker(const JsonLimits& limits) : limits_(limits) {}

    bool null() { return value(); }
    bool boolean(bool) { return value(); }
    bool number_integer(std::int64_t number) {
        return number >= -kLargestInteger ? value() : fail(Errc::bad_value, "an integer below -2^53");
    }
    bool number_unsigned(std::uint64_t number) {
        return number <= static_cast<std::uint64_t>(kLargestInteger) ? value()
                                                                     : fail(Errc::bad_value, "an integer above 2^53");
    }
    bool number_float(double number, const std::string& text) {
        // nlohmann reads an integer that fits no 64 bits as a double.
        if (text.find_first_of(".eE") == std::string::npos) return fail(Errc::bad_value, "an integer beyond 2^53");
        return std::isfinite(number) ? value() : fail(Errc::bad_value, "a number that is not finite");
    }
    bool string(std::string&) { return value(); }
    bool binary(std::vector<std::uint8_t>&) { return fail(Errc::bad_syntax, "binary data"); }
    bool start_object(std::size_t) { return open(); }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open(); }
    bool end_array() { return close(); }
    bool key(std::string& text) {
        auto& seen = seen_.back();
        if (!seen.insert(text).second) return fail(Errc::bad_value, "a key stands twice in one object");
        return seen.size() <= limits_.object_keys ||
               fail(Errc::too_large, "an object of more than " + std::to_string(limits_.object_keys) + " keys");
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& e) {
        // Out-of-range numbers arrive here too (406).
        return fail(e.id == 406 ? Errc::bad_value : Errc::bad_syntax, "not JSON at byte " + std::to_string(position));
    }
    Error take_error() { return std::move(error_); }

  private:
    bool fail(Errc code, std::string detail) {
        error_ = Error{code, {}, std::move(detail)};
        return false;
    }
    bool value() {
        return ++values_ <= limits_.values ||
               fail(Errc::too_large, "more than " + std::to_string(limits_.values) + " values");
    }
    bool open() {
        if (seen_.size() >= limits_.depth)
            return fail(Errc::too_large, "nested deeper than " + std::to_string(limits_.depth));
        seen_.emplace_back();
        return value();
    }
    bool close() {
        seen_.pop_back();
        return true;
    }

    const JsonLimits& limits_;
    std::size_t values_ = 0;
    std::vector<std::unordered_set<std::string>> seen_;  // the keys of each open object or array
    Error error_{Errc::bad_syntax, {}, "not JSON"};
};

}  // namespace

Result<> check_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes) {
        return Error{Errc::too_large, {}, "more than " + std::to_string(limits.bytes) + " bytes"};
    }
    if (text.find('\0') != std::string_view::npos) return Error{Errc::bad_syntax, {}, "a NUL byte"};
    // Details go into the API's answers as they came; a mark in the middle of those would be no JSON.
    if (text.starts_with("\xef\xbb\xbf")) return Error{Errc::bad_syntax, {}, "a byte order mark"};
    Checker checker(limits);
    if (!Json::sax_parse(text, &checker)) return checker.take_error();
    return ok();
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    EDGE_TRY(check_json(text, limits));
    return Json::parse(text, nullptr, false);
}

std::string dump_json(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace edge
