// The fleet in figures: how many nodes and lines stand how, per province and carrier, and what results of the last five
// minutes say. Kept as events come, so that asking costs nothing. Pure.
#pragma once
#include <array>
#include <boost/mp11.hpp>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/domain/views.hpp"

namespace edge::broker::live {

/// Sums over the last kParts spans of time; what is older is forgotten. Units: microseconds, monotonic.
class Recent {
  public:
    static constexpr std::uint64_t kParts = 10;
    explicit Recent(std::uint64_t span_us) : span_us_(span_us) {}

    void add(std::uint64_t value, std::uint64_t now_us);
    std::uint64_t count(std::uint64_t now_us) const { return total(now_us).count; }
    std::optional<std::uint64_t> mean(std::uint64_t now_us) const;

  private:
    struct Part {
        std::uint64_t span = 0;
        std::uint64_t sum = 0;
        std::uint64_t count = 0;
    };
    Part total(std::uint64_t now_us) const;

    std::uint64_t span_us_;
    std::array<Part, kParts> parts_{};
};

class Overview {
  public:
    /// What a node or a label of it says cannot make more cells; further ones are counted in the one without names.
    static constexpr std::size_t kMostCells = 1'024;

    void node(std::shared_ptr<const NodeView> node);
    void run(const RunView& run);
    void result(const ResultView& result, std::uint64_t now_us);
    /// As GET /api/v1/overview answers.
    std::string text(std::uint64_t now_us) const;

  private:
    static constexpr std::size_t kLineStates = 6;
    static constexpr std::size_t kNodeStates =
        boost::mp11::mp_size<boost::describe::describe_enumerators<NodeState>>::value;
    struct Cell {
        std::array<std::uint64_t, kLineStates> lines{};
        Recent rtt_us{30'000'000};
        Recent loss_permille{30'000'000};
    };
    using Cells = std::map<std::pair<std::string, std::string>, Cell>;  // by province and carrier
    struct Known {
        std::shared_ptr<const NodeView> view;
        std::vector<Cell*> cells;  // of its lines, in their order
    };

    Cell& cell_of(const std::string& province, const std::string& carrier);
    void count(const NodeView& node, std::uint64_t by);

    Cells cells_;
    std::unordered_map<NodeId, Known> nodes_;
    std::array<std::uint64_t, kNodeStates> node_states_{};
    std::uint64_t busy_ = 0;
    std::set<RunId> running_;
    std::uint64_t results_ = 0;
    Recent rate_{1'000'000};
};

}  // namespace edge::broker::live
