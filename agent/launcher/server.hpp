// The unix socket: who may connect, and one packet at a time from each.
#pragma once
#include <spdlog/logger.h>

#include <functional>
#include <map>
#include <string>

#include "agent/launcher/os/poller.hpp"
#include "agent/launcher/packets.hpp"
#include "agent/launcher/sandbox/workers.hpp"

namespace edge::launcher {

/// Owns: the socket and its path, the connections. Executor: the launcher's one thread.
/// Only the agent's uid and root are served (SO_PEERCRED). A connection ends when it sends what is no request, or does
/// not read what it is sent.
class Server {
  public:
    static constexpr std::size_t kMaxClients = 16;
    using OnRequest = std::function<void(ClientId, const Request&)>;
    using OnGone = std::function<void(ClientId)>;

    Server(Poller& poller, uid_t agent, spdlog::logger& log, OnRequest on_request, OnGone on_gone);
    ~Server();
    Server(const Server&) = delete;

    /// Errors: unavailable (somebody serves there), io.
    Result<> listen(const std::string& path);
    /// With `passed`, that descriptor goes along. To a client that has gone: nothing happens.
    void send(ClientId client, const Bytes& packet, int passed = -1);
    void send_all(const Bytes& packet);

  private:
    void accept();
    void receive(ClientId client);
    void drop(ClientId client, const char* why);

    Poller& poller_;
    uid_t agent_;
    spdlog::logger& log_;
    OnRequest on_request_;
    OnGone on_gone_;
    Fd socket_;
    std::string path_;
    std::map<ClientId, Fd> clients_;
    ClientId last_client_ = 0;
};

/// Fails if a launcher answers at `path`; a socket file that nobody serves is no obstacle.
Result<> check_path_is_free(const std::string& path);

}  // namespace edge::launcher
