#include "agent/link/link.hpp"

#include <spdlog/spdlog.h>

#include <set>

#include "agent/link/hello.hpp"

namespace edge::agent {
namespace {

std::string random_boot_id() {
    Uuid bytes{};
    fill_random(bytes);
    return to_base32(bytes);
}

/// One that is cut is noticed after 24 s: then the whole way over another takes less than 45 s. By requests what comes
/// from the broker may be heard for a while though nothing gets to it.
constexpr std::chrono::seconds kHeartbeat{8};

}  // namespace

Link::Link(boost::asio::io_context& io, LinkSettings settings, Identity identity, NodeKeys keys, LinkWays ways,
           Disk& state, Spool& spool, Listener& listener)
    : io_(io),
      fsm_(settings),
      identity_(std::move(identity)),
      keys_(std::move(keys)),
      ways_(std::move(ways)),
      choice_(ways_.uplinks.size(), ways_.brokers.size()),
      back_(ways_.back),
      transports_(ways_.transport),
      known_(state),
      state_(state),
      spool_(spool),
      listener_(listener),
      boot_id_(random_boot_id()),
      timer_(io) {}

Result<> Link::start() {
    EDGE_TRY(auto counter, load_counter(state_));
    join_counter_ = counter;
    EDGE_TRY(generation_, load_generation(state_));
    carry_out(fsm_.start(moment_now().steady));
    return ok();
}

// ── the connection ──

void Link::connection_opened(std::string binding) {
    binding_ = std::move(binding);
    carry_out(fsm_.opened(moment_now().steady));
}

void Link::connection_message(std::string text) {
    auto message = link::decode_message(text);
    if (!message) return carry_out(fsm_.garbled(message.error()));
    const Moment now = moment_now();
    for (link::Received& one : message.value()) carry_out(fsm_.received(std::move(one.envelope), numbers(), now));
    pump();
}

void Link::connection_resolved(const std::vector<std::string>& addresses) {
    found_[way_.broker] = addresses;
    std::set<std::string> all;
    for (const auto& [broker, its] : found_) all.insert(its.begin(), its.end());
    listener_.broker_found({all.begin(), all.end()});
}

void Link::connection_writable() {
    writing_ = false;
    pump();
    if (!writing_) listener_.link_changed();  // the last word was said
}

void Link::connection_closed(const Closed& why) {
    writing_ = false;
    outgoing_.clear();
    Closed known = why;
    left_.reset();
    failures_[way_.uplink] = silent_ ? silent_because_ : why.reason;
    const bool no_answer = silent_ || why.uplink_failed;
    if (!reached_) known_.failed(ways_.brokers[way_.broker].authority(), way_.uplink);
    if (transport_ == link::LinkTransport::poll && !reached_) transports_.forget(way_);
    const Time now = moment_now().steady;
    if (why.retry_after.count() > 0) choice_.rest(way_.broker, now + why.retry_after);
    known.retry_after = choice_.all_rest(now);
    if (why.no_websocket && transports_.no_websocket(way_, now))
        known.another_way = true;  // the same one, by requests
    else
        known.another_way = choice_.ended(way_,
                                          no_answer  ? Fault::uplink
                                          : reached_ ? Fault::none
                                                     : Fault::broker,
                                          now);
    carry_out(fsm_.closed(known, now));
    note_state(false);
    listener_.link_changed();
}

// ── what the agent says ──

void Link::committed() {
    carry_out(fsm_.work_durable());
    pump();
}

void Link::slots_free(std::uint32_t free) {
    carry_out(fsm_.slots_free(free));
}

void Link::show(const link::Progress& progress) {
    outgoing_.show(progress, fsm_);
}

void Link::tell(const link::Facts& facts) {
    if (!fsm_.live()) return;
    outgoing_.say(encode_envelope(facts));
    pump();
}

void Link::drain() {
    carry_out(fsm_.drain());
    pump();
}

void Link::end_session(const std::string& why) {
    carry_out(fsm_.end_session(why));
}

void Link::finish() {
    carry_out(fsm_.finish());
}

bool Link::quiet() const {
    return !fsm_.live() || (!outgoing_.has_lines() && !writing_ && fsm_.all_acked() && spool_.first() == 0);
}

std::string Link::standing() const {
    const std::string broker = ways_.brokers[way_.broker].authority();
    if (fsm_.live()) return "connected to " + broker;
    const std::string& why = fsm_.down_because();
    return "not connected: " + (why.empty() ? "dialling " + broker : why);
}

// ── sending ──

void Link::pump() {
    if (writing_ || !connection_) return;
    if (fsm_.live()) say_changes();
    auto message = outgoing_.take(fsm_, spool_);
    if (!message) return listener_.disk_failed(message.error());
    if (message.value().empty()) return fsm_.held(spool_.last(), moment_now().steady);
    writing_ = true;
    fsm_.wrote(moment_now().steady);
    connection_->write(std::move(message.value()));
}

void Link::say_changes() {
    if (std::exchange(lines_dirty_, false)) {
        link::Hello facts;
        listener_.describe(facts);
        outgoing_.say(encode_envelope(link::Lines{std::move(facts.lines)}));
    }
    if (std::exchange(policy_dirty_, false)) {
        if (auto policy = listener_.policy()) outgoing_.say(encode_envelope(std::move(*policy)));
    }
}

// ── actions ──

void Link::carry_out(LinkActions actions) {
    for (LinkAction& action : actions) {
        std::visit([this](auto& one) { act(std::move(one)); }, action);
    }
    arm();
}

void Link::act(Dial&&) {
    BrokerConnection::Listener& here = *this;
    way_ = choice_.next(moment_now().steady);
    reached_ = silent_ = false;
    const Endpoint& broker = ways_.brokers[way_.broker];
    if (choice_.count() > 1)
        spdlog::info("link_dialling broker={} uplink={}", broker.authority(), ways_.uplinks[way_.uplink]);
    transport_ = transports_.next(way_, moment_now().steady);
    beat_each();
    connection_ = make_connection(io_, broker, route_to(way_), transport_, here);
    connection_->dial();
}

void Link::beat_each() {
    const bool often = ways_.uplinks.size() > 1 || transport_ == link::LinkTransport::poll;
    fsm_.beat_each(often ? std::optional<std::chrono::milliseconds>(kHeartbeat) : std::nullopt);
}

void Link::act(SayHello&& action) {
    link::Hello hello;
    hello.running = spool_.open_attempts();
    listener_.describe(hello);
    hello.node_id = identity_.node_id;
    hello.agent_version = EDGE_VERSION;
    hello.boot_id = boot_id_;
    hello.join_counter = join_counter_;
    hello.spool_id = spool_.id();
    hello.spool_first = spool_.first_kept();
    hello.gap = spool_.gap();
    hello.spool_last = spool_.last();
    hello.work_last = spool_.work_last();
    hello.uplink = uplink();
    lines_dirty_ = false;
    for (link::LineReport& line : hello.lines) {
        lines_dirty_ = lines_dirty_ || line.health.has_value();  // a hello has no room for it
        line.health.reset();
    }
    outgoing_.say(signed_hello(hello, keys_.hello_key(), action.nonce, binding_));
    pump();
}

void Link::act(StoreCounter&& action) {
    if (auto settled = keys_.accepted(moment_now().wall_us); !settled) {
        spdlog::error("key_not_stored why=\"{}\"", settled.error().message());
        return carry_out(fsm_.give_up("key not stored"));
    }
    if (auto saved = save_counter(state_, action.join_counter); !saved) {
        // Without the counter on disk a later start would look like a copy of this node.
        spdlog::error("join_counter_not_stored why=\"{}\"", saved.error().message());
        return carry_out(fsm_.give_up("join counter not stored"));
    }
    join_counter_ = action.join_counter;
    if (action.generation && generation_ != action.generation) note_generation(*action.generation);
    policy_dirty_ = true;  // once a session
    choice_.live(way_);
    if (transport_ == link::LinkTransport::websocket) transports_.forget(way_);
    reached_ = true;
    left_.reset();
    note_addresses();
    note_uplink();
    note_state(true);
    carry_out(fsm_.counter_stored(moment_now().steady));
    offer_key();  // one that the broker has not confirmed yet
}

void Link::note_addresses() {
    const Endpoint& broker = ways_.brokers[way_.broker];
    const auto& found = found_[way_.broker];
    if (ways_.proxy || found == std::vector{broker.host}) return;  // the proxy's; or it is no name
    // Without them on disk the next start knows those before.
    if (auto kept = known_.live(broker.authority(), found); !kept)
        spdlog::error("addresses_not_stored why=\"{}\"", kept.error().message());
}

/// For who waits for it on this machine; a failure that repeats itself is written once.
void Link::note_state(bool connected) {
    LinkState state{connected, ways_.brokers[way_.broker].authority(), connected ? std::string() : fsm_.down_because()};
    if (told_state_ == state) return;
    if (auto saved = save_link_state(state_, state); !saved)
        return spdlog::error("link_state_not_stored why=\"{}\"", saved.error().message());
    told_state_ = std::move(state);
}

// ── keys ──

void Link::offer_key() {
    if (auto offer = keys_.offer(identity_.node_id)) carry_out(fsm_.offer_key(std::move(*offer)));
}

void Link::replace_key_older_than(std::uint64_t seconds) {
    if (seconds == 0 || !fsm_.live() || keys_.offer(identity_.node_id)) return;
    const auto is_old = keys_.is_older_than(seconds, moment_now().wall_us);
    if (!is_old) return spdlog::error("key_age_not_known why=\"{}\"", is_old.error().message());
    if (!is_old.value()) return;
    act(MakeKey{});
    pump();
}

void Link::act(TryOtherKey&&) {
    if (!keys_.refused()) return;
    spdlog::warn("key_refused consequence=\"the next hello is signed with another key of this node\"");
    fsm_.retry_soon();
}

void Link::act(MakeKey&&) {
    if (auto made = keys_.make_next(); !made) return spdlog::error("key_not_made why=\"{}\"", made.error().message());
    spdlog::info("key_offered");
    offer_key();
}

void Link::act(TakeKey&& action) {
    if (auto taken = keys_.taken(action.public_key, moment_now().wall_us); !taken)
        return spdlog::error("key_not_stored why=\"{}\"", taken.error().message());
    spdlog::info("key_replaced");
}

void Link::act(StorePins&& action) {
    const Digest known = ways_.brokers[way_.broker].pin;
    if (pin_text(known) != identity_.pin) return;  // one with a pin of its own, in agent.toml
    Identity told = identity_;
    const auto changed = take_pins(told, action.pins);
    if (!changed) return spdlog::error("pins_refused why=\"{}\"", changed.error().message());
    if (!changed.value()) return;
    if (auto saved = save_identity(state_, told); !saved)
        return spdlog::error("pins_not_stored why=\"{}\"", saved.error().message());
    spdlog::info("pins_stored pin={} next={}", told.pin, told.next_pin.value_or("none"));
    identity_ = std::move(told);
    const Endpoint joined = endpoint_of(identity_).value();  // its parts were looked at
    for (Endpoint& broker : ways_.brokers) {
        if (broker.pin != known) continue;
        broker.pin = joined.pin;
        broker.next_pin = joined.next_pin;
    }
}

void Link::act(PreferBroker&& action) {
    const auto named = parse_broker_url(action.url);
    const auto known = std::ranges::find_if(
        ways_.brokers, [&](const Endpoint& one) { return named && one.authority() == named.value().authority(); });
    // Whoever is not in agent.toml has no pin, and nothing is said to it.
    if (known == ways_.brokers.end())
        return spdlog::warn("link_alternative_unknown broker=\"{}\" hint=\"it is none of [link] brokers\"",
                            action.url.substr(0, 256));
    choice_.prefer(static_cast<std::size_t>(known - ways_.brokers.begin()));
    spdlog::info("link_alternative broker={}", known->authority());
}

void Link::note_generation(const GenerationId& generation) {
    if (generation_) {
        spdlog::warn(
            "broker_restored generation={} before={} hint=\"its store is a backup: results it lacks are sent again\"",
            generation.text(), generation_->text());
    }
    // Without it on disk the next start says the same once more.
    if (auto saved = save_generation(state_, generation); !saved)
        spdlog::error("generation_not_stored why=\"{}\"", saved.error().message());
    generation_ = generation;
}

void Link::act(SendLine&& action) {
    outgoing_.say(std::move(action.line));
}

void Link::act(StartWork&& action) {
    listener_.start_work(std::move(action.task));
}

void Link::act(StopWork&& action) {
    listener_.stop_work(action.n, action.attempt);
}

void Link::act(ChangePlan&& action) {
    listener_.change_plan(std::move(action));
}

void Link::act(ForgetResults&& action) {
    if (auto forgotten = spool_.ack(action.upto, moment_now().wall_us); !forgotten)
        return listener_.disk_failed(forgotten.error());
    listener_.link_changed();
}

void Link::act(RewindResults&& action) {
    spool_.rewind(action.upto);
    say_notes();
    if (spool_.acked() > action.upto) carry_out(fsm_.give_up("the spool cannot go back that far"));
}

void Link::act(RenewSpool&& action) {
    auto renewed = spool_.renew(action.why);
    if (!renewed && renewed.error().code != Errc::unavailable) return listener_.disk_failed(renewed.error());
    // Nothing changed then, and the next session comes to the same point again.
    if (!renewed) spdlog::error("spool_full why=\"{}\"", renewed.error().message());
    say_notes();
}

void Link::say_notes() {
    for (const std::string& note : spool_.take_notes()) spdlog::warn("{}", note);
}

void Link::act(Hangup&& action) {
    pump();  // a protocol error is worth telling
    if (connection_) connection_->close(action.code, action.reason);
}

void Link::act(Cut&& action) {
    silent_ = true;
    silent_because_ = std::move(action.why);
    if (connection_) connection_->cut();
}

void Link::act(Say&& action) {
    switch (action.level) {
        case Level::debug:
            spdlog::debug("{}", action.text);
            break;
        case Level::info:
            spdlog::info("{}", action.text);
            break;
        case Level::warn:
            spdlog::warn("{}", action.text);
            break;
        case Level::error:
            spdlog::error("{}", action.text);
            break;
    }
}

void Link::arm() {
    auto deadline = fsm_.deadline();
    if (const auto trial = back_.deadline(); trial && fsm_.may_move())
        deadline = std::min(deadline.value_or(*trial), *trial);
    if (!deadline || armed_ <= *deadline) return;
    armed_ = *deadline;
    timer_.expires_at(armed_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        armed_ = Time::max();
        carry_out(fsm_.tick(moment_now()));
        try_better();
        pump();
    });
}

}  // namespace edge::agent
