// A worker's standard error, on its way into root's log.
#include <algorithm>

#include "agent/launcher/sandbox/log_lines.hpp"
#include "tests/fuzz/property.hpp"

using edge::launcher::LogLines;
namespace fuzz = edge::fuzz;

namespace {

std::vector<std::string> lines_of(std::string_view bytes, std::size_t step) {
    LogLines lines;
    std::vector<std::string> all;
    while (!bytes.empty()) {
        for (auto& line : lines.feed(bytes.substr(0, step), LogLines::Time{})) all.push_back(std::move(line));
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    fuzz::demand(all.size() <= LogLines::kPerSecond, "a second has its budget");
    const auto rest = lines.rest();
    const std::size_t dropped = lines.take_dropped();
    fuzz::demand(dropped == 0 || lines.paused_until(), "who drops lines pauses");
    if (rest) all.push_back(*rest);
    all.push_back(std::to_string(dropped));
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes = fuzz::text_of(data + 1, size - 1);
    const auto whole = lines_of(bytes, bytes.size() + 1);
    fuzz::demand(lines_of(bytes, data[0] % 16 + 1u) == whole, "lines are the same however they were written");
    for (const std::string& line : whole) {
        fuzz::demand(line.size() <= LogLines::kMaxLength, "a line is short");
        for (const char c : line) fuzz::demand(c >= ' ' && c <= '~', "a line is printable");
    }
    return 0;
}
