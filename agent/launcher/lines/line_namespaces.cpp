#include "agent/launcher/lines/line_namespaces.hpp"

#include <algorithm>
#include <cerrno>

namespace edge::launcher {

Result<> remove_ours(Network& network, spdlog::logger& log) {
    EDGE_TRY(const auto owned, network.owned());
    const auto changes = routing_changes(owned, Routing{});
    if (!changes.empty()) log.debug("routing_removed rules={} routes={}", owned.rules.size(), owned.routes.size());
    auto failures = network.apply(changes);
    EDGE_TRY(const auto devices, network.devices());
    const auto made = device_changes({}, devices, {});
    for (const auto index : made.remove) log.debug("device_removed ifindex={}", index);
    const auto left = network.apply(made);
    failures.insert(failures.end(), left.begin(), left.end());
    if (!failures.empty()) return failures.front();
    return ok();
}

LineNamespaces::LineNamespaces(const std::vector<Line>& lines, Network& own, OpenNetwork open, spdlog::logger& log)
    : open_(std::move(open)), log_(log) {
    all_.push_back({{}, &own});
    for (const auto& line : lines) {
        const auto is_its = [&](const LineNamespace& one) { return one.path == line.netns_path(); };
        auto space = std::find_if(all_.begin(), all_.end(), is_its);
        if (space == all_.end()) space = all_.insert(space, LineNamespace{line.netns_path()});
        space->lines.push_back(line);
    }
}

Result<> LineNamespaces::look() {
    Result<> looked = ok();
    for (auto& space : all_) {
        if (space.network != nullptr && !space.network->is_there()) leave(space);
        if (space.network == nullptr) open(space);
        if (space.network == nullptr) continue;
        auto devices = space.network->devices();
        if (devices)
            space.devices = std::move(devices.value());
        else if (looked)
            looked = devices.error();
    }
    return looked;
}

/// It may live on without its name, where a process of it does.
void LineNamespaces::leave(LineNamespace& space) {
    (void)remove_ours(*space.network, log_);
    left_.push_back(std::exchange(space, {space.path, nullptr, space.lines}));
}

void LineNamespaces::open(LineNamespace& space) {
    auto opened = open_(space.path);
    const std::string missing = opened ? "" : opened.error().message();
    if (std::exchange(space.missing, missing) != missing)
        for (const auto& line : space.lines)
            log_.warn("line_namespace line={} netns={} why=\"{}\"", line.name, line.netns,
                      missing.empty() ? "it is back" : missing);
    if (opened) space.network = (space.opened = std::move(opened.value())).get();
}

const LineNamespace& LineNamespaces::of(const Line& line) const {
    return *std::find_if(all_.begin(), all_.end(), [&](const auto& one) { return one.path == line.netns_path(); });
}

std::vector<Network*> LineNamespaces::networks() const {
    std::vector<Network*> there;
    for (const auto& space : all_)
        if (space.network != nullptr) there.push_back(space.network);
    return there;
}

Result<NamespaceVisit> LineNamespaces::enter(const Line& line) const {
    const auto& space = of(line);
    if (space.network != nullptr) return space.network->enter();
    return Error{Errc::unavailable, "line " + line.name, space.missing, ENODEV};
}

}  // namespace edge::launcher
