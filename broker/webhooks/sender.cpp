#include "broker/webhooks/sender.hpp"

#include <curl/curl.h>
#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "broker/webhooks/resolver.hpp"
#include "broker/webhooks/signature.hpp"
#include "broker/webhooks/transfer.hpp"

namespace edge::broker::webhooks {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A wall clock that is set is noticed by then.
constexpr milliseconds kLongestWait{60'000};

WallTime wall_now() {
    return static_cast<WallTime>(
        std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

CURLM* new_multi(std::uint32_t concurrency) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start");
    CURLM* multi = curl_multi_init();
    if (!multi) throw std::runtime_error("libcurl: no multi handle");
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(concurrency));
    return multi;
}

}  // namespace

/// Owns: the multi handle, the resolver, the transfers, the plan and the thread, which is the executor of all of them.
class Sender::Loop {
  public:
    Loop(SenderOptions options, WebhookCalls& calls, spdlog::logger& log)
        : options_(std::move(options)),
          calls_(calls),
          log_(log),
          multi_(new_multi(options_.concurrency)),
          inbox_(std::make_shared<Inbox>(multi_)),
          plan_({.in_all = options_.concurrency}, [this] { return random_(); }),
          thread_([this] { run(); }) {
        pthread_setname_np(thread_.native_handle(), "edge-webhooks");
        calls_.serve(std::make_shared<Sink>(*this));
    }

    ~Loop() {
        inbox_->post([this] { is_stopping_ = true; });
        thread_.join();
        inbox_->close();
        transfers_.clear();
        curl_multi_cleanup(multi_);
    }

    Counters counters() const {
        const std::lock_guard lock(counters_mutex_);
        return counters_;
    }

  private:
    /// What others say to the loop; outlives it, because the domain answers when it answers.
    class Inbox {
      public:
        using Message = std::function<void()>;
        explicit Inbox(CURLM* multi) : multi_(multi) {}

        void post(Message message) {
            const std::lock_guard lock(mutex_);
            if (!multi_) return;
            if (messages_.empty()) curl_multi_wakeup(multi_);
            messages_.push_back(std::move(message));
        }
        std::vector<Message> take() {
            const std::lock_guard lock(mutex_);
            return std::exchange(messages_, {});
        }
        void close() {
            const std::lock_guard lock(mutex_);
            multi_ = nullptr;
            messages_.clear();
        }

      private:
        std::mutex mutex_;
        CURLM* multi_;
        std::vector<Message> messages_;
    };

    /// Called on the domain thread: only posts. Knows the inbox, which may outlive the loop, and through it the loop.
    class Sink final : public DeliverySink {
      public:
        explicit Sink(Loop& loop) : loop_(loop), inbox_(loop.inbox_) {}
        void endpoint(WebhookRow webhook, bool is_enabled) override {
            inbox_->post([&loop = loop_, webhook, is_enabled] {
                loop.plan_.endpoint(webhook, is_enabled, wall_now(), loop.actions_);
            });
        }
        void queued(const std::vector<DueDelivery>& deliveries) override {
            inbox_->post([&loop = loop_, deliveries] { loop.plan_.queued(deliveries, wall_now(), loop.actions_); });
        }

      private:
        Loop& loop_;
        std::shared_ptr<Inbox> inbox_;
    };
    struct Attempt {
        DueDelivery delivery;
        WallTime at = 0;
        steady_clock::time_point begun;
        Outgoing outgoing;
        std::unique_ptr<Transfer> transfer;
    };

    void run() {
        try {
            while (!is_stopping_) turn();
        } catch (const std::exception& e) {
            log_.critical("broker.failed what=\"webhooks: {}\" hint=\"a defect, please report it\"", e.what());
            log_.flush();
            if (options_.on_fatal) options_.on_fatal(Error{Errc::internal, "webhooks", e.what()});
        }
    }

    void turn() {
        std::vector<curl_waitfd> sockets = resolver_.sockets();
        curl_multi_poll(multi_, sockets.data(), static_cast<unsigned>(sockets.size()), wait_ms(), nullptr);
        for (auto& message : inbox_->take()) message();
        resolver_.process(sockets);
        int running = 0;
        curl_multi_perform(multi_, &running);
        collect();
        plan_.tick(wall_now(), actions_);
        carry_out();
        const std::lock_guard lock(counters_mutex_);
        counters_ = plan_.counters();
    }

    int wait_ms() const {
        milliseconds wait = kLongestWait;
        if (const auto next = plan_.next_deadline()) {
            const WallTime now = wall_now();
            const auto left = *next > now ? (*next - now + 999) / 1'000 : 0;
            wait = std::min(wait, milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(left, 60'000))));
        }
        if (const auto resolving = resolver_.timeout()) wait = std::min(wait, *resolving);
        const auto now = steady_clock::now();
        for (const auto& [handle, row] : by_handle_) {
            const Transfer& transfer = *transfers_.at(row).transfer;
            if (transfer.has_head()) continue;
            const auto left = std::chrono::ceil<milliseconds>(transfer.head_deadline() - now);
            wait = std::min(wait, std::max(left, milliseconds(0)));
        }
        return static_cast<int>(wait.count());
    }

    void carry_out() {
        while (!actions_.sends.empty() || !actions_.fetches.empty() || !actions_.records.empty()) {
            const PlanActions actions = std::exchange(actions_, {});
            for (const Fetch& fetch : actions.fetches) ask_due(fetch);
            for (const Attempted& attempted : actions.records) record(attempted);
            for (const DueDelivery& delivery : actions.sends) ask_outgoing(delivery);
        }
    }

    void ask_due(const Fetch& fetch) {
        calls_.due(fetch.webhook, fetch.limit, [this, inbox = inbox_, fetch](Result<DueDeliveries> found) {
            inbox->post([this, fetch, found = std::move(found)] {
                if (!found) return plan_.not_fetched(fetch.webhook, wall_now());
                plan_.fetched(fetch.webhook, found.value(), wall_now(), actions_);
            });
        });
    }

    void record(const Attempted& attempted) {
        calls_.record(attempted, [this, inbox = inbox_, row = attempted.delivery.row](Result<bool>) {
            inbox->post([this, row] { plan_.stored(row, wall_now(), actions_); });
        });
    }

    void ask_outgoing(const DueDelivery& delivery) {
        calls_.outgoing(delivery, [this, inbox = inbox_, delivery](Result<Outgoing> found) {
            inbox->post([this, delivery, found = std::move(found)] {
                if (found) return begin(delivery, found.value());
                const bool later = found.error().code != Errc::not_found;
                plan_.dropped(delivery.row, later, wall_now(), actions_);
            });
        });
    }

    void begin(const DueDelivery& delivery, const Outgoing& outgoing) {
        const auto [begun, is_new] =
            transfers_.emplace(delivery.row, Attempt{delivery, wall_now(), steady_clock::now(), outgoing, nullptr});
        if (!is_new) throw std::logic_error("a delivery is sent twice at once");
        Attempt& attempt = begun->second;
        auto url = parse_receiver(outgoing.url);
        if (!url) return refuse(attempt, url.error().detail);
        if (auto why = options_.rule.refusal(url.value())) return refuse(attempt, std::move(*why));
        resolver_.resolve(url.value().host, [this, row = delivery.row, url = url.value()](Resolved resolved) {
            const auto at = transfers_.find(row);
            if (at != transfers_.end()) post(at->second, url, std::move(resolved));
        });
    }

    /// Every address is vetted; those that may be spoken to are.
    void post(Attempt& attempt, const ReceiverUrl& url, Resolved resolved) {
        if (!resolved.error.empty()) return fail(attempt, url.host + ": " + resolved.error, false);
        std::optional<std::string> why;
        std::erase_if(resolved.addresses, [&](const IpAddress& address) {
            const auto refusal = options_.rule.refusal(url, address);
            if (refusal && !why) why = refusal;
            return refusal.has_value();
        });
        if (resolved.addresses.empty()) return refuse(attempt, std::move(*why));
        TransferPlan plan{.url = url,
                          .addresses = std::move(resolved.addresses),
                          .headers = headers(attempt),
                          .body = attempt.outgoing.body,
                          .ca_file = options_.ca_file,
                          .head = options_.timeout,
                          .whole = options_.timeout * 4 / 3,
                          .resolve = std::chrono::duration_cast<microseconds>(steady_clock::now() - attempt.begun)};
        attempt.transfer = std::make_unique<Transfer>(multi_, options_.rule, std::move(plan));
        by_handle_[attempt.transfer->handle()] = attempt.delivery.row;
    }

    static std::vector<HeaderField> headers(const Attempt& attempt) {
        const std::uint64_t seconds = attempt.at / 1'000'000;
        const std::string id = attempt.outgoing.message.text();
        return {{"webhook-id", id},
                {"webhook-timestamp", std::to_string(seconds)},
                {"webhook-signature", signatures(attempt.outgoing.secrets, id, seconds, attempt.outgoing.body)},
                {"Content-Type", "application/cloudevents+json; charset=utf-8"},
                {"User-Agent", "edge-broker/" EDGE_VERSION " (webhooks)"}};
    }

    void refuse(Attempt& attempt, std::string why) { fail(attempt, std::move(why), true); }
    void fail(Attempt& attempt, std::string why, bool is_refused) {
        Answer answer;
        answer.attempt.url = attempt.outgoing.url;
        answer.attempt.error = std::move(why);
        answer.is_refused = is_refused;
        finish(attempt.delivery.row, std::move(answer));
    }

    void finish(DeliveryRow row, Answer answer) {
        const auto taken = transfers_.extract(row);
        const Attempt& attempt = taken.mapped();
        if (attempt.transfer) by_handle_.erase(attempt.transfer->handle());
        answer.attempt.at = attempt.at;
        const auto spent = std::chrono::duration_cast<microseconds>(steady_clock::now() - attempt.begun);
        if (answer.attempt.times.total_us == 0)
            answer.attempt.times.total_us = static_cast<std::uint64_t>(spent.count());
        plan_.answered(row, std::move(answer), wall_now(), actions_);
    }

    void collect() {
        std::vector<std::pair<DeliveryRow, CURLcode>> over;
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            over.emplace_back(by_handle_.at(message->easy_handle), message->data.result);
        }
        for (const auto& [row, code] : over) finish(row, transfers_.at(row).transfer->answer(code));
    }

    SenderOptions options_;
    WebhookCalls& calls_;
    spdlog::logger& log_;
    CURLM* multi_;
    std::shared_ptr<Inbox> inbox_;  // owners: the loop, its sink, and replies under way
    std::mt19937_64 random_{std::random_device{}()};
    DeliveryPlan plan_;
    PlanActions actions_;
    std::map<DeliveryRow, Attempt> transfers_;
    std::map<CURL*, DeliveryRow> by_handle_;
    Resolver resolver_;  // destroyed before transfers_: what it is still asked is answered then, and looks into them
    bool is_stopping_ = false;
    mutable std::mutex counters_mutex_;
    Counters counters_;
    std::thread thread_;
};

Sender::Sender(SenderOptions options, WebhookCalls& calls, spdlog::logger& log)
    : loop_(std::make_unique<Loop>(std::move(options), calls, log)) {}
Sender::~Sender() = default;
Counters Sender::counters() const {
    return loop_->counters();
}

}  // namespace edge::broker::webhooks
