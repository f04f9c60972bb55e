// Link, spool and workers put together: what happens between them, once a turn of the loop.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "agent/accepted_work.hpp"
#include "agent/health/health.hpp"
#include "agent/host/host_readings.hpp"
#include "agent/host/minute_facts.hpp"
#include "agent/host/pressure_fsm.hpp"
#include "agent/line_uplinks.hpp"
#include "agent/link/link.hpp"
#include "agent/plan/plans.hpp"
#include "agent/plan/wall_timer.hpp"
#include "agent/service_report.hpp"
#include "agent/settings.hpp"
#include "agent/spool/spool.hpp"
#include "agent/spool_limit.hpp"
#include "agent/workers/workers.hpp"

namespace edge::agent {

/// What run() needs that was opened before.
struct Joined {
    Identity identity;
    NodeKeys keys;
    std::vector<Endpoint> brokers;  // at least one
    std::optional<Proxy> proxy{};
};

/// Executor: the one io_context, the one thread.
/// Order of a turn: commit the spool (one fdatasync for all that came), start what is now accepted, tell the broker.
/// Cancel: SIGTERM drains, a second one ends the process. SIGHUP reads [lines] of agent.toml again.
class Agent : private Link::Listener, private Workers::Listener {
  public:
    /// `read_again` answers with the lines that agent.toml disables now, or with nothing when it cannot be read or is
    /// wrong, which it has told. `manager` is told when it serves and how it does, and outlives this.
    Agent(boost::asio::io_context& io, const Settings& settings, Joined joined, Disk& state, Spool& spool,
          std::function<std::optional<LineSettings>()> read_again, systemd::Notifier& manager);

    /// Until drained, or until the disk failed. Errors: io.
    Result<> run();

  private:
    void start_work(link::Task task) override;
    void stop_work(std::uint64_t n, const link::AttemptRef& attempt) override;
    void change_plan(ChangePlan change) override;
    void describe(link::Hello& hello) override;
    void link_changed() override;
    void disk_failed(const Error& why) override;
    std::optional<link::Policy> policy() override { return workers_.policy(); }
    void broker_found(const std::vector<std::string>& addresses) override { workers_.deny(addresses); }
    void task_finished(Finished finished) override;
    void task_progress(link::Progress progress) override;
    void lines_changed() override;
    void policy_changed() override;
    void line_seen(const Line& line) override { health_.line_seen(line); }
    void all_lines_seen() override;
    void lines_lost() override { health_.lines_lost(); }
    void own_answered(std::uint64_t id, const ProbeReport& report) override { health_.answered(id, report); }

    std::string status() const;
    void answer_for_the_last_process();
    void begin_plan();
    void begin_link();
    void take_due();
    void watch_plan();
    void log_plan_notes();
    void arm_starts();
    void look_at_host();
    void tell_facts();
    void schedule();
    void settle();
    bool commit();
    std::uint32_t slots_free();
    void look_at_limit();
    void make_room();
    void wait_for_signal();
    void take_hangups();
    void wait_for_hangup();
    void drain();
    void leave_when_quiet();
    void leave();
    void stop();

    boost::asio::io_context& io_;
    Settings settings_;
    Spool& spool_;
    Workers workers_;
    Health health_;
    Plans plans_;
    LineUplinks uplinks_;
    Link link_;
    boost::asio::signal_set signals_;
    boost::asio::signal_set hangups_;
    std::function<std::optional<LineSettings>()> read_again_;
    ServiceReport report_;
    boost::asio::steady_timer drained_;
    boost::asio::steady_timer space_;
    HostReadings readings_;
    PressureFsm pressure_;
    MinuteFacts minute_;
    link::HostFacts host_;
    boost::asio::steady_timer look_again_;
    std::optional<Time> looked_;
    std::uint32_t looks_;  // since facts were told
    AcceptedWork accepted_;
    SpoolLimit limit_;
    WallTimer due_;
    boost::asio::steady_timer together_;  // for tasks that wait for each other
    bool plan_begun_ = false;
    bool link_begun_ = false;
    bool wants_room_ = false;  // the session was ended for it
    bool scheduled_ = false;
    bool no_space_ = false;
    enum class Stage { serving, draining, leaving } stage_ = Stage::serving;
    std::optional<Error> failure_;
};

}  // namespace edge::agent
