// The unix socket: who may connect, and one packet at a time from each.
#pragma once
#include <spdlog/logger.h>

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "agent/launcher/os/poller.hpp"
#include "agent/launcher/packets.hpp"
#include "agent/launcher/sandbox/workers.hpp"

namespace edge::launcher {

/// Owns: the socket and its path, the connections. Executor: the launcher's one thread.
/// Only the agent's uid and root are served (SO_PEERCRED). What a client is slow to read waits for it, and until it has
/// read that, no further request of its is taken; so answers do not pile up, but events may. A connection ends when it
/// sends what is no request, or when kMaxUnsent packets wait for it.
class Server {
  public:
    static constexpr std::size_t kMaxClients = 16;
    /// Beside the 200 or so that the socket itself holds: every worker's exit, and each line going up and down a dozen
    /// times. A packet is at most 400 bytes.
    static constexpr std::size_t kMaxUnsent = 1024;
    using OnRequest = std::function<void(ClientId, const Request&)>;
    using OnGone = std::function<void(ClientId)>;

    Server(Poller& poller, uid_t agent, spdlog::logger& log, OnRequest on_request, OnGone on_gone);
    ~Server();
    Server(const Server&) = delete;

    /// Errors: unavailable (somebody serves there), io.
    Result<> listen(const std::string& path);
    /// With `passed`, that descriptor goes along. To a client that has gone: nothing happens.
    void send(ClientId client, Bytes packet, Fd passed = {});
    void send_all(const Bytes& packet);

  private:
    struct Unsent {
        Bytes packet;
        Fd passed;
    };
    struct Client {
        Fd fd;
        std::deque<Unsent> unsent;
        bool slow = false;  // its socket is full: we wait to write, not to read
    };

    void accept();
    void serve(ClientId client);
    void receive(ClientId client, int fd);
    void flush(ClientId client);
    void drop(ClientId client, const char* why);

    Poller& poller_;
    uid_t agent_;
    spdlog::logger& log_;
    OnRequest on_request_;
    OnGone on_gone_;
    Fd socket_;
    std::string path_;
    std::map<ClientId, Client> clients_;
    ClientId last_client_ = 0;
};

/// Fails if a launcher answers at `path`; a socket file that nobody serves is no obstacle.
Result<> check_path_is_free(const std::string& path);

}  // namespace edge::launcher
