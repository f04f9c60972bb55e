// libcurl's multi handle on the io_context: many transfers, one thread, no polling of ours.
// Source: curl_multi_socket_action(3); CURLMOPT_SOCKETFUNCTION(3); CURLOPT_OPENSOCKETFUNCTION(3).
#pragma once
#include <curl/curl.h>

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "probes/http/tls_facts.hpp"
#include "probes/reactor/fd_watch.hpp"
#include "probes/reactor/socket_facts.hpp"

namespace edge::probes {

/// One socket of a transfer. Shared by the transfer and the engine's table, because libcurl may close it late.
struct SocketRecord {
    Endpoint peer;
    std::optional<SocketFacts> facts;  // once it has a source address
};

/// Owns: the multi handle and every socket of its transfers. Executor: the io_context's one thread.
/// Must be made before a worker is sealed.
class HttpEngine {
  public:
    HttpEngine(boost::asio::io_context& io, TrustStore trust);
    ~HttpEngine();
    HttpEngine(const HttpEngine&) = delete;
    HttpEngine& operator=(const HttpEngine&) = delete;

    const TrustStore& trust() const { return trust_; }

    /// Runs the transfer; `finished` is called once, from the io_context and never from inside libcurl.
    void add(CURL* easy, std::function<void(CURLcode)> finished);
    /// Ends a transfer early, without calling `finished`. Not from inside a callback of libcurl.
    void remove(CURL* easy);

    /// For CURLOPT_OPENSOCKETFUNCTION: the socket, or CURL_SOCKET_BAD.
    curl_socket_t open(const curl_sockaddr& address, std::shared_ptr<SocketRecord> record);
    /// For CURLOPT_CLOSESOCKETFUNCTION, with the engine as its data.
    static int close_callback(void* engine, curl_socket_t fd);

  private:
    struct Socket {
        std::shared_ptr<SocketRecord> record;
        std::shared_ptr<FdWatch> watch;  // also shared by its pending waits
    };

    static int socket_callback(CURL* easy, curl_socket_t fd, int what, void* engine, void* socket);
    static int timer_callback(CURLM* multi, long timeout_ms, void* engine);
    void watch(curl_socket_t fd, int what);
    void act(curl_socket_t fd, int events);
    void collect_finished();

    boost::asio::io_context& io_;
    boost::asio::steady_timer timer_;
    TrustStore trust_;
    CURLM* multi_ = nullptr;
    std::map<CURL*, std::function<void(CURLcode)>> running_;
    std::map<curl_socket_t, Socket> sockets_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared by handlers that may outlive the engine
};

}  // namespace edge::probes
