#include "broker/prometheus/text_format.hpp"

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
        case Type::summary:
            return "summary";
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
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
        if (seconds <= kBounds[i]) {
            ++below_[i];
            return;
        }
    }
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
    Family* family = room_in(metric, Histogram::kSeries);
    if (!family) return;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
        sum += histogram.below_[i];
        append_line(family->lines, metric.name, "_bucket", labels, number_text(Histogram::kBounds[i]),
                    std::to_string(sum));
    }
    const std::string count = std::to_string(histogram.count_);
    append_line(family->lines, metric.name, "_bucket", labels, "+Inf", count);
    append_line(family->lines, metric.name, "_sum", labels, "", number_text(histogram.sum_));
    append_line(family->lines, metric.name, "_count", labels, "", count);
}

void Exposition::add(const Metric& metric, const Labels& labels, const Summary& summary) {
    Family* family = room_in(metric, 2);
    if (!family) return;
    append_line(family->lines, metric.name, "_sum", labels, "", number_text(summary.sum));
    append_line(family->lines, metric.name, "_count", labels, "", std::to_string(summary.count));
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
