// One change to a JSON text that leaves the rest of it JSON: bytes that change at random seldom get past the parser.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/json/bounded.hpp"

/// libFuzzer's own mutation, in place; the new size.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace edge::fuzz {

/// All choices of a mutation, so that a seed says what it does.
class Dice {
  public:
    explicit Dice(unsigned seed) : random_(seed) {}
    std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    template <class List>
    const auto& of(const List& list) {
        return list[below(std::size(list))];
    }

  private:
    std::minstd_rand random_;
};

inline std::string any_bytes(std::string text, std::size_t longest) {
    const std::size_t size = text.size();
    text.resize(std::max(size + 1, longest));
    text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
    return text;
}

class JsonMutator {
  public:
    JsonMutator(Dice& dice, std::size_t longest) : dice_(dice), longest_(longest) {}

    /// `donor`: JSON that a value may be taken from. None: the text is no object or array.
    std::optional<std::string> mutate(std::string_view text, std::string_view donor) {
        auto tree = parse_json(text);
        if (!tree || !tree.value().is_structured()) return std::nullopt;
        donor_ = Json();
        if (auto parsed = parse_json(donor)) donor_ = std::move(parsed.value());
        const auto places = places_of(tree.value());
        Json* const container = places.empty() ? &tree.value() : dice_.of(places).container;
        is_object_ = container->is_object();
        parts_ = parts_of(*container);
        change(dice_.below(parts_.size()));
        return with(tree.value(), *container, joined());
    }

  private:
    struct Place {
        Json* container;
        const Json* value;
    };
    /// A member or an element, as text: what no tree may hold can be written.
    struct Part {
        std::string key;  // with its quotes; empty in an array
        std::string value;
    };

    /// Each value once, so that a container is picked as often as it has values.
    static std::vector<Place> places_of(Json& json) {
        std::vector<Place> places;
        if (!json.is_structured()) return places;  // nlohmann's iterators go over a scalar as over a list of it
        for (auto& value : json) {
            places.push_back({&json, &value});
            const auto within = places_of(value);
            places.insert(places.end(), within.begin(), within.end());
        }
        return places;
    }
    static std::vector<Part> parts_of(const Json& container) {
        std::vector<Part> parts;
        if (!container.is_structured()) return parts;
        for (const auto& item : container.items())
            parts.push_back({container.is_object() ? quoted(item.key()) : "", dump_json(item.value())});
        return parts;
    }
    static std::string quoted(std::string_view text) {
        std::string written;
        write_string(written, text);
        return written;
    }
    std::string joined() const {
        std::string text(1, is_object_ ? '{' : '[');
        for (const Part& part : parts_) {
            if (text.size() > 1) text += ',';
            text += part.key + (is_object_ ? ":" : "") + part.value;
        }
        return text + (is_object_ ? '}' : ']');
    }
    static std::string with(Json& tree, Json& container, const std::string& text) {
        static constexpr std::string_view kHere = "\"here stands what no tree may hold\"";
        container = Json(std::string(kHere.substr(1, kHere.size() - 2)));
        std::string all = dump_json(tree);
        return all.replace(all.find(kHere), kHere.size(), text);
    }

    void change(std::size_t at) {
        const std::size_t kind = dice_.below(16);
        if (parts_.empty() || kind == 0) return add();
        Part& part = parts_[at];
        switch (kind) {
            case 1:
                parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            case 2:
                repeat(at);
                break;
            case 3:
                std::swap(part, parts_[dice_.below(parts_.size())]);
                break;
            case 4:
                std::swap(part.value, parts_[dice_.below(parts_.size())].value);
                break;
            case 5:
                part.key = is_object_ ? other_key(part.key) : "";
                break;
            case 6:
            case 7:
                take(part);
                break;
            case 8:
            case 9:
            case 10:
                part.value = edge_value();
                break;
            default:
                part.value = changed(part.value);
        }
    }

    /// What nobody described; as an envelope of a newer peer may have it.
    void add() {
        static constexpr std::array kKeys = {"\"must\"", "\"novel\"", "\"t\"", "\"\"", "\"a/b~c\""};
        parts_.push_back({is_object_ ? dice_.of(kKeys) : "", dice_.one_in(2) ? "true" : edge_value()});
    }

    void repeat(std::size_t at) {
        Part again = parts_[at];
        // Another spelling of the same key is the same key.
        if (is_object_ && again.key.size() > 2 && again.key[1] != '\\' && dice_.one_in(2)) {
            static constexpr std::string_view kHex = "0123456789abcdef";
            const auto byte = static_cast<unsigned char>(again.key[1]);
            if (byte < 0x80) again.key.replace(1, 1, std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15]);
        }
        if (dice_.one_in(2)) again.value = edge_value();
        const std::size_t times = !is_object_ && dice_.one_in(4) ? 1 + dice_.below(40) : 1;
        parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(dice_.below(parts_.size() + 1)), times, again);
    }

    std::string other_key(const std::string& key) {
        if (dice_.one_in(2)) return quoted(any_bytes(key.substr(1, key.size() - 2), 64));
        if (donor_.is_object() && !donor_.empty()) return parts_of(donor_)[dice_.below(donor_.size())].key;
        return dice_.of(parts_).key;
    }

    /// A value of the donor's, half of the time that of the same key.
    void take(Part& part) {
        const auto theirs = parts_of(donor_);
        const auto same =
            std::find_if(theirs.begin(), theirs.end(), [&](const Part& one) { return one.key == part.key; });
        const auto places = places_of(donor_);
        if (is_object_ && same != theirs.end() && dice_.one_in(2))
            part.value = same->value;
        else if (!places.empty())
            part.value = dump_json(*dice_.of(places).value);
    }

    std::string edge_value() {
        using namespace std::string_view_literals;
        // clang-format off
        static constexpr std::array kValues = {
            "null"sv, "true"sv, "false"sv, "{}"sv, "[]"sv, "[[]]"sv, "\"\""sv, "\"a\""sv, "\"-\""sv,
            "\"node_00000000000000000000000000\""sv,
            "0"sv, "1"sv, "-1"sv, "-0"sv, "0.5"sv, "255"sv, "65536"sv, "4294967295"sv, "4294967296"sv,
            "9007199254740991"sv, "9007199254740992"sv, "9007199254740993"sv, "-9007199254740992"sv,  // 2^53
            "9223372036854775807"sv, "9223372036854775808"sv, "-9223372036854775808"sv,               // 2^63
            "18446744073709551615"sv, "18446744073709551616"sv,                                       // 2^64
            "1e2"sv, "1e308"sv, "-1e308"sv, "1e309"sv, "1e-400"sv,
            "\"\\u0000\""sv, "\"\0\""sv, "\"\\ud800\""sv, "\"\\udbff\\udfff\""sv, "\"\xff\""sv, "\"\xc0\x80\""sv,
            "\"\xed\xa0\x80\""sv, "\"\xf4\x8f\xbf\xbf\""sv, "\"\xef\xbb\xbf\""sv, "\"\\u007f\x7f\\u0085\\u2028\""sv};
        // clang-format on
        static constexpr std::array kLengths = {31, 32, 33, 64, 257, 1024, 3000};
        if (!dice_.one_in(12)) return std::string(dice_.of(kValues));
        return quoted(std::string(static_cast<std::size_t>(dice_.of(kLengths)), dice_.one_in(4) ? '\1' : 'a'));
    }

    std::string changed(const std::string& value) {
        const bool is_string = value.size() >= 2 && value.front() == '"';
        if (!is_string) return any_bytes(value, std::min(longest_, value.size() + 16));
        std::string text = value.substr(1, value.size() - 2);
        const auto mark = text.find('_');
        if (mark != std::string::npos && dice_.one_in(3)) {
            static constexpr std::array kPrefixes = {"node", "job",   "run", "task", "res",
                                                     "ses",  "spool", "gen", "RUN",  ""};
            return '"' + text.replace(0, mark, dice_.of(kPrefixes)) + '"';
        }
        text = any_bytes(text, std::min(longest_, text.size() + 64));
        return dice_.one_in(4) ? '"' + text + '"' : quoted(text);
    }

    Dice& dice_;
    std::size_t longest_;
    bool is_object_ = false;
    std::vector<Part> parts_;
    Json donor_;
};

}  // namespace edge::fuzz
