#include "broker/live/hub.hpp"

#include <algorithm>
#include <array>

#include "broker/api/views_json.hpp"
#include "broker/api/webhooks_json.hpp"

namespace edge::broker::live {
namespace {

/// The domain's way to the hub.
class Follower final : public FleetSubscriber {
  public:
    explicit Follower(std::function<void(const std::vector<FleetEvent>&)> take) : take_(std::move(take)) {}
    void events(const std::vector<FleetEvent>& events) override { take_(events); }

  private:
    std::function<void(const std::vector<FleetEvent>&)> take_;
};

std::string_view name_of(const RunEvent& event) {
    static constexpr std::array<std::string_view, 4> kNames{"run", "task", "progress", "result"};
    return kNames[event.index()];
}

std::string data_of(const RunEvent& event) {
    if (const auto* result = std::get_if<std::shared_ptr<const ResultView>>(&event)) return api::result_text(**result);
    return std::visit(
        [](const auto& one) {
            if constexpr (std::is_same_v<std::decay_t<decltype(*one)>, ResultView>)
                return std::string();
            else
                return dump_json(api::to_json(*one));
        },
        event);
}

}  // namespace

/// What happens in one run, for all who listen to it. Owners: the hub, which lets it go, and the domain.
class Hub::RunFeed final : public RunSubscriber {
  public:
    RunFeed(std::weak_ptr<Hub> hub, RunId run) : hub_(std::move(hub)), run_(run) {}
    void event(RunEvent event) override {
        if (const auto hub = hub_.lock())
            hub->turn([run = run_, event = std::move(event)](Hub& self) { self.run_event(run, event); });
    }
    void end() override {
        if (const auto hub = hub_.lock()) hub->turn([run = run_](Hub& self) { self.over(run); });
    }

  private:
    std::weak_ptr<Hub> hub_;
    RunId run_;
};

/// What becomes of an endpoint's deliveries, likewise.
class Hub::DeliveryFeed final : public DeliveryWatcher {
  public:
    DeliveryFeed(std::weak_ptr<Hub> hub, WebhookId webhook) : hub_(std::move(hub)), webhook_(webhook) {}
    void changed(const std::vector<DeliveryRow>& deliveries) override {
        if (const auto hub = hub_.lock())
            hub->turn([webhook = webhook_, deliveries](Hub& self) { self.deliveries_changed(webhook, deliveries); });
    }
    void end() override {
        if (const auto hub = hub_.lock()) hub->turn([webhook = webhook_](Hub& self) { self.over(webhook); });
    }

  private:
    std::weak_ptr<Hub> hub_;
    WebhookId webhook_;
};

Hub::Hub(Domain& domain, std::unique_ptr<Turns> turns, std::string stream)
    : domain_(domain), turns_(std::move(turns)), stream_(std::move(stream)) {}

void Hub::start() {
    domain_.follow(std::make_shared<Follower>([weak = weak_from_this()](const std::vector<FleetEvent>& events) {
        const auto hub = weak.lock();
        if (!hub) return;
        hub->turn([events](Hub& self) {
            for (const FleetEvent& event : events) self.take(event);
        });
    }));
    turn([](Hub& self) {
        self.tick_overview();
        self.beat();
    });
}

void Hub::turn(std::function<void(Hub&)> work) {
    turns_->post([weak = weak_from_this(), work = std::move(work)] {
        const auto self = weak.lock();
        if (!self) return;
        work(*self);
        self->deliver();
    });
}

void Hub::later(std::uint32_t ms, std::function<void(Hub&)> work) {
    turns_->after(ms, [weak = weak_from_this(), work = std::move(work)] {
        const auto self = weak.lock();
        if (!self) return;
        work(*self);
        self->deliver();
    });
}

void Hub::deliver() {
    for (auto& [sink, deliveries] : std::exchange(outgoing_, {})) sink->deliver(std::move(deliveries));
}

void Hub::attach(SinkPtr sink) {
    turn([sink = std::move(sink)](Hub& self) {
        self.sinks_.insert(sink);
        self.say(sink, delivery::Message{hello_text(self.stream_)});
    });
}

void Hub::detach(SinkPtr sink) {
    turn([sink = std::move(sink)](Hub& self) {
        self.sinks_.erase(sink);
        for (Channel* channel : {&self.overviews_, &self.nodes_, &self.runs_}) self.leave(*channel, sink, {});
        for (auto& [what, channel] : self.watched_) self.leave(channel, sink, {});
    });
}

void Hub::subscribe(SinkPtr sink, ClientMessage asked) {
    turn([sink = std::move(sink), asked = std::move(asked)](Hub& self) { self.begin(sink, asked); });
}

void Hub::unsubscribe(SinkPtr sink, std::uint32_t sub) {
    turn([sink = std::move(sink), sub](Hub& self) {
        for (Channel* channel : {&self.overviews_, &self.nodes_, &self.runs_}) self.leave(*channel, sink, sub);
        for (auto& [what, channel] : self.watched_) self.leave(channel, sink, sub);
    });
}

void Hub::overview(std::function<void(std::string)> reply) {
    turn([reply = std::move(reply)](Hub& self) { reply(self.overview_.text(self.turns_->monotonic_us())); });
}

// ── what happens ──

void Hub::take(const FleetEvent& event) {
    if (const auto* node = std::get_if<std::shared_ptr<const NodeView>>(&event)) {
        overview_.node(*node);
        changed_nodes_[(*node)->node.id] = *node;
        flush_later();
    } else if (const auto* run = std::get_if<std::shared_ptr<const RunView>>(&event)) {
        overview_.run(**run);
        changed_runs_[(*run)->id] = *run;
        flush_later();
    } else {
        overview_.result(*std::get<std::shared_ptr<const ResultView>>(event), turns_->monotonic_us());
    }
}

/// At once when the last time is long ago; then not before the pause is over.
void Hub::flush_later() {
    if (std::exchange(flush_armed_, true)) return;
    const std::uint64_t due = flushed_at_ + std::uint64_t{kStatePauseMs} * 1'000;
    const std::uint64_t now = turns_->monotonic_us();
    const std::uint64_t wait_us = due > now && flushed_at_ > 0 ? due - now : 0;
    later(static_cast<std::uint32_t>((wait_us + 999) / 1'000), [](Hub& self) { self.flush(); });
}

void Hub::flush() {
    flush_armed_ = false;
    flushed_at_ = turns_->monotonic_us();
    for (const auto& [id, node] : std::exchange(changed_nodes_, {}))
        publish(nodes_, "node", id.text(), [&view = *node] { return dump_json(api::to_json(view)); });
    for (const auto& [id, run] : std::exchange(changed_runs_, {}))
        publish(runs_, "run", id.text(), [&view = *run] { return dump_json(api::to_json(view)); });
    for (const auto& [webhook, rows] : std::exchange(changed_deliveries_, {})) read_deliveries(webhook, rows);
}

bool Hub::is_wanted(const Channel& channel) const {
    return !channel.listeners.empty() || (channel.left_at > 0 && turns_->monotonic_us() - channel.left_at < kKeptUs);
}

void Hub::publish(Channel& channel, std::string_view name, std::string object,
                  const std::function<std::string()>& data) {
    if (!is_wanted(channel)) return channel.topic.skip();
    const auto event = channel.topic.publish(name, std::move(object), data());
    for (const auto& one : channel.listeners) say(one.sink, delivery::Event{one.sub, event});
}

void Hub::tick_overview() {
    if (!overviews_.listeners.empty()) {
        std::string text = overview_.text(turns_->monotonic_us());
        if (text != last_overview_) {
            last_overview_ = text;
            publish(overviews_, "overview", "overview", [&text] { return std::move(text); });
        }
    }
    later(kOverviewMs, [](Hub& self) { self.tick_overview(); });
}

void Hub::beat() {
    const std::string text = heartbeat_text(turns_->wall_us());
    for (const auto& sink : sinks_) say(sink, delivery::Message{text});
    // What nobody listens to any more is let go here: soon enough.
    std::vector<Watched> idle;
    for (const auto& [what, channel] : watched_) {
        if (!is_wanted(channel)) idle.push_back(what);
    }
    for (const auto& what : idle) forget(what);
    later(kHeartbeatMs, [](Hub& self) { self.beat(); });
}

// ── who listens ──

void Hub::begin(const SinkPtr& sink, const ClientMessage& asked) {
    const std::string& topic = *asked.topic;
    const auto refuse = [&](Errc code, const char* where, const char* why) {
        say(sink, delivery::Refused{asked.sub, {code, where, why}});
    };
    if (topic == "run") {
        const auto run = RunId::parse(asked.key.value_or(""));
        return run ? listen_to(run.value(), sink, asked) : refuse(Errc::not_found, "/key", "no such run");
    }
    if (topic == kDeliveriesTopic) {
        const auto webhook = WebhookId::parse(asked.key.value_or(""));
        return webhook ? listen_to(webhook.value(), sink, asked) : refuse(Errc::not_found, "/key", "no such webhook");
    }
    Channel* channel = topic == "overview" ? &overviews_
                       : topic == "nodes"  ? &nodes_
                       : topic == "runs"   ? &runs_
                                           : nullptr;
    if (!channel) return refuse(Errc::not_found, "/topic", "topics are overview, nodes, runs, run and deliveries");
    if (asked.key) return refuse(Errc::bad_value, "/key", "only the topics run and deliveries have one");
    listen(*channel, sink, asked);
    if (channel == &overviews_) last_overview_.clear();  // who comes anew is told within a second
}

void Hub::listen(Channel& channel, const SinkPtr& sink, const ClientMessage& asked) {
    channel.listeners.push_back({sink, asked.sub});
    place(channel, sink, asked);
}

/// Tells where the listener stands: as new, after what it knew, or that this cannot be.
void Hub::place(Channel& channel, const SinkPtr& sink, const ClientMessage& asked) {
    if (!asked.after) return say(sink, delivery::Message{standing_text(asked.sub, "subscribed", channel.topic.seq())});
    const auto missed = *asked.stream == stream_ ? channel.topic.after(*asked.after) : std::nullopt;
    if (!missed) return say(sink, delivery::Message{standing_text(asked.sub, "reset", channel.topic.seq())});
    say(sink, delivery::Message{standing_text(asked.sub, "subscribed", *asked.after)});
    for (const auto& event : *missed) say(sink, delivery::Event{asked.sub, event});
}

void Hub::listen_to(Watched what, const SinkPtr& sink, const ClientMessage& asked) {
    if (auto why = refusal_to_watch(what, sink)) return say(sink, delivery::Refused{asked.sub, std::move(*why)});
    const auto there = watched_.find(what);
    if (there != watched_.end() && there->second.known) return listen(there->second, sink, asked);
    Channel& channel = watched_.try_emplace(what, Channel{Topic(floor_), {}}).first->second;
    channel.listeners.push_back({sink, asked.sub});
    channel.asked.push_back(asked);
    if (channel.let_go) return;
    channel.known = false;
    std::visit([&](const auto& id) { watch(id, channel); }, what);
}

bool Hub::listens(const SinkPtr& sink, const Channel& channel) const {
    return std::ranges::find(channel.listeners, sink, &Listener::sink) != channel.listeners.end();
}

std::optional<Error> Hub::refusal_to_watch(Watched what, const SinkPtr& sink) {
    const auto there = watched_.find(what);
    if (there != watched_.end() && listens(sink, there->second)) return std::nullopt;
    const auto own = std::ranges::count_if(watched_, [&](const auto& one) { return listens(sink, one.second); });
    if (static_cast<std::size_t>(own) >= kMostWatchedByOne)
        return Error{Errc::too_large, "/key",
                     "a socket watches 32 runs and webhooks at most; unsubscribe from one first"};
    if (there != watched_.end() || watched_.size() < kMostWatched || make_room()) return std::nullopt;
    return Error{Errc::unavailable, "/key", "256 runs and webhooks are watched; try again later"};
}

void Hub::watch(RunId run, Channel& channel) {
    const auto feed = std::make_shared<RunFeed>(weak_from_this(), run);
    channel.let_go = [&domain = domain_, run, feed] { domain.unsubscribe(run, feed); };
    domain_.subscribe(run, Past::left_out, feed, when_found<RunView>(run));
}

void Hub::watch(WebhookId webhook, Channel& channel) {
    const auto feed = std::make_shared<DeliveryFeed>(weak_from_this(), webhook);
    channel.let_go = [&domain = domain_, feed] { domain.webhooks().unwatch(feed); };
    domain_.webhooks().watch(webhook, feed, when_found<bool>(webhook));
}

template <class T>
Reply<T> Hub::when_found(Watched what) {
    return [weak = weak_from_this(), what](const Result<T>& found) {
        std::optional<Error> refused;
        if (!found) refused = found.error();
        if (const auto hub = weak.lock()) hub->turn([what, refused](Hub& self) { self.found(what, refused); });
    };
}

bool Hub::make_room() {
    const auto idle = std::ranges::find_if(watched_, [](const auto& one) { return one.second.listeners.empty(); });
    if (idle == watched_.end()) return false;
    forget(idle->first);
    return true;
}

void Hub::found(Watched what, const std::optional<Error>& refused) {
    const auto at = watched_.find(what);
    if (at == watched_.end()) return;
    Channel& channel = at->second;
    channel.known = true;
    if (!refused) {
        for (std::size_t i = 0; i < channel.asked.size(); ++i)
            place(channel, channel.listeners[i].sink, channel.asked[i]);
        channel.asked.clear();
        return;
    }
    for (const auto& one : channel.listeners) say(one.sink, delivery::Refused{one.sub, *refused});
    watched_.erase(at);
}

void Hub::over(Watched what) {
    const auto at = watched_.find(what);
    if (at == watched_.end()) return;
    for (const auto& one : at->second.listeners) say(one.sink, delivery::End{one.sub});
    at->second.let_go = nullptr;
    forget(what);
}

void Hub::forget(Watched what) {
    const auto at = watched_.find(what);
    if (at->second.let_go) at->second.let_go();
    floor_ = std::max(floor_, at->second.topic.seq() + 1);
    watched_.erase(at);
}

// ── what happens to what is watched ──

void Hub::run_event(RunId run, const RunEvent& event) {
    const auto at = watched_.find(run);
    if (at == watched_.end()) return;
    publish(at->second, name_of(event), {}, [&event] { return data_of(event); });
}

void Hub::deliveries_changed(WebhookId webhook, const std::vector<DeliveryRow>& rows) {
    if (!watched_.contains(webhook)) return;
    auto& changed = changed_deliveries_[webhook];
    for (const DeliveryRow row : rows) {
        if (changed.size() <= kMostChanged) changed.insert(row);
    }
    flush_later();
}

/// How they are now is asked for once, however often they changed; of too many nothing is asked.
void Hub::read_deliveries(WebhookId webhook, const std::set<DeliveryRow>& rows) {
    const auto at = watched_.find(webhook);
    if (at == watched_.end()) return;
    if (!is_wanted(at->second)) return at->second.topic.skip();
    if (rows.size() > kMostChanged) return reset(at->second);
    domain_.webhooks().delivery_views(
        {rows.begin(), rows.end()}, [weak = weak_from_this(), webhook](const Result<std::vector<DeliveryView>>& found) {
            if (const auto hub = weak.lock())
                hub->turn([webhook, found](Hub& self) { self.tell_deliveries(webhook, found); });
        });
}

void Hub::tell_deliveries(WebhookId webhook, const Result<std::vector<DeliveryView>>& found) {
    const auto at = watched_.find(webhook);
    if (at == watched_.end()) return;
    if (!found) return reset(at->second);
    for (const DeliveryView& one : found.value())
        publish(at->second, "delivery", one.id.text(), [&one] { return dump_json(api::to_json(one)); });
}

/// What happened is not told to anybody: each is to read anew.
void Hub::reset(Channel& channel) {
    channel.topic.skip();
    for (const auto& one : channel.listeners)
        say(one.sink, delivery::Message{standing_text(one.sub, "reset", channel.topic.seq())});
}

void Hub::leave(Channel& channel, const SinkPtr& sink, std::optional<std::uint32_t> sub) {
    const bool was_there = !channel.listeners.empty();
    for (std::size_t i = channel.listeners.size(); i-- > 0;) {
        const Listener& one = channel.listeners[i];
        if (one.sink != sink || (sub && one.sub != *sub)) continue;
        channel.listeners.erase(channel.listeners.begin() + static_cast<std::ptrdiff_t>(i));
        if (!channel.known) channel.asked.erase(channel.asked.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (was_there && channel.listeners.empty()) channel.left_at = turns_->monotonic_us();
}

}  // namespace edge::broker::live
