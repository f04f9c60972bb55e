#include "broker/prometheus/text_format.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace edge::broker::prometheus {
namespace {

constexpr std::string_view type_name(Type type) {
    switch (type) {
        case Type::gauge:
            return "gauge";
        case Type::counter:
            return "counter";
        case Type::histogram:
            break;
    }
    return "histogram";
}

enum class Quotes { plain, escaped };

void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes == Quotes::escaped) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
}

void append_line(std::string& out, std::string_view name, std::string_view suffix, const Labels& labels,
                 std::string_view bound, std::string_view value) {
    out.append(name).append(suffix);
    char before = '{';
    const auto put = [&](std::string_view label, std::string_view text) {
        out += before;
        out.append(label).append("=\"");
        append_escaped(out, text, Quotes::escaped);
        out += '"';
        before = ',';
    };
    for (const auto& [label, text] : labels) put(label, text);
    if (!bound.empty()) put("le", bound);
    if (before == ',') out += '}';
    out += ' ';
    out.append(value) += '\n';
}

}  // namespace

void Histogram::observe(double seconds) {
    ++count_;
    sum_ += seconds;
    ++each_[static_cast<std::size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin())];
}

Exposition::Family* Exposition::room_in(const Metric& metric, std::uint64_t series) {
    if (series > left_) {
        dropped_ += series;
        return nullptr;
    }
    left_ -= series;
    auto at = families_.find(metric.name);
    if (at == families_.end())
        at = families_.emplace(metric.name, Family{metric.type, std::string(metric.help), {}}).first;
    return &at->second;
}

void Exposition::add(const Metric& metric, const Labels& labels, double value) {
    if (Family* family = room_in(metric, 1))
        append_line(family->lines, metric.name, "", labels, "", number_text(value));
}

void Exposition::add(const Metric& metric, const Labels& labels, const Histogram& histogram) {
    add(metric, labels, Buckets{Histogram::kBounds, histogram.each_, histogram.sum_});
}

void Exposition::add(const Metric& metric, const Labels& labels, const Buckets& buckets) {
    Family* family = room_in(metric, buckets.each.size() + 2);
    if (!family) return;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < buckets.each.size(); ++i) {
        count += buckets.each[i];
        const std::string bound = i < buckets.bounds.size() ? number_text(buckets.bounds[i]) : "+Inf";
        append_line(family->lines, metric.name, "_bucket", labels, bound, std::to_string(count));
    }
    append_line(family->lines, metric.name, "_sum", labels, "", number_text(buckets.sum));
    append_line(family->lines, metric.name, "_count", labels, "", std::to_string(count));
}

std::string Exposition::text() const {
    std::string out;
    for (const auto& [name, family] : families_) {
        out.append("# HELP ").append(name) += ' ';
        append_escaped(out, family.help, Quotes::plain);
        out.append("\n# TYPE ").append(name).append(" ").append(type_name(family.type)) += '\n';
        out += family.lines;
    }
    return out;
}

std::string number_text(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    std::array<char, 32> text{};
    const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), value);
    return failed == std::errc{} ? std::string(text.data(), end) : "NaN";
}

}  // namespace edge::broker::prometheus
