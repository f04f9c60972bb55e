// How much hostile text a report keeps, counted as JSON will write it (one control character becomes six bytes). Pure.
#pragma once
#include <cstddef>
#include <string_view>

namespace edge::probes {

inline std::size_t json_size(std::string_view text) {
    std::size_t size = 2;
    for (const unsigned char c : text) {
        size += c < 0x20 || c == 0x7f ? 6 : c >= 0x80 ? 3 : c == '"' || c == '\\' ? 2 : 1;  // U+FFFD takes three
    }
    return size;
}

class TextBudget {
  public:
    explicit TextBudget(std::size_t bytes) : left_(bytes) {}
    /// True, and it is spent, if there is room.
    bool take(std::size_t bytes) {
        if (bytes > left_) return false;
        left_ -= bytes;
        return true;
    }

  private:
    std::size_t left_;
};

}  // namespace edge::probes
