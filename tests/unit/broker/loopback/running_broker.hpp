// The broker's two servers on loopback ports over a fake domain with a thread of its own.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "../fake_domain.hpp"
#include "broker/api/api.hpp"
#include "broker/gateway/gateway.hpp"
#include "broker/http/server.hpp"
#include "broker/live/stream.hpp"

namespace edge::broker::test {

/// A thread that runs what it is given, in order; the real domain is such a one.
class OneThread {
  public:
    OneThread() : thread_([this] { loop(); }) {}
    ~OneThread() {
        post(nullptr);
        thread_.join();
    }
    void post(std::function<void()> work) {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(work));
        there_.notify_one();
    }
    /// Runs it there, and waits.
    void run(const std::function<void()>& work);

  private:
    void loop();
    std::mutex mutex_;
    std::condition_variable there_;
    std::deque<std::function<void()>> queue_;
    std::thread thread_;
};

/// What happened, for a test to wait for.
class Happenings {
  public:
    void add(std::string what) {
        const std::lock_guard lock(mutex_);
        all_.push_back(std::move(what));
        changed_.notify_all();
    }
    /// Waits until `times` begin with `what`; false when it hangs.
    bool wait_for(const std::string& what, std::ptrdiff_t times = 1);
    std::size_t count(const std::string& what);

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> all_;
};

/// What a test has otherwise than a real broker.
struct BrokerChange {
    std::function<void(http::Settings&)> api = [](http::Settings&) {};
    std::function<void(http::Settings&)> gateway = [](http::Settings&) {};
    gateway::SessionOptions session{};
    unsigned threads = 2;
};

/// Destroyed as in broker/serve.cpp: servers, then the domain's thread, which does all it was given before it ends,
/// then the domain, then the contexts whose timers its subscribers hold.
class RunningBroker {
    http::IoThreads threads_;

  public:
    explicit RunningBroker(const BrokerChange& change = {});
    ~RunningBroker();

    std::uint16_t api_port() const { return api_->port(); }
    std::uint16_t gateway_port() const { return gateway_->port(); }
    /// True when all connections were gone; then the domain has done what they gave it.
    bool drain();

    Happenings happened;
    FakeDomain domain{[this](std::function<void()> work) { domain_thread.post(std::move(work)); }};
    OneThread domain_thread;
    SigningKey key = SigningKey::generate();  // of the one node there is
    NodeId node;

  private:
    std::filesystem::path folder_;
    std::shared_ptr<live::Live> live_;
    std::unique_ptr<http::Server> api_;
    std::shared_ptr<gateway::Polls> polls_;  // owners: this, the gateway's handler
    std::unique_ptr<http::Server> gateway_;
};

}  // namespace edge::broker::test
