#include "broker/zones/zones.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "broker/zones/tzif.hpp"
#include "protocol/nearest.hpp"

namespace edge::broker {
namespace {

constexpr std::int64_t kTenYears = 3'653LL * 86'400;
constexpr std::size_t kLongestName = 64;

/// Letters, digits and `_ + -`, in parts: it names a file of the folder and no other.
bool is_name(const std::string& zone) {
    bool begins = true;
    for (const char c : zone) {
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '_' && c != '+' && c != '-' && (c != '/' || begins)) return false;
        begins = c == '/';
    }
    return !zone.empty() && zone.size() <= kLongestName && !begins;
}

std::vector<std::string> names(const std::string& folder) {
    std::vector<std::string> all{"UTC"};
    std::ifstream table(folder + "/tzdata.zi");  // `Z NAME …` and `L TARGET NAME` among its lines
    std::string line;
    while (std::getline(table, line)) {
        if (line.starts_with("Z ")) all.push_back(line.substr(2, line.find(' ', 2) - 2));
        if (line.starts_with("L ")) all.push_back(line.substr(line.rfind(' ') + 1));
    }
    return all;
}

}  // namespace

Result<std::vector<ZoneOffset>> zone_offsets(const std::string& folder, const std::string& zone,
                                             std::uint64_t from_us) {
    if (zone == "UTC") return std::vector<ZoneOffset>();
    std::string bytes;
    std::error_code ignored;
    if (is_name(zone) && std::filesystem::is_regular_file(folder + "/" + zone, ignored)) {
        std::ifstream file(folder + "/" + zone, std::ios::binary);
        if (file) bytes.assign(std::istreambuf_iterator<char>(file), {});
    }
    if (bytes.empty()) {
        if (!std::ifstream(folder + "/tzdata.zi"))
            return Error{Errc::not_found, {}, "the broker's machine knows no time zones; install tzdata there"};
        return Error{Errc::not_found,
                     {},
                     "no time zone \"" + zone.substr(0, kLongestName) + "\"" + did_you_mean(zone, names(folder)) +
                         "; a name is such as Asia/Shanghai"};
    }
    const auto from = static_cast<std::int64_t>(from_us / 1'000'000);
    auto offsets = offsets_in(bytes, from, from + kTenYears);
    if (!offsets) return Error{Errc::not_found, {}, folder + "/" + zone + " " + offsets.error().detail};
    return offsets;
}

}  // namespace edge::broker
