#include "agent/health/health.hpp"

#include <spdlog/spdlog.h>

#include "agent/health/neighbours.hpp"
#include "protocol/crypto/keys.hpp"

namespace edge::agent {
namespace {

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    fill_random({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
    return seed;
}

Time steady_now() {
    return moment_now().steady;
}

}  // namespace

Health::Health(boost::asio::io_context& io, const HealthSettings& settings, const LineSettings& lines, Workers& workers)
    : workers_(workers),
      fsm_(settings, lines, random_seed()),
      prefixes_(io, settings.prefix_file,
                [this](const auto& address, const auto& origin) { origin_found(address, origin); }),
      timer_(io) {}

void Health::line_seen(const Line& line) {
    carry_out(fsm_.line(line, steady_now()));
}

void Health::disable(std::vector<LineName> lines) {
    carry_out(fsm_.disable(std::move(lines), steady_now()));
}

void Health::answered(std::uint64_t id, const ProbeReport& report) {
    carry_out(fsm_.answered(id, report, steady_now()));
}

void Health::carry_out(HealthActions actions) {
    for (HealthAction& action : actions) {
        std::visit([this](auto& one) { act(std::move(one)); }, action);
    }
    arm();
}

void Health::act(OwnProbe&& action) {
    workers_.probe(std::move(action));
}

void Health::act(LookUpRoute&& action) {
    workers_.look_up(action.line, Flow{action.destination},
                     [this, id = action.id](const std::optional<RouteAnswer>& answer) {
                         carry_out(fsm_.route(id, answer, steady_now()));
                     });
}

void Health::act(LookAtNeighbour&& action) {
    carry_out(fsm_.neighbour(action.id, neighbour_state(action.ifindex, action.address), steady_now()));
}

void Health::act(FindOrigin&& action) {
    wanted_.emplace(action.address, action.line);
    prefixes_.find(action.address);
}

void Health::origin_found(const std::string& address, const std::optional<Origin>& origin) {
    const auto [first, last] = wanted_.equal_range(address);
    std::vector<LineName> lines;
    for (auto at = first; at != last; ++at) lines.push_back(at->second);
    wanted_.erase(first, last);
    for (const LineName& line : lines) carry_out(fsm_.origin(line, address, origin));
}

void Health::act(Judge&& action) {
    workers_.judge(action.line, std::move(action.standing));
}

void Health::act(HealthNote&& action) {
    if (action.warning) {
        spdlog::warn("{}", action.text);
    } else {
        spdlog::info("{}", action.text);
    }
}

void Health::arm() {
    const auto deadline = fsm_.deadline();
    if (!deadline || (armed_ && *armed_ <= *deadline)) return;
    armed_ = deadline;
    timer_.expires_at(*deadline);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        armed_.reset();
        carry_out(fsm_.tick(steady_now()));
    });
}

}  // namespace edge::agent
