#include "broker/prometheus/discovery.hpp"

#include "protocol/json/described.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr const char* kMeta = "__meta_edge_";

Json group(std::string target, Json labels) {
    return {{"targets", Json::array({std::move(target)})}, {"labels", std::move(labels)}};
}

Json node_labels(const NodeView& node) {
    Json labels = Json::object();
    for (const auto& [name, value] : node.labels) labels[std::string(kMeta) + "label_" + label_name(name)] = value;
    labels["__meta_edge_node"] = node.node.name.text();
    labels["__meta_edge_node_id"] = node.node.id.text();
    labels["__meta_edge_node_state"] = enum_text(node.state);
    labels["__meta_edge_agent_version"] = node.agent_version;
    return labels;
}

}  // namespace

std::string label_name(std::string_view text) {
    std::string name(text);
    for (char& c : name) {
        const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!fits) c = '_';
    }
    return name;
}

std::string nodes_discovered(const std::vector<NodeView>& nodes) {
    Json all = Json::array();
    for (const auto& node : nodes) {
        if (is_of_fleet(node.state)) all.push_back(group(node.node.name.text(), node_labels(node)));
    }
    return dump_json(all);
}

std::string lines_discovered(const std::vector<NodeView>& nodes) {
    Json all = Json::array();
    for (const auto& node : nodes) {
        if (!is_of_fleet(node.state)) continue;
        for (const auto& line : node.lines) {
            Json labels = node_labels(node);
            labels["__meta_edge_line"] = line.name.text();
            labels["__meta_edge_carrier"] = line.carrier;
            labels["__meta_edge_line_state"] = enum_text(line.state);
            labels["__meta_edge_line_device"] = line.device;
            all.push_back(group(node.node.name.text() + "/" + line.name.text(), std::move(labels)));
        }
    }
    return dump_json(all);
}

std::string targets_discovered(const std::vector<ResultSeries::Seen>& seen) {
    Json all = Json::array();
    for (const auto& [key, service] : seen) {
        all.push_back(group(key.target, {{"__meta_edge_job", key.job},
                                         {"__meta_edge_service", enum_text(service)},
                                         {"__meta_edge_node", key.node},
                                         {"__meta_edge_line", key.line},
                                         {"__meta_edge_carrier", key.carrier}}));
    }
    return dump_json(all);
}

}  // namespace edge::broker::prometheus
