// Every node that was ever enrolled, its lines as it last told them, and its spools.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/domain/entities.hpp"
#include "broker/domain/selector.hpp"

namespace edge::broker {

/// A line of a node, chosen for a task.
struct Chosen {
    Node* node = nullptr;
    LineRef line;
    const link::LineReport* report = nullptr;  // as the node told it last; valid for the time of one call
};

/// What a selector names, those of one node together; `limit` of them are wanted.
struct Selection {
    std::vector<Chosen> lines;
    std::optional<std::size_t> limit;
};

class Fleet {
  public:
    Node& add(NodeRecord record);
    /// The node must be there.
    Spool& add_spool(SpoolRecord record);

    Node* find(NodeId id) const;
    Node* find(const NodeName& name) const;
    Node* find(NodeRow row) const;
    Node* find_key(const PublicKey& key) const;
    static Spool* find_spool(const Node& node, SpoolId id);

    /// Lines of all nodes that may be given work. Errors: bad_value, not_found.
    /// `only`: of this one node.
    Result<Selection> choose(std::string_view selector, const Node* only = nullptr) const;

    /// Tasks of all nodes that have no end yet.
    std::size_t open_tasks() const;

    std::span<const std::unique_ptr<Node>> nodes() const { return nodes_; }
    std::vector<NodeView> views() const;
    static NodeView view(const Node& node);
    /// As they are shown: of a node that is away nothing is known.
    static NodeState state_of(const Node& node);
    static link::LineState state_of(const Node& node, const link::LineReport& line);
    /// Of a node that is away, what a line said last is no news.
    static void show(const Node& node, link::LineReport& line);
    std::vector<UsageView> usages() const;
    /// Those that lines name, and those that every broker knows; each once.
    std::vector<std::string> carriers() const;
    bool has_carrier(std::string_view name) const;  // letters' case does not matter
    /// Keys of the labels that some node has, each once.
    std::vector<std::string> label_keys() const;
    bool has_label(std::string_view key) const;  // the same

  private:
    std::vector<std::unique_ptr<Node>> nodes_;  // in the order of enrolment
    std::unordered_map<NodeId, Node*> by_id_;
    std::unordered_map<NodeName, Node*> by_name_;
    std::unordered_map<std::int64_t, Node*> by_row_;
};

}  // namespace edge::broker
