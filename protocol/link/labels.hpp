// What a node may say of itself in labels.
#pragma once
#include <cstddef>
#include <map>
#include <string>

namespace edge::link {

inline constexpr std::size_t kMostLabels = 32;
inline constexpr std::size_t kLongestLabel = 63;  // of a key, and of a value. Units: bytes
inline constexpr const char* kLabelBounds = "at most 32 labels, each key and value at most 63 bytes";

inline bool are_labels(const std::map<std::string, std::string>& labels) {
    for (const auto& [key, value] : labels) {
        if (key.size() > kLongestLabel || value.size() > kLongestLabel) return false;
    }
    return labels.size() <= kMostLabels;
}

}  // namespace edge::link
