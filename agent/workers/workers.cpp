#include "agent/workers/workers.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace edge::agent {

Workers::Workers(boost::asio::io_context& io, std::string launcher_path, PoolSettings settings, Listener& listener)
    : io_(io),
      listener_(listener),
      pool_(settings),
      launcher_path_(std::move(launcher_path)),
      launcher_(io, launcher_path_, *this),
      timer_(io),
      policy_again_(io),
      denial_again_(io) {}

void Workers::submit(link::Task task, Moment received) {
    carry_out(pool_.submit(std::move(task), received, moment_now()));
}

void Workers::cancel(const link::AttemptRef& attempt) {
    carry_out(pool_.cancel(attempt, moment_now()));
}

void Workers::judge(const LineName& line, Standing standing) {
    carry_out(pool_.judge(line, std::move(standing), moment_now()));
    listener_.lines_changed();
}

void Workers::look_up(const LineName& line, const Flow& flow, std::function<void(std::optional<RouteAnswer>)> reply) {
    const auto address = address_from(flow.destination);
    if (!address) return reply(std::nullopt);
    const launcher::RouteGet query{launcher_name(line), *address, flow.protocol, flow.port};
    launcher_.route_get(query, [reply = std::move(reply)](const Result<launcher::Route>& route) {
        reply(route ? std::optional(route_from(route.value())) : std::nullopt);
    });
}

void Workers::open_uplink(const LineName& line, bool v6, launcher::UplinkTransport transport,
                          std::function<void(Result<Fd>)> reply) {
    const auto family = static_cast<std::uint16_t>(v6 ? AF_INET6 : AF_INET);
    launcher_.open_uplink({launcher_name(line), family, transport}, std::move(reply));
}

// ── the launcher ──

void Workers::launcher_up() {
    spdlog::info("launcher_connected socket={}", launcher_path_);
    state_ = Launcher::up;
    carry_out(pool_.launcher_up());
    send_denied();  // before a worker is spawned, which learns of it as an argument
    fetch_policy();
    launcher_.get_line(0, [this](const Result<launcher::LineInfo>& first) {
        if (!first) {
            if (state_ == Launcher::up) spdlog::error("lines_unknown why=\"{}\"", first.error().message());
            return;
        }
        line_changed(first.value());
        fetch_lines(1, first.value().count);
    });
}

void Workers::fetch_lines(std::uint32_t from, std::uint32_t count) {
    const std::uint32_t end = std::min(count, launcher::kMaxLines);
    if (from >= end) return all_lines_told();
    for (std::uint32_t index = from; index < end; ++index) {
        launcher_.get_line(index, [this, last = index + 1 == end](const Result<launcher::LineInfo>& line) {
            if (!line) return;
            line_changed(line.value());
            if (last) all_lines_told();
        });
    }
}

/// A line that was taken out of lines.toml went with the launcher that knew it.
void Workers::all_lines_told() {
    std::set<LineName> told;
    for (const auto& [name, index] : line_indices_) told.insert(name);
    pool_.keep_only(told);
    listener_.all_lines_seen();
    listener_.lines_changed();
}

void Workers::launcher_down(const Error& why) {
    if (state_ == Launcher::down) return;  // said once, tried every second
    spdlog::warn("launcher_unavailable why=\"{}\"", why.message());
    const bool was_up = state_ == Launcher::up;
    state_ = Launcher::down;
    if (!was_up) return;
    line_indices_.clear();  // the next launcher may number others so
    listener_.lines_lost();
    carry_out(pool_.launcher_down(moment_now()));
    listener_.lines_changed();
}

void Workers::line_changed(const launcher::LineInfo& info) {
    auto line = line_from(info);
    if (!line) {
        spdlog::error("line_ignored why=\"{}\"", line.error().message());
        return;
    }
    line_indices_[line.value().report.name] = info.index;
    listener_.line_seen(line.value());
    carry_out(pool_.line(std::move(line.value()), moment_now()));
    listener_.lines_changed();
}

void Workers::worker_exited(const launcher::WorkerExited& exit) {
    carry_out(pool_.exited(exit.worker, exit.reason, exit.code, moment_now()));
}

// ── workers ──

void Workers::worker_frame(std::uint32_t worker, worker::Frame frame) {
    carry_out(pool_.frame(worker, std::move(frame), moment_now()));
}

void Workers::worker_broken(std::uint32_t worker, const Error& why) {
    carry_out(pool_.broken(worker, why.message(), moment_now()));
}

void Workers::worker_hung_up(std::uint32_t worker) {
    carry_out(pool_.hung_up(worker, moment_now()));
}

// ── actions ──

void Workers::carry_out(PoolActions actions) {
    for (PoolAction& action : actions) {
        std::visit([this](auto& one) { act(std::move(one)); }, action);
    }
    arm();
}

void Workers::act(SpawnWorker&& action) {
    launcher_.spawn(launcher_name(action.line), [this, line = action.line](Result<LauncherClient::Worker> spawned) {
        if (!spawned) return carry_out(pool_.spawn_failed(line, spawned.error().message(), moment_now()));
        const WorkerId worker = spawned.value().info.worker;
        WorkerChannel::Listener& here = *this;
        channels_[worker] = {line,
                             std::make_unique<WorkerChannel>(io_, worker, std::move(spawned.value().socket), here)};
        carry_out(pool_.spawned(line, worker, moment_now()));
    });
}

void Workers::act(SendFrame&& action) {
    if (const auto at = channels_.find(action.worker); at != channels_.end()) at->second.stream->write(action.frame);
}

void Workers::act(KillWorker&& action) {
    launcher_.kill(action.worker, [worker = action.worker](const Result<launcher::Done>& done) {
        if (!done) spdlog::warn("worker_kill_failed worker={} why=\"{}\"", worker, done.error().message());
    });
}

void Workers::act(DropWorker&& action) {
    channels_.erase(action.worker);
}

void Workers::act(AskRoute&& action) {
    const AskRoute asked = std::move(action);
    look_up(asked.line, asked.flow, [this, asked](std::optional<RouteAnswer> answer) {
        carry_out(pool_.route(asked.line, asked.flow, std::move(answer), moment_now()));
    });
}

void Workers::act(Deliver&& action) {
    listener_.task_finished(std::move(action.finished));
}

void Workers::act(Answer&& action) {
    listener_.own_answered(action.id, action.report);
}

void Workers::act(LinesChanged&&) {
    listener_.lines_changed();
}

void Workers::act(Show&& action) {
    listener_.task_progress(std::move(action.progress));
}

void Workers::act(PoolNote&& action) {
    if (action.warning) {
        spdlog::warn("{}", action.text);
    } else {
        spdlog::info("{}", action.text);
    }
}

void Workers::arm() {
    const auto deadline = pool_.deadline();
    if (!deadline) return;
    // A timer that fires too early costs a look; setting it again for every task would cost more.
    if (armed_ <= *deadline) return;
    armed_ = *deadline;
    timer_.expires_at(armed_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        armed_ = Time::max();
        carry_out(pool_.tick(moment_now()));
    });
}

}  // namespace edge::agent
