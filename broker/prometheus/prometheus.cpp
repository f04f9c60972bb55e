#include "broker/prometheus/prometheus.hpp"

#include "broker/prometheus/discovery.hpp"
#include "broker/prometheus/fleet_series.hpp"
#include "broker/prometheus/probe_run.hpp"
#include "broker/prometheus/process_facts.hpp"
#include "broker/prometheus/store_series.hpp"
#include "broker/prometheus/webhook_series.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr Metric kBuild{"edge_build_info", Type::gauge, "The broker's version, in labels."};
constexpr Metric kConnections{"edge_broker_ws_connections", Type::gauge, "Agents that are connected."};
constexpr Metric kDropped{"edge_metrics_dropped_series_total", Type::counter,
                          "Series left out because there were more than [prometheus] most_series, counted each time."};

constexpr Metric kUnknown{"blackbox_module_unknown_total", Type::counter, "Probes asked for by an unknown module."};

void write_broker(Exposition& out, const std::vector<NodeView>& nodes) {
    out.add(kBuild, {{"version", EDGE_VERSION}}, 1);
    double connected = 0;
    for (const auto& node : nodes) connected += node.state == NodeState::connected ? 1 : 0;
    out.add(kConnections, {}, connected);
    write_process(out);
}

}  // namespace

Prometheus::Prometheus(Domain& domain, Settings settings)
    : domain_(domain),
      settings_(std::move(settings)),
      recorder_(std::make_shared<Recorder>(settings_.most_series, settings_.post)) {
    domain.follow(recorder_);
}

void Prometheus::metrics(FleetFacts facts, std::function<void(std::string)> reply) {
    recorder_->with([this, facts = std::move(facts), reply = std::move(reply)](ResultSeries& series, WallTime now) {
        reply(text(facts, series, now));
    });
}

std::string Prometheus::text(const FleetFacts& facts, ResultSeries& series, WallTime now) {
    Exposition out(settings_.most_series);
    write_broker(out, facts.nodes);
    write_store(out, facts.store);
    write_webhooks(out, settings_.webhooks(), facts.webhooks);
    write_nodes(out, facts.nodes);
    series.retire(facts.nodes, now);
    series.write(out);
    write_usages(out, facts.nodes, facts.usages);
    Exposition last;
    last.add(kUnknown, {}, static_cast<double>(unknown_modules_));
    last.add(kDropped, {}, static_cast<double>(series.dropped() + (dropped_ += out.dropped())));
    return out.text() + last.text();
}

void Prometheus::discovered(Role role, std::vector<NodeView> nodes, std::function<void(std::string)> reply) {
    if (role == Role::nodes) return reply(nodes_discovered(nodes));
    if (role == Role::lines) return reply(lines_discovered(nodes));
    recorder_->with([nodes = std::move(nodes), reply = std::move(reply)](ResultSeries& series, WallTime now) {
        series.retire(nodes, now);
        reply(targets_discovered(series.seen()));
    });
}

void Prometheus::probe(const http::Request& request, const std::map<std::string, std::string>& query,
                       std::shared_ptr<http::Exchange> exchange) {
    const auto named = query.find("module");
    const std::string name = named == query.end() || named->second.empty() ? "http_2xx" : named->second;
    const auto found = settings_.modules->find(name);
    if (found == settings_.modules->end()) {
        ++unknown_modules_;
        return exchange->reply(text_answer(400, "Unknown module \"" + name + "\""));
    }
    const Module& module = found->second;
    if (!module.refused.empty())
        return exchange->reply(text_answer(400, "Module \"" + name + "\" cannot be done here: " + module.refused));
    const auto within_ms = answer_within_ms(request.header("x-prometheus-scrape-timeout-seconds"), module);
    if (!within_ms) return exchange->reply(text_answer(500, within_ms.error().detail));
    auto asked = probe_query(query);
    if (!asked) return exchange->reply(text_answer(400, asked.error().detail));
    auto spec = probe_spec(module, asked.value(), within_ms.value());
    if (!spec) return exchange->reply(text_answer(400, spec.error().detail));
    std::make_shared<ProbeRun>(std::move(exchange), domain_, recorder_, settings_.modules, module,
                               std::move(asked.value()), within_ms.value())
        ->start(std::move(spec.value()));
}

}  // namespace edge::broker::prometheus
