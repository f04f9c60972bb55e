#include "broker/prometheus/pattern.hpp"

#include <re2/re2.h>

namespace edge::broker::prometheus {
namespace {
constexpr std::int64_t kMostMemory = 1 << 20;  // of one expression's program and its cache
}

Result<Pattern> Pattern::compile(const std::string& text) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMostMemory);
    auto compiled = std::make_shared<const re2::RE2>(text, options);
    if (compiled->ok()) return Pattern(std::move(compiled));
    const bool too_large = compiled->error_code() == re2::RE2::ErrorPatternTooLarge;
    return Error{too_large ? Errc::too_large : Errc::bad_value, {}, "no regular expression: " + compiled->error()};
}

bool Pattern::matches(std::string_view text) const {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

const std::string& Pattern::text() const {
    return compiled_->pattern();
}

}  // namespace edge::broker::prometheus
