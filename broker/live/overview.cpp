#include "broker/live/overview.hpp"

#include <algorithm>
#include <cmath>

#include "protocol/json/described.hpp"

namespace edge::broker::live {
namespace {

constexpr std::uint64_t kLongestRtt = 3'600'000'000;    // what a node says beyond an hour is no measurement
constexpr std::uint64_t kMinusOne = ~std::uint64_t{0};  // unsigned counters wrap back

std::string province_of(const NodeView& node) {
    const auto at = node.labels.find("province");
    return at == node.labels.end() ? std::string() : at->second;
}

template <class Enum, std::size_t Size>
void put_states(Json& json, const std::array<std::uint64_t, Size>& counts) {
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<Enum>>(
        [&](auto one) { json[one.name] = counts[static_cast<std::size_t>(one.value)]; });
}

template <class Counts>
std::uint64_t sum(const Counts& counts) {
    std::uint64_t all = 0;
    for (const auto count : counts) all += count;
    return all;
}

Json or_null(std::optional<std::uint64_t> value) {
    return value ? Json(*value) : Json(nullptr);
}

}  // namespace

void Recent::add(std::uint64_t value, std::uint64_t now_us) {
    const std::uint64_t span = now_us / span_us_ + 1;  // 0 is a part that was never used
    Part& part = parts_[span % kParts];
    if (part.span != span) part = {span, 0, 0};
    part.sum += value;
    ++part.count;
}

Recent::Part Recent::total(std::uint64_t now_us) const {
    const std::uint64_t span = now_us / span_us_ + 1;
    Part all;
    for (const Part& part : parts_) {
        if (part.span + kParts <= span) continue;
        all.sum += part.sum;
        all.count += part.count;
    }
    return all;
}

std::optional<std::uint64_t> Recent::mean(std::uint64_t now_us) const {
    const Part all = total(now_us);
    if (all.count == 0) return std::nullopt;
    return all.sum / all.count;
}

/// What is not said any more gives way to what is.
Overview::Cell& Overview::cell_of(const std::string& province, const std::string& carrier) {
    auto key = std::pair(province, carrier);
    if (cells_.size() >= kMostCells && !cells_.contains(key)) {
        std::erase_if(cells_, [](const auto& one) { return sum(one.second.lines) == 0; });
        if (cells_.size() >= kMostCells) key = {};
    }
    return cells_[std::move(key)];
}

void Overview::count(const NodeView& node, std::uint64_t by) {
    node_states_[static_cast<std::size_t>(node.state)] += by;
    if (!node.busy.empty()) busy_ += by;
}

void Overview::node(std::shared_ptr<const NodeView> view) {
    Known& known = nodes_[view->node.id];
    const auto count_line = [&known](std::size_t i) -> std::uint64_t& {
        return known.cells[i]->lines[static_cast<std::size_t>(known.view->lines[i].state)];
    };
    if (known.view) count(*known.view, kMinusOne);
    for (std::size_t i = 0; i < known.cells.size(); ++i) --count_line(i);
    known.view = std::move(view);
    known.cells.clear();
    count(*known.view, 1);
    const std::string province = province_of(*known.view);
    for (const auto& line : known.view->lines) {
        known.cells.push_back(&cell_of(province, line.carrier));
        ++count_line(known.cells.size() - 1);  // at once: an empty cell may be taken away
    }
}

void Overview::run(const RunView& run) {
    if (run.state == RunState::running)
        running_.insert(run.id);
    else
        running_.erase(run.id);
}

void Overview::result(const ResultView& result, std::uint64_t now_us) {
    ++results_;
    rate_.add(1, now_us);
    const auto node = nodes_.find(result.node.id);
    if (node == nodes_.end()) return;
    const auto at = cells_.find({province_of(*node->second.view), result.line.carrier});
    if (at == cells_.end()) return;
    const Summary& summary = result.result.summary;
    if (summary.rtt_us && *summary.rtt_us <= kLongestRtt) at->second.rtt_us.add(*summary.rtt_us, now_us);
    if (summary.loss && *summary.loss >= 0 && *summary.loss <= 100)
        at->second.loss_permille.add(static_cast<std::uint64_t>(std::llround(*summary.loss * 10)), now_us);
}

std::string Overview::text(std::uint64_t now_us) const {
    Json json;
    put_states<NodeState>(json["nodes"], node_states_);
    json["nodes"]["total"] = nodes_.size();
    json["nodes"]["busy"] = busy_;
    std::array<std::uint64_t, kLineStates> lines{};
    Json& cells = json["cells"] = Json::array();
    for (const auto& [names, cell] : cells_) {
        for (std::size_t i = 0; i < lines.size(); ++i) lines[i] += cell.lines[i];
        const std::uint64_t count = sum(cell.lines);
        if (count == 0) continue;
        const auto of = [&cell](link::LineState state) { return cell.lines[static_cast<std::size_t>(state)]; };
        cells.push_back({{"province", names.first},
                         {"carrier", names.second},
                         {"lines", count},
                         {"up", of(link::LineState::up)},
                         {"degraded", of(link::LineState::degraded)},
                         {"down", of(link::LineState::down)},
                         {"unknown", of(link::LineState::unknown)},
                         {"rtt_us", or_null(cell.rtt_us.mean(now_us))},
                         {"loss_permille", or_null(cell.loss_permille.mean(now_us))}});
    }
    put_states<link::LineState>(json["lines"], lines);
    json["lines"]["total"] = sum(lines);
    json["runs"] = {{"running", running_.size()}};
    json["results"] = {{"total", results_}, {"per_s", static_cast<double>(rate_.count(now_us)) / Recent::kParts}};
    return dump_json(json);
}

}  // namespace edge::broker::live
