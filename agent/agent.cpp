#include "agent/agent.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstdlib>

#include "protocol/json/described.hpp"
#include "protocol/systemd/counted.hpp"

namespace edge::agent {
namespace {

// Tasks accepted and unfinished at once, waiting ones with them. All are named in a hello, which is at most 64 KiB:
// 58 bytes each beside 32 lines and 32 labels.
constexpr std::uint32_t kWorkSlots = 768;
constexpr std::chrono::seconds kSpaceAgain{1};
constexpr std::chrono::seconds kLeaving{3};
constexpr std::chrono::seconds kLookAgain{10};
constexpr std::uint32_t kLooksOfFacts = 6;  // once a minute; counters are totals, so asking oftener tells no more

LinkSettings link_settings(const Settings& settings) {
    std::uint64_t seed = 0;
    fill_random({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
    return {std::chrono::milliseconds(settings.link.first_retry_ms), kWorkSlots, seed};
}

LinkWays link_ways(const Settings& settings, Joined& joined, Uplinks& lines) {
    LinkWays ways;
    ways.brokers = std::move(joined.brokers);
    if (!settings.link.uplinks.empty()) ways.uplinks = settings.link.uplinks;
    ways.transport = settings.link.transport;
    ways.proxy = std::move(joined.proxy);
    ways.back = {std::chrono::milliseconds(settings.link.better_steady_ms),
                 std::chrono::milliseconds(settings.link.better_every_ms)};
    ways.lines = &lines;
    return ways;
}

}  // namespace

Agent::Agent(boost::asio::io_context& io, const Settings& settings, Joined joined, Disk& state, Spool& spool,
             std::function<std::optional<LineSettings>()> read_again, systemd::Notifier& manager)
    : io_(io),
      settings_(settings),
      spool_(spool),
      workers_(io, settings.agent.launcher, {settings.agent.workers_per_line, settings.agent.tasks_per_worker}, *this),
      health_(io, settings.health, settings.lines, workers_),
      plans_(state, joined.identity.node_id),
      uplinks_(workers_),
      link_(io, link_settings(settings), std::move(joined.identity), std::move(joined.keys),
            link_ways(settings, joined, uplinks_), state, spool, *this),
      signals_(io, SIGTERM, SIGINT),
      hangups_(io, SIGHUP),
      read_again_(std::move(read_again)),
      report_(io, manager, [this] { return status(); }),
      drained_(io),
      space_(io),
      readings_(settings.agent.state_dir),
      look_again_(io),
      looks_(kLooksOfFacts),  // the first look with a session tells
      accepted_(spool),
      limit_(spool, std::uint64_t{settings.agent.spool_mb} * 1024 * 1024),
      due_(io, [this] { take_due(); }),
      together_(io) {}

Result<> Agent::run() {
    answer_for_the_last_process();
    EDGE_TRY(spool_.commit());
    EDGE_TRY(plans_.open(moment_now()));
    EDGE_TRY(due_.start());
    wait_for_signal();
    wait_for_hangup();
    take_hangups();
    workers_.start();
    link_.slots_free(slots_free());  // the spool may be full from before
    // What its lines are, edge-launcher tells first; without it the next look at the host is the start.
    const auto& uplinks = settings_.link.uplinks;
    if (uplinks.empty() || uplinks.front() == link::kHostUplink) begin_link();
    look_at_host();
    if (failure_) return *failure_;
    report_.begin();
    io_.run();
    if (failure_) return *failure_;
    EDGE_TRY(spool_.commit());
    return spool_.save_ack();
}

void Agent::answer_for_the_last_process() {
    for (const link::AttemptRef& attempt : accepted_.answer_for_the_last_process(moment_now().wall_us))
        spdlog::warn("task_lost_by_restart task={} attempt={}", attempt.task_id.text(), attempt.attempt);
}

/// For people, in `systemctl status`.
std::string Agent::status() const {
    const std::string tasks = systemd::counted(workers_.tasks(), "task") + ", ";
    if (stage_ != Stage::serving) return "draining, " + tasks + link_.standing();
    const auto lines = workers_.lines();
    const auto up = std::ranges::count(lines, link::LineState::up, &link::LineReport::state);
    return std::to_string(up) + "/" + std::to_string(lines.size()) + " lines up, " + tasks + link_.standing();
}

// ── from the link ──

void Agent::start_work(link::Task task) {
    accepted_.offered(std::move(task), moment_now());
    schedule();
}

void Agent::stop_work(std::uint64_t n, const link::AttemptRef& attempt) {
    accepted_.canceled(n, attempt);
    schedule();
}

void Agent::describe(link::Hello& hello) {
    hello.features.emplace_back(link::kPlanFeature);
    hello.plans = plans_.digest();
    std::erase_if(hello.running, [this](const link::AttemptRef& one) { return accepted_.planned().contains(one); });
    hello.labels = settings_.node.labels;
    hello.lines = workers_.lines();
    hello.policy_hash = workers_.policy_hash();
}

void Agent::link_changed() {
    if (wants_room_ && link_.closed()) make_room();
    if (stage_ != Stage::serving || limit_.reached()) schedule();
    report_.changed();
}

void Agent::disk_failed(const Error& why) {
    failure_ = why;
    io_.stop();
}

// ── from the workers ──

void Agent::task_finished(Finished finished) {
    spdlog::debug("task_finished task={} attempt={} status={}", finished.result.task_id.text(), finished.result.attempt,
                  enum_text(finished.result.status));
    accepted_.finished(std::move(finished));
    schedule();
}

void Agent::task_progress(link::Progress progress) {
    link_.show(progress);
    schedule();
}

void Agent::lines_changed() {
    link_.lines_changed();
    if (link_begun_) link_.uplinks_changed();
    schedule();
}

void Agent::all_lines_seen() {
    health_.all_lines_seen();
    begin_plan();
    begin_link();
}

void Agent::begin_link() {
    if (stage_ != Stage::serving || std::exchange(link_begun_, true)) return;
    link_.uplinks_changed();
    if (const auto started = link_.start(); !started) disk_failed(started.error());
}

void Agent::policy_changed() {
    pressure_.thresholds(workers_.policy()->host);
    link_.policy_changed();
    schedule();
}

// ── the host ──

void Agent::look_at_host() {
    using namespace std::chrono;
    const Moment moment = moment_now();
    const Time now = moment.steady;
    const auto elapsed = looked_ ? duration_cast<microseconds>(now - *looked_).count() : 0;
    if (looked_) begin_plan();  // a launcher that is not there by now is an answer
    if (looked_) begin_link();
    looked_ = now;
    host_ = readings_.read(static_cast<std::uint64_t>(elapsed));
    const bool changed = pressure_.sample(host_, now);
    host_.busy = pressure_.busy();
    if (changed) {
        workers_.busy(host_.busy);
        if (host_.busy.empty())
            spdlog::info("host_free");
        else
            spdlog::warn("host_busy why=\"{}\" consequence=\"new tasks are refused\"", host_.busy);
    }
    if (++looks_ >= kLooksOfFacts || changed) tell_facts();
    if (const auto dropped = spool_.drop_old(moment_now().wall_us); !dropped) return disk_failed(dropped.error());
    if (link_.live()) {
        plans_.in_contact(moment);
        link_.replace_key_older_than(std::uint64_t{settings_.identity.rotate_days} * 86'400);
        schedule();
    }
    look_again_.expires_after(kLookAgain);
    look_again_.async_wait([this](const boost::system::error_code& error) {
        if (!error) look_at_host();
    });
}

void Agent::tell_facts() {
    if (!link_.live()) return;  // the next look tries again, and what was used meanwhile is in it
    looks_ = 0;
    workers_.usage([this](std::vector<link::LineUsage> lines, std::vector<link::SandboxUsage> sandboxes) {
        link_.tell(minute_.make(host_, std::move(lines), std::move(sandboxes), moment_now()));
    });
}

// ── a turn of the loop ──

/// Behind all that is ready now, so that one fdatasync serves it all; at once when there is nothing else.
void Agent::schedule() {
    if (std::exchange(scheduled_, true)) return;
    boost::asio::post(io_, [this] { settle(); });
}

void Agent::settle() {
    scheduled_ = false;
    if (!commit()) return;
    for (Accepted& one : accepted_.starting(moment_now().steady)) workers_.submit(std::move(one.task), one.received);
    for (const link::AttemptRef& attempt : accepted_.stopping()) workers_.cancel(attempt);
    link_.slots_free(slots_free());
    link_.committed();
    arm_starts();
    watch_plan();
    report_.changed();
    if (stage_ == Stage::draining) leave_when_quiet();
    if (stage_ == Stage::leaving && link_.closed()) stop();
}

/// None above the spool's limit: what was accepted is still run and its results are kept, however many they are, so new
/// work has to wait until the broker has taken some.
std::uint32_t Agent::slots_free() {
    look_at_limit();
    if (limit_.reached()) return 0;
    return kWorkSlots - static_cast<std::uint32_t>(std::min<std::size_t>(workers_.tasks(), kWorkSlots));
}

void Agent::look_at_limit() {
    if (!limit_.look(link_.live(), moment_now().steady)) return;
    if (limit_.reached())
        spdlog::error("spool_limit_reached bytes={} limit={} consequence=\"no new work\"", spool_.bytes(),
                      limit_.bytes());
    else
        spdlog::info("spool_limit_left bytes={} limit={}", spool_.bytes(), limit_.bytes());
}

bool Agent::commit() {
    if (no_space_) return false;
    // The spool first: a tick that is remembered as fired has its tasks there.
    auto committed = spool_.commit();
    if (committed) committed = plans_.commit(moment_now());
    if (committed) return true;
    if (committed.error().code != Errc::unavailable) {
        disk_failed(committed.error());
        return false;
    }
    // Nothing is lost: it is all still in memory, and the broker hears of none of it until there is space.
    spdlog::error("spool_full why=\"{}\"", committed.error().message());
    no_space_ = true;
    link_.slots_free(0);
    space_.expires_after(kSpaceAgain);
    space_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        no_space_ = false;
        schedule();
    });
    return false;
}

// ── the end ──

void Agent::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        if (stage_ != Stage::serving) std::_Exit(EXIT_SUCCESS);  // asked twice; the spool recovers
        drain();
        wait_for_signal();
    });
}

/// From now on: main() blocks them first of all, so that one that comes earlier waits.
void Agent::take_hangups() {
    sigset_t hangup;
    ::sigemptyset(&hangup);
    ::sigaddset(&hangup, SIGHUP);
    ::pthread_sigmask(SIG_UNBLOCK, &hangup, nullptr);
}

void Agent::wait_for_hangup() {
    hangups_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        report_.reloading();
        if (auto lines = read_again_()) {
            spdlog::info("reloaded disabled={}", lines->disabled.size());
            health_.disable(std::move(lines->disabled));
        }
        report_.ready();  // also where it was wrong: then it serves as before, and the log says why
        wait_for_hangup();
    });
}

void Agent::drain() {
    spdlog::info("draining tasks={} within_ms={}", workers_.tasks(), settings_.agent.drain_ms);
    stage_ = Stage::draining;
    report_.stopping();
    link_.drain();
    drained_.expires_after(std::chrono::milliseconds(settings_.agent.drain_ms));
    drained_.async_wait([this](const boost::system::error_code& error) {
        if (!error) leave();
    });
    leave_when_quiet();
}

void Agent::leave_when_quiet() {
    if (stage_ != Stage::draining || workers_.tasks() > 0 || accepted_.waits() || spool_.dirty() || !link_.quiet())
        return;
    drained_.cancel();
    leave();
}

void Agent::leave() {
    if (stage_ == Stage::leaving) return;
    stage_ = Stage::leaving;
    link_.finish();
    if (link_.closed()) return stop();
    drained_.expires_after(kLeaving);
    drained_.async_wait([this](const boost::system::error_code& error) {
        if (!error) stop();
    });
}

void Agent::stop() {
    spdlog::info("stopped unfinished={} unsent={}", workers_.tasks(),
                 spool_.first() == 0 ? 0 : spool_.last() - spool_.first() + 1);
    io_.stop();
}

}  // namespace edge::agent
