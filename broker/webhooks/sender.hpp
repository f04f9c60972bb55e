// Sends what is due: a thread of its own that turns libcurl, c-ares and the plan. It waits for sockets, for the next
// thing that is due, and for what the domain says; it never polls.
// Source: curl_multi_poll(3), curl_multi_wakeup(3).
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "broker/domain/webhook_calls.hpp"
#include "broker/webhooks/counters.hpp"
#include "broker/webhooks/receiver_rule.hpp"

namespace spdlog {
class logger;
}

namespace edge::broker::webhooks {

struct SenderOptions {
    ReceiverRule rule;
    std::uint32_t concurrency = 256;            // over all endpoints
    std::chrono::milliseconds timeout{15'000};  // for the head of an answer; a third more for all of it
    std::string ca_file;                        // PEM; empty: the system's
    /// An exception came out of our own code. Called on the sender's thread.
    std::function<void(const Error&)> on_fatal;
};

class Sender {
  public:
    /// `calls` and `log` outlive it. The destructor ends the thread; what was on its way is sent again by the next one.
    Sender(SenderOptions options, WebhookCalls& calls, spdlog::logger& log);
    ~Sender();

    /// From any thread.
    Counters counters() const;

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace edge::broker::webhooks
