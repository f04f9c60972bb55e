// Names to addresses, as this host resolves them. A shell around c-ares, turned by its owner's loop.
// Source: ares_getaddrinfo(3), ares_getsock(3), ares_process_fd(3).
#pragma once
#include <curl/curl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ip.hpp"

namespace edge::broker::webhooks {

struct Resolved {
    std::vector<IpAddress> addresses;  // in the order in which they are to be tried
    std::string error;                 // empty: there are some
};

/// Owns: the c-ares channels and, through them, their sockets. Executor: one thread.
class Resolver {
  public:
    Resolver();
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// `done` is called once, from in here or from process(), at most some 10 s later. An address is its own answer.
    void resolve(const std::string& host, std::function<void(Resolved)> done);

    /// The sockets it waits for, to be polled.
    std::vector<curl_waitfd> sockets() const;
    /// How long it wants to wait at most.
    std::optional<std::chrono::milliseconds> timeout() const;
    void process(const std::vector<curl_waitfd>& ready);

  private:
    class Channel;

    std::unique_ptr<Channel> current_;
    std::unique_ptr<Channel> old_;                // answers what it was asked, and is asked no more
    std::chrono::steady_clock::time_point made_;  // the current one
};

}  // namespace edge::broker::webhooks
