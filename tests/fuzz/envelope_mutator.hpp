// libFuzzer's mutator for targets whose input is lines of JSON, as a message of the link is. To be included by the one
// file of a target.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstring>
#include <variant>

#include "protocol/link/envelopes.hpp"
#include "tests/fuzz/json_mutator.hpp"
#include "tests/fuzz/property.hpp"

namespace edge::fuzz {

/// An envelope of each type, with the defaults of its fields.
inline const std::vector<std::string>& one_of_each() {
    static const std::vector<std::string> all = [] {
        std::vector<std::string> lines;
        const auto add = [&]<std::size_t... I>(std::index_sequence<I...>) {
            (lines.push_back(link::encode_envelope(link::Envelope(std::in_place_index<I>))), ...);
        };
        add(std::make_index_sequence<std::variant_size_v<link::Envelope>>());
        for (std::string& line : lines) {
            static constexpr std::string_view kNoLine = R"("line":"")";
            if (const auto at = line.find(kNoLine); at != std::string::npos)
                line.replace(at, kNoLine.size(), R"("line":"telecom")");
        }
        return lines;
    }();
    return all;
}

class EnvelopeMutator {
  public:
    EnvelopeMutator(Dice& dice, std::string_view message, std::size_t longest)
        : dice_(dice), longest_(longest), lines_(lines_of(message)) {}

    /// None: there is no JSON in it.
    std::optional<std::string> mutate() {
        switch (dice_.below(12)) {
            case 0:
                std::swap(any(), any());
                break;
            case 1:
                insert(any());
                break;
            case 2:
                lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(dice_.below(lines_.size())));
                break;
            case 3:
                insert(dice_.of(one_of_each()));
                break;
            case 4:
                change_detail();
                return joined();
            default:
                if (!change_line(any())) return std::nullopt;
        }
        settle_details();
        return joined();
    }

    /// A line of the other message, or a value of it.
    std::optional<std::string> cross(std::string_view other) {
        const auto others = lines_of(other);
        const std::size_t from = dice_.below(others.size());
        if (dice_.one_in(2)) {
            if (!change_line(others[from])) return std::nullopt;
        } else {
            insert(others[from]);
            if (detail_bytes(others[from]) && from + 1 < others.size()) insert(others[from + 1]);
        }
        settle_details();
        return joined();
    }

  private:
    struct Figure {
        std::size_t at, size;  // of its digits
        std::size_t value;
    };

    static std::vector<std::string> lines_of(std::string_view message) {
        std::vector<std::string> lines;
        while (true) {
            const auto end = message.find('\n');
            lines.emplace_back(message.substr(0, end));
            if (end == std::string_view::npos) return lines;
            message.remove_prefix(end + 1);
        }
    }
    std::string joined() const {
        std::string message;
        for (const std::string& line : lines_) message += line + '\n';
        if (!message.empty()) message.pop_back();
        return message;
    }
    std::string& any() { return lines_[dice_.below(lines_.size())]; }
    void insert(std::string line) {
        lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(dice_.below(lines_.size() + 1)), std::move(line));
    }

    /// Of those that are JSON one or the other; the first from a random one on.
    bool change_line(const std::string& donor) {
        const std::string from = donor;  // which may be the one that is changed
        const std::size_t first = dice_.below(lines_.size());
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            std::string& line = lines_[(first + i) % lines_.size()];
            if (auto changed = JsonMutator(dice_, longest_).mutate(line, from)) {
                line = std::move(*changed);
                return true;
            }
        }
        return false;
    }

    static std::optional<Figure> detail_bytes(std::string_view line) {
        static constexpr std::string_view kKey = R"("detail_bytes":)";
        const auto key = line.find(kKey);
        if (key == std::string_view::npos) return std::nullopt;
        const std::string_view digits = line.substr(key + kKey.size());
        Figure figure{key + kKey.size(), 0, 0};
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), figure.value);
        if (read.ec != std::errc{}) return std::nullopt;
        figure.size = static_cast<std::size_t>(read.ptr - digits.data());
        return figure;
    }
    static void say(std::string& line, const Figure& figure, std::size_t value) {
        line.replace(figure.at, figure.size, std::to_string(value));
    }

    /// A detail for a result that has none, or a length that is wrong by one, or right.
    void change_detail() {
        const std::size_t first = dice_.below(lines_.size());
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            const std::size_t at = (first + i) % lines_.size();
            const auto figure = detail_bytes(lines_[at]);
            if (!figure) continue;
            if (figure->value == 0 || at + 1 == lines_.size()) {
                const std::string detail = dice_.one_in(2) ? any() : std::string(R"({"a":[{}]})");
                lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(at) + 1, detail);
            }
            say(lines_[at], *figure, lines_[at + 1].size() + 1 - dice_.below(3));
            return;
        }
        insert(one_of_each()[link::Envelope(link::TaskResult{}).index()]);
    }

    /// A detail that was changed is as long as its result says, mostly.
    void settle_details() {
        if (dice_.one_in(8)) return;
        for (std::size_t i = 0; i + 1 < lines_.size(); ++i) {
            const auto figure = detail_bytes(lines_[i]);
            if (!figure || figure->value == 0) continue;
            say(lines_[i], *figure, lines_[i + 1].size());
            ++i;  // the detail may look like a result
        }
    }

    Dice& dice_;
    std::size_t longest_;
    std::vector<std::string> lines_;  // never none but after one was taken away
};

inline std::size_t put_out(const std::optional<std::string>& text, std::uint8_t* out, std::size_t max_size) {
    if (!text || text->empty() || text->size() > max_size) return 0;
    std::memcpy(out, text->data(), text->size());
    return text->size();
}

}  // namespace edge::fuzz

/// What is no JSON, and a quarter of what is, is changed as libFuzzer does it without us.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    edge::fuzz::Dice dice(seed);
    if (!dice.one_in(4)) {
        edge::fuzz::EnvelopeMutator mutator(dice, edge::fuzz::text_of(data, size), max_size);
        if (const auto written = edge::fuzz::put_out(mutator.mutate(), data, max_size)) return written;
    }
    return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data, std::size_t size, const std::uint8_t* other,
                                                 std::size_t other_size, std::uint8_t* out, std::size_t max_size,
                                                 unsigned seed) {
    edge::fuzz::Dice dice(seed);
    edge::fuzz::EnvelopeMutator mutator(dice, edge::fuzz::text_of(data, size), max_size);
    return edge::fuzz::put_out(mutator.cross(edge::fuzz::text_of(other, other_size)), out, max_size);
}
