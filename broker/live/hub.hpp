// The middle of the live stream: follows the domain once, numbers what happens in topics and hands it to sockets. Each
// object's JSON is made once, whoever many listen.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "broker/domain/domain.hpp"
#include "broker/live/overview.hpp"
#include "broker/live/stream_messages.hpp"
#include "broker/live/topic.hpp"

namespace edge::broker::live {

/// One turn after another on one thread, a timer and the clocks.
class Turns {
  public:
    virtual ~Turns() = default;
    /// From any thread.
    virtual void post(std::function<void()> work) = 0;
    virtual void after(std::uint32_t ms, std::function<void()> work) = 0;
    virtual std::uint64_t monotonic_us() const = 0;
    virtual std::uint64_t wall_us() const = 0;
};

/// What a socket is told.
namespace delivery {
struct Event {
    std::uint32_t sub = 0;
    TopicEventPtr event;
};
struct Message {
    std::string text;
};
struct End {
    std::uint32_t sub = 0;
};
struct Refused {  // there is no such subscription
    std::uint32_t sub = 0;
    Error error;
};
}  // namespace delivery
using Delivery = std::variant<delivery::Event, delivery::Message, delivery::End, delivery::Refused>;

/// A socket, as the hub uses it: only queues, never blocks, and may be called after the socket is gone.
/// Owners: the hub's tables and the socket.
class StreamSink {
  public:
    virtual ~StreamSink() = default;
    virtual void deliver(std::vector<Delivery> deliveries) = 0;
};
using SinkPtr = std::shared_ptr<StreamSink>;

/// Executor: what is public may be called from any thread; all else is a turn of `turns`.
/// Owners: who serves the API. Sockets, the domain and the timers know it weakly.
class Hub final : public std::enable_shared_from_this<Hub> {
  public:
    static constexpr std::uint32_t kStatePauseMs = 200;  // an object is told five times a second at most
    static constexpr std::uint32_t kOverviewMs = 1'000;
    static constexpr std::uint32_t kHeartbeatMs = 15'000;
    static constexpr std::uint64_t kKeptUs = 60'000'000;  // a topic that nobody listens to can be resumed so long
    static constexpr std::size_t kMostWatched = 256;      // runs and webhooks, at once
    static constexpr std::size_t kMostWatchedByOne = 32;  // of them by one socket
    static constexpr std::size_t kMostChanged = 500;      // deliveries of a webhook that may change between two times

    /// `stream` names this process to clients. `domain` outlives it.
    Hub(Domain& domain, std::unique_ptr<Turns> turns, std::string stream);
    /// Once, before all else.
    void start();

    const std::string& stream() const { return stream_; }
    void attach(SinkPtr sink);
    void detach(SinkPtr sink);
    void subscribe(SinkPtr sink, ClientMessage asked);
    void unsubscribe(SinkPtr sink, std::uint32_t sub);
    /// The overview as GET answers it; `reply` on the hub's thread.
    void overview(std::function<void(std::string)> reply);

  private:
    struct Listener {
        SinkPtr sink;
        std::uint32_t sub = 0;
    };
    /// What has a topic of its own while somebody listens to it.
    using Watched = std::variant<RunId, WebhookId>;
    class RunFeed;
    class DeliveryFeed;
    struct Channel {
        Topic topic;
        std::vector<Listener> listeners;
        std::uint64_t left_at = 0;           // when the last listener went
        std::function<void()> let_go{};      // of what is watched: tells the domain that nobody does any more
        bool known = true;                   // of what is watched: the domain has said that it is there
        std::vector<ClientMessage> asked{};  // while it is not known; in the order of listeners
    };

    void turn(std::function<void(Hub&)> work);
    void later(std::uint32_t ms, std::function<void(Hub&)> work);
    void say(const SinkPtr& sink, Delivery delivery) { outgoing_[sink].push_back(std::move(delivery)); }
    void deliver();

    void take(const FleetEvent& event);
    void flush_later();
    void flush();
    void publish(Channel& channel, std::string_view name, std::string object, const std::function<std::string()>& data);
    bool is_wanted(const Channel& channel) const;
    void tick_overview();
    void beat();

    void begin(const SinkPtr& sink, const ClientMessage& asked);
    void listen(Channel& channel, const SinkPtr& sink, const ClientMessage& asked);
    void listen_to(Watched what, const SinkPtr& sink, const ClientMessage& asked);
    void place(Channel& channel, const SinkPtr& sink, const ClientMessage& asked);
    bool make_room();
    bool listens(const SinkPtr& sink, const Channel& channel) const;
    /// Why it may not watch one more, or nothing.
    std::optional<Error> refusal_to_watch(Watched what, const SinkPtr& sink);
    void watch(RunId run, Channel& channel);
    void watch(WebhookId webhook, Channel& channel);
    template <class T>
    Reply<T> when_found(Watched what);
    void found(Watched what, const std::optional<Error>& refused);
    void over(Watched what);
    void forget(Watched what);
    void run_event(RunId run, const RunEvent& event);
    void deliveries_changed(WebhookId webhook, const std::vector<DeliveryRow>& rows);
    void read_deliveries(WebhookId webhook, const std::set<DeliveryRow>& rows);
    void tell_deliveries(WebhookId webhook, const Result<std::vector<DeliveryView>>& found);
    void reset(Channel& channel);
    void leave(Channel& channel, const SinkPtr& sink, std::optional<std::uint32_t> sub);

    Domain& domain_;
    std::unique_ptr<Turns> turns_;
    std::string stream_;
    Overview overview_;
    std::string last_overview_;
    Channel overviews_, nodes_, runs_;
    std::map<Watched, Channel> watched_;
    std::uint64_t floor_ = 0;  // above every number that a topic had that is gone
    std::map<NodeId, std::shared_ptr<const NodeView>> changed_nodes_;
    std::map<RunId, std::shared_ptr<const RunView>> changed_runs_;
    std::map<WebhookId, std::set<DeliveryRow>> changed_deliveries_;
    bool flush_armed_ = false;
    std::uint64_t flushed_at_ = 0;
    std::set<SinkPtr> sinks_;
    std::map<SinkPtr, std::vector<Delivery>> outgoing_;  // of this turn
};

}  // namespace edge::broker::live
