#include "protocol/nearest.hpp"

#include <algorithm>

#include "protocol/slip.hpp"

namespace edge {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
        }
    }
    return row.back();
}

/// Those with the smallest distance, if that is near enough; each once.
std::vector<std::string> all_nearest(std::string_view typed, std::span<const std::string> candidates) {
    std::vector<std::string> best;
    std::size_t best_distance = 0;
    if (typed.size() > 64) return best;
    for (const auto& candidate : candidates) {
        if (candidate.size() > 64) continue;
        const std::size_t distance = edit_distance(typed, candidate);
        if (distance > (std::max(typed.size(), candidate.size()) + 2) / 3) continue;
        if (!best.empty() && distance > best_distance) continue;
        if (distance < best_distance) best.clear();
        best_distance = distance;
        if (std::ranges::find(best, candidate) == best.end()) best.push_back(candidate);
    }
    return best;
}

}  // namespace

std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> candidates) {
    auto best = all_nearest(typed, candidates);
    return best.empty() ? std::nullopt : std::optional(std::move(best.front()));
}

bool is_slip_of(std::string_view typed, std::string_view word) {
    if (typed.empty() || word.empty() || typed.front() != word.front() || typed.size() > 64) return false;
    const std::size_t distance = edit_distance(typed, word);
    return distance > 0 && distance <= (word.size() < 6 ? 1u : 2u);
}

std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates, std::string_view before) {
    constexpr std::size_t kMost = 3;
    const auto best = all_nearest(typed, candidates);
    if (best.empty() || best.size() > kMost) return {};
    std::string text = "; did you mean ";
    for (std::size_t i = 0; i < best.size(); ++i) {
        if (i > 0) text += i + 1 < best.size() ? ", " : " or ";
        text.append("\"").append(before).append(best[i]).append("\"");
    }
    return text + "?";
}

}  // namespace edge
