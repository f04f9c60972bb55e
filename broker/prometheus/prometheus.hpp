// What the API asks of this folder.
#pragma once
#include <atomic>
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/domain/domain.hpp"
#include "broker/http/http.hpp"
#include "broker/prometheus/modules.hpp"
#include "broker/prometheus/recorder.hpp"
#include "broker/webhooks/counters.hpp"

namespace edge::broker::prometheus {

struct Settings {
    std::uint64_t most_series = 100'000;  // of one scrape, and of what is kept for it
    Modules modules = built_in_modules();
    /// Where series are kept and text is written: one thread. In place: for tests.
    Post post = [](const std::function<void()>& work) { work(); };
    std::function<webhooks::Counters()> webhooks = [] { return webhooks::Counters{}; };  // from any thread
};

/// What the domain tells for a scrape.
struct FleetFacts {
    std::vector<NodeView> nodes;
    std::vector<UsageView> usages;
    WebhookTotals webhooks;
    StoreView store;
};

enum class Role { nodes, lines, targets };
BOOST_DESCRIBE_ENUM(Role, nodes, lines, targets)

/// Executor: any thread. It follows `domain`, which outlives it; replies come on the thread of Settings::post, which
/// makes no more turns when this is gone.
class Prometheus {
  public:
    Prometheus(Domain& domain, Settings settings);

    /// The broker's own series and the fleet's, as text 0.0.4.
    void metrics(FleetFacts facts, std::function<void(std::string)> reply);
    /// JSON for Prometheus's HTTP service discovery.
    void discovered(Role role, std::vector<NodeView> nodes, std::function<void(std::string)> reply);

    /// GET /probe. Answers the exchange, with text whatever is wrong, as blackbox_exporter does.
    void probe(const http::Request& request, const std::map<std::string, std::string>& query,
               std::shared_ptr<http::Exchange> exchange);

  private:
    std::string text(const FleetFacts& facts, ResultSeries& series, WallTime now);

    Domain& domain_;
    Settings settings_;
    std::shared_ptr<Recorder> recorder_;  // owners: this and the domain
    std::uint64_t dropped_ = 0;
    std::atomic<std::uint64_t> unknown_modules_ = 0;
};

}  // namespace edge::broker::prometheus
