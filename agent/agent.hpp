// Link, spool and workers put together: what happens between them, once a turn of the loop.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "agent/health/health.hpp"
#include "agent/link/link.hpp"
#include "agent/settings.hpp"
#include "agent/spool/spool.hpp"
#include "agent/workers/workers.hpp"

namespace edge::agent {

/// What run() needs that was opened before.
struct Joined {
    Identity identity;
    SigningKey key;
    Endpoint endpoint;
};

/// Executor: the one io_context, the one thread.
/// Order of a turn: commit the spool (one fdatasync for all that came), start what is now accepted, tell the broker.
/// Cancel: SIGTERM drains, a second one ends the process.
class Agent : private Link::Listener, private Workers::Listener {
  public:
    Agent(boost::asio::io_context& io, const Settings& settings, Joined joined, Disk& state, Spool& spool);

    /// Until drained, or until the disk failed. Errors: io.
    Result<> run();

  private:
    struct Waiting {
        link::Task task;
        Moment received;
    };

    void start_work(link::Task task) override;
    void stop_work(std::uint64_t n, const link::AttemptRef& attempt) override;
    void describe(link::Hello& hello) override;
    void link_changed() override;
    void disk_failed(const Error& why) override;
    void task_finished(Finished finished) override;
    void task_progress(link::Progress progress) override;
    void lines_changed() override;
    void line_seen(const Line& line) override { health_.line_seen(line); }
    void lines_lost() override { health_.lines_lost(); }
    void own_answered(std::uint64_t id, const ProbeReport& report) override { health_.answered(id, report); }

    void answer_for_the_last_process();
    void schedule();
    void settle();
    bool commit();
    std::uint32_t slots_free();
    void wait_for_signal();
    void drain();
    void leave_when_quiet();
    void leave();
    void stop();

    boost::asio::io_context& io_;
    Settings settings_;
    Spool& spool_;
    Workers workers_;
    Health health_;
    Link link_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer drained_;
    boost::asio::steady_timer space_;
    std::vector<Waiting> starting_;
    std::vector<link::AttemptRef> stopping_;
    bool scheduled_ = false;
    bool no_space_ = false;
    bool at_limit_ = false;  // of the spool: no new work is taken
    enum class Stage { serving, draining, leaving } stage_ = Stage::serving;
    std::optional<Error> failure_;
};

}  // namespace edge::agent
