#include <doctest/doctest.h>

#include <cmath>

#include "broker/prometheus/text_format.hpp"

namespace edge::broker::prometheus {
namespace {
constexpr Metric kUp{"edge_up", Type::gauge, "Is it \\ up?\nYes \"or\" no."};
constexpr Metric kAgain{"edge_again_total", Type::counter, "Again."};
constexpr Metric kRtt{"edge_rtt_seconds", Type::histogram, "Round trip."};
}  // namespace

TEST_CASE("metrics come by name, each with HELP and TYPE once, however their samples came in") {
    Exposition out;
    out.add(kUp, {{"node", "a"}}, 1);
    out.add(kAgain, {}, 2);
    out.add(kUp, {{"node", "b"}}, 0);
    CHECK(out.text() ==
          "# HELP edge_again_total Again.\n# TYPE edge_again_total counter\nedge_again_total 2\n"
          "# HELP edge_up Is it \\\\ up?\\nYes \"or\" no.\n# TYPE edge_up gauge\n"
          "edge_up{node=\"a\"} 1\nedge_up{node=\"b\"} 0\n");
}

TEST_CASE("a label's value cannot end itself, its line or its series") {
    Exposition out;
    out.add(kAgain, {{"target", "a\"} 1\nevil{x=\"\\"}, {"line", "电信"}}, 1);
    const std::string text = out.text();
    CHECK(text.ends_with("\nedge_again_total{target=\"a\\\"} 1\\nevil{x=\\\"\\\\\",line=\"电信\"} 1\n"));
}

TEST_CASE("numbers are the shortest text that reads back") {
    CHECK(number_text(0) == "0");
    CHECK(number_text(0.1) == "0.1");
    CHECK(number_text(3.668918509e9) == "3668918509");
    CHECK(number_text(1e21) == "1e+21");
    CHECK(number_text(-2.5) == "-2.5");
    CHECK(number_text(NAN) == "NaN");
    CHECK(number_text(INFINITY) == "+Inf");
    CHECK(number_text(-INFINITY) == "-Inf");
}

TEST_CASE("a histogram's buckets count what is below them, and all is in +Inf") {
    Histogram rtt;
    for (const double seconds : {0.001, 0.0011, 0.03, 9.0}) rtt.observe(seconds);
    Exposition out;
    out.add(kRtt, {{"line", "telecom"}}, rtt);
    const std::string text = out.text();
    CHECK(text.find("_bucket{line=\"telecom\",le=\"0.001\"} 1\n") != std::string::npos);
    CHECK(text.find("_bucket{line=\"telecom\",le=\"0.0025\"} 2\n") != std::string::npos);
    CHECK(text.find("_bucket{line=\"telecom\",le=\"0.025\"} 2\n") != std::string::npos);
    CHECK(text.find("_bucket{line=\"telecom\",le=\"2.5\"} 3\n") != std::string::npos);
    CHECK(text.find("_bucket{line=\"telecom\",le=\"+Inf\"} 4\n") != std::string::npos);
    CHECK(text.find("_sum{line=\"telecom\"} 9.0321\n") != std::string::npos);
    CHECK(text.find("_count{line=\"telecom\"} 4\n") != std::string::npos);
}

TEST_CASE("buckets that somebody else filled are told as a histogram") {
    const double bounds[] = {0.5, 2};
    const std::uint64_t each[] = {3, 0, 1};
    Exposition out;
    out.add({"edge_spent_seconds", Type::histogram, "Spent."}, {}, Buckets{bounds, each, 7.5});
    CHECK(out.text() ==
          "# HELP edge_spent_seconds Spent.\n# TYPE edge_spent_seconds histogram\n"
          "edge_spent_seconds_bucket{le=\"0.5\"} 3\nedge_spent_seconds_bucket{le=\"2\"} 3\n"
          "edge_spent_seconds_bucket{le=\"+Inf\"} 4\nedge_spent_seconds_sum 7.5\nedge_spent_seconds_count 4\n");
}

TEST_CASE("beyond the cap series are counted instead, a histogram as a whole") {
    Exposition out(2);
    out.add(kUp, {{"node", "a"}}, 1);
    out.add(kRtt, {}, Histogram{});
    out.add(kUp, {{"node", "b"}}, 1);
    out.add(kUp, {{"node", "c"}}, 1);
    CHECK(out.dropped() == Histogram::kSeries + 1);
    CHECK(out.text().find("edge_rtt_seconds") == std::string::npos);
    CHECK(out.text().find("node=\"c\"") == std::string::npos);
    CHECK(out.text().find("node=\"b\"") != std::string::npos);
}

}  // namespace edge::broker::prometheus
