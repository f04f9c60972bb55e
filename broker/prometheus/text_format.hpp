// What Prometheus scrapes: metrics as text, format 0.0.4. Pure.
// Source: prometheus.io/docs/instrumenting/exposition_formats.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edge::broker::prometheus {

inline constexpr const char* kTextType = "text/plain; version=0.0.4; charset=utf-8";

enum class Type { gauge, counter, histogram };

struct Metric {
    std::string_view name;
    Type type = Type::gauge;
    std::string_view help;
};

/// Prometheus counts time in seconds, we in microseconds.
inline double in_seconds(std::uint64_t us) {
    return static_cast<double>(us) / 1e6;
}

/// Names are ours; values may be anybody's text.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Round trips, from 1 ms to 2.5 s.
class Histogram {
  public:
    static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5};
    static constexpr std::size_t kSeries = kBounds.size() + 3;  // +Inf, _sum and _count, too

    void observe(double seconds);
    std::uint64_t count() const { return count_; }

  private:
    friend class Exposition;
    std::array<std::uint64_t, kBounds.size() + 1> each_{};
    std::uint64_t count_ = 0;
    double sum_ = 0;
};

/// What was counted by somebody else: how many were within each bound and not the one before, and beyond the last.
struct Buckets {
    std::span<const double> bounds;
    std::span<const std::uint64_t> each;  // one more than bounds
    double sum = 0;
};

/// Metrics by name, each with its HELP and TYPE, however they came in.
class Exposition {
  public:
    /// `most` series are kept; what is beyond is counted.
    explicit Exposition(std::uint64_t most = UINT64_MAX) : left_(most) {}

    void add(const Metric& metric, const Labels& labels, double value);
    void add(const Metric& metric, const Labels& labels, const Histogram& histogram);
    void add(const Metric& metric, const Labels& labels, const Buckets& buckets);
    std::uint64_t dropped() const { return dropped_; }
    /// In the order of their names.
    std::string text() const;

  private:
    struct Family {
        Type type;
        std::string help;
        std::string lines;
    };
    Family* room_in(const Metric& metric, std::uint64_t series);

    std::map<std::string, Family, std::less<>> families_;
    std::uint64_t left_;
    std::uint64_t dropped_ = 0;
};

/// The shortest that reads back, `NaN`, `+Inf`, `-Inf`.
std::string number_text(double value);

}  // namespace edge::broker::prometheus
