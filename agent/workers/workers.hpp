// The shell of PoolFsm: the launcher's socket, the workers' sockets and one timer.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/workers/launcher_client.hpp"
#include "agent/workers/pool_fsm.hpp"
#include "agent/workers/worker_channel.hpp"

namespace edge::agent {

/// Executor: the one io_context. Cancel: the destructor.
class Workers : private LauncherClient::Listener, private WorkerChannel::Listener {
  public:
    class Listener {
      public:
        virtual ~Listener() = default;
        virtual void task_finished(Finished finished) = 0;
        virtual void task_progress(link::Progress progress) = 0;
        virtual void lines_changed() = 0;
        virtual void policy_changed() = 0;
        /// Before the pool hears of it, so that it may be judged first.
        virtual void line_seen(const Line& line) = 0;
        /// After the last of them, each time a launcher is there: there is no other.
        virtual void all_lines_seen() = 0;
        virtual void lines_lost() = 0;
        virtual void own_answered(std::uint64_t id, const ProbeReport& report) = 0;
    };

    Workers(boost::asio::io_context& io, std::string launcher_path, PoolSettings settings, Listener& listener);

    void start() { launcher_.start(); }
    void submit(link::Task task, Moment received);
    void cancel(const link::AttemptRef& attempt);
    /// own_answered() follows, perhaps at once.
    void probe(OwnProbe own) { carry_out(pool_.probe(std::move(own), moment_now())); }
    void judge(const LineName& line, Standing standing);
    /// How the kernel would send this flow over the line now; nothing when the launcher does not say.
    void look_up(const LineName& line, const Flow& flow, std::function<void(std::optional<RouteAnswer>)> reply);
    /// A socket that leaves by the line, for the agent's own use. May answer from inside the call.
    void open_uplink(const LineName& line, bool v6, launcher::UplinkTransport transport,
                     std::function<void(Result<Fd>)> reply);
    std::vector<link::LineReport> lines() const { return pool_.lines(); }
    /// Hex SHA-256 of the launcher's policy; empty until it said.
    const std::string& policy_hash() const { return policy_hash_; }
    /// As the launcher told it, what deny() took away included; none until it did.
    const std::optional<link::Policy>& policy() const { return policy_; }
    /// No probe may speak to these, whatever policy.toml says; at most eight, instead of those before.
    void deny(std::vector<std::string> addresses);
    /// Why no new tasks are taken; empty: they are.
    void busy(const std::string& why) { pool_.busy(why); }
    /// Totals of lines, figures of the sandboxes that live; without a launcher both are empty.
    using UsageReply = std::function<void(std::vector<link::LineUsage>, std::vector<link::SandboxUsage>)>;
    void usage(UsageReply reply);
    std::size_t tasks() const { return pool_.tasks(); }

  private:
    void launcher_up() override;
    void launcher_down(const Error& why) override;
    void line_changed(const launcher::LineInfo& info) override;
    void worker_exited(const launcher::WorkerExited& exit) override;
    void worker_frame(std::uint32_t worker, worker::Frame frame) override;
    void worker_broken(std::uint32_t worker, const Error& why) override;
    void worker_hung_up(std::uint32_t worker) override;

    static constexpr std::uint32_t kMostParts = 1024;  // of a policy; the launcher's lists are far shorter
    void send_denied();
    void denial_failed(const Error& why);
    void fetch_policy();
    void policy_unknown(const Error& why);
    void take_part(unsigned fetch, const Result<launcher::PolicyPart>& part);
    void fetch_lines(std::uint32_t from, std::uint32_t count);
    void all_lines_told();
    void carry_out(PoolActions actions);
    void act(SpawnWorker&& action);
    void act(SendFrame&& action);
    void act(KillWorker&& action);
    void act(DropWorker&& action);
    void act(AskRoute&& action);
    void act(Deliver&& action);
    void act(Answer&& action);
    void act(Show&& action);
    void act(LinesChanged&& action);
    void act(PoolNote&& action);
    void arm();

    boost::asio::io_context& io_;
    Listener& listener_;
    PoolFsm pool_;
    std::string launcher_path_;
    LauncherClient launcher_;
    struct Channel {
        LineName line;
        std::unique_ptr<WorkerChannel> stream;
    };
    std::map<WorkerId, Channel> channels_;
    std::map<LineName, std::uint32_t> line_indices_;  // the launcher's
    boost::asio::steady_timer timer_, policy_again_, denial_again_;
    Time armed_ = Time::max();
    std::string policy_hash_;
    std::optional<link::Policy> policy_;
    link::Policy fetched_;  // as far as its parts have come
    unsigned fetch_ = 0;    // which it is of; parts of an earlier one do not count
    std::vector<std::string> denied_;
    enum class Launcher { unknown, up, down } state_ = Launcher::unknown;
};

}  // namespace edge::agent
