// Speaks to edge-launcher over its SOCK_SEQPACKET socket; dials again when it went away.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "agent/fd.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// Executor: the one io_context; nothing here blocks.
/// Cancel: the destructor; unanswered requests are dropped without a call.
class LauncherClient {
  public:
    class Listener {
      public:
        virtual ~Listener() = default;
        virtual void launcher_up() = 0;
        /// Every request without an answer is answered `unavailable` after this.
        virtual void launcher_down(const Error& why) = 0;
        virtual void line_changed(const launcher::LineInfo& line) = 0;
        virtual void worker_exited(const launcher::WorkerExited& exit) = 0;
    };
    template <class B>
    using Reply = std::function<void(Result<B>)>;
    struct Worker {
        launcher::Spawned info;
        Fd socket;
    };

    LauncherClient(boost::asio::io_context& io, std::string path, Listener& listener);
    ~LauncherClient();

    void start() { dial(); }
    void get_line(std::uint32_t index, Reply<launcher::LineInfo> reply);
    void get_host(Reply<launcher::HostInfo> reply);
    void spawn(const launcher::LineName& line, Reply<Worker> reply);
    /// An escape attempt in the place of a worker; its stream is the attempt's.
    void attempt(const launcher::Attempt& attempt, Reply<Worker> reply);
    void kill(std::uint32_t worker, Reply<launcher::Done> reply);
    void stats(std::uint32_t worker, Reply<launcher::WorkerStats> reply);
    void get_policy(std::uint32_t part, Reply<launcher::PolicyPart> reply);
    void deny_targets(const launcher::DenyTargets& body, Reply<launcher::Done> reply);
    void line_usage(std::uint32_t line, Reply<launcher::LineUsage> reply);
    /// A socket of the line's.
    void open_uplink(const launcher::OpenUplink& asked, Reply<Fd> reply);
    void route_get(const launcher::RouteGet& query, Reply<launcher::Route> reply);

  private:
    /// The packet's bytes and the descriptor that came with it, or why there is none.
    using Answer = std::function<void(Result<std::string>, Fd)>;
    void dial();
    void wait();
    void drain();
    bool receive();
    void take(const std::string& packet, Fd fd);
    void lost(Error why);
    template <class B>
    void ask(launcher::Type type, const B& body, Answer answer);
    template <class B, class A>
    void ask_for(launcher::Type type, const B& body, Reply<A> reply);
    static Answer worker_answer(Reply<Worker> reply);
    void send(std::string packet, std::uint32_t serial, Answer answer);
    void flush();

    std::string path_;
    Listener& listener_;
    boost::asio::posix::stream_descriptor socket_;
    boost::asio::steady_timer again_;
    std::uint32_t serial_ = 0;
    bool connected_ = false;
    std::unordered_map<std::uint32_t, Answer> waiting_;
    std::deque<std::string> unsent_;  // while the launcher reads slower than we ask
};

}  // namespace edge::agent
