#include "protocol/link/fit_result.hpp"

#include "protocol/cut_text.hpp"
#include "protocol/json/text.hpp"

namespace edge::link {
namespace {

constexpr std::size_t kNumber = 15;  // digits more: `n` is 0 until the spool counts, and at most 2^53

void cut_texts(TaskResult& result, std::size_t most) {
    if (result.failure) {
        for (std::string* text : {&result.failure->phase, &result.failure->code, &result.failure->text})
            cut_text(*text, most);
    }
    if (result.summary.code) cut_text(*result.summary.code, most);
    cut_text(result.target, most);
    cut_text(result.evidence.mismatch_reason, most);
    cut_text(result.evidence.src_addr, kMaxCode);  // an address is shorter, and half of one is another
    cut_text(result.evidence.dst_addr, kMaxCode);
}

}  // namespace

void fit_result(TaskResult& result, std::string& detail, std::size_t most) {
    constexpr std::size_t kType = 16;
    if (most_json_bytes(result) + kType + kNumber + 1 + detail.size() <= most) return;  // nearly all, and for little
    // Measured as it is written: JSON makes six bytes of a control character, and a number may grow as well.
    const auto fits = [&] { return encode_envelope(result).size() + kNumber + 1 + detail.size() <= most; };
    if (fits()) return;
    detail.clear();
    result.detail_bytes = 0;
    result.truncated = true;
    if (fits()) return;
    result.resolved.clear();
    for (const std::size_t bytes : {1024, 256, 64, 16}) {
        if (fits()) return;
        cut_texts(result, bytes);
    }
}

Result<std::string> fit_result(std::string_view written, std::size_t most) {
    const std::string_view line = written.substr(0, written.find('\n'));
    std::string detail(written.substr(std::min(written.size(), line.size() + 1)));
    EDGE_TRY(auto json, parse_json(line, JsonLimits{.bytes = line.size()}));
    if (!json.is_object() || json.value("t", Json()) != "res") return Error{Errc::bad_value, "/t", "expected res"};
    EDGE_TRY(auto result, decode<TaskResult>(json, UnknownFields::ignore));
    fit_result(result, detail, most);
    return encode_envelope(result, detail);
}

}  // namespace edge::link
