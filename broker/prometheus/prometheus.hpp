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

namespace edge::broker::prometheus {

struct Settings {
    std::uint64_t most_series = 100'000;  // of one scrape, and of what is kept for it
    Modules modules = built_in_modules();
};

enum class Role { nodes, lines, targets };
BOOST_DESCRIBE_ENUM(Role, nodes, lines, targets)

/// Executor: any thread but the domain's; what it writes takes some microseconds a series. It follows `domain`, which
/// outlives it.
class Prometheus {
  public:
    Prometheus(Domain& domain, Settings settings);

    /// The broker's own series and the fleet's, as text 0.0.4.
    std::string metrics(const std::vector<NodeView>& nodes, const std::vector<UsageView>& usages);
    /// JSON for Prometheus's HTTP service discovery.
    std::string discovered(Role role, const std::vector<NodeView>& nodes);

    /// GET /probe. Answers the exchange, with text whatever is wrong, as blackbox_exporter does.
    void probe(const http::Request& request, const std::map<std::string, std::string>& query,
               std::shared_ptr<http::Exchange> exchange);

  private:
    Domain& domain_;
    Settings settings_;
    std::shared_ptr<Recorder> recorder_;  // owners: this and the domain
    std::atomic<std::uint64_t> dropped_ = 0;
    std::atomic<std::uint64_t> unknown_modules_ = 0;
};

}  // namespace edge::broker::prometheus
