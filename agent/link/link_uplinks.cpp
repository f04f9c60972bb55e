// The half of Link that chooses its uplink.
#include <spdlog/spdlog.h>

#include "agent/link/link.hpp"
#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

/// Hears nothing: who is told of a connection that was left.
class Nobody final : public BrokerConnection::Listener {
    void connection_opened(std::string) override {}
    void connection_resolved(const std::vector<std::string>&) override {}
    void connection_message(std::string) override {}
    void connection_writable() override {}
    void connection_closed(const Closed&) override {}
};

}  // namespace

Route Link::route_of(std::size_t uplink) const {
    Route route;
    if (ways_.uplinks[uplink] != link::kHostUplink) route.line = LineName::parse(ways_.uplinks[uplink]).value();
    route.uplinks = ways_.lines;
    route.proxy = ways_.proxy;
    // Where there is another, one that does not answer is not waited for so long.
    if (choice_.count() > 1) route.each_step = std::chrono::seconds(5);
    return route;
}

Route Link::route_to(const Way& way) const {
    Route route = route_of(way.uplink);
    const std::string broker = ways_.brokers[way.broker].authority();
    if (!route.proxy) route.addresses = known_.instead_of(broker, way.uplink);
    if (!route.addresses.empty())
        spdlog::info("link_dialling_known broker={} first={} why=\"its name led nowhere, or to somebody else\"", broker,
                     route.addresses.front());
    return route;
}

link::Uplink Link::uplink() const {
    link::Uplink one;
    one.name = ways_.uplinks[way_.uplink];
    one.broker = ways_.brokers[way_.broker].authority();
    one.transport = transport_;
    if (const auto route = route_of(way_.uplink); route.line) {
        const auto line = ways_.lines->line(*route.line);
        one.bound = line ? line->bound : link::UplinkBound::launcher;
    }
    for (std::size_t better = 0; better < way_.uplink; ++better) {
        const auto failed = failures_.find(better);
        if (failed == failures_.end()) continue;
        one.why += (one.why.empty() ? "" : "; ") + ways_.uplinks[better] + ": " + failed->second;
    }
    if (one.why.empty() && way_.uplink == 0 && failures_.contains(0)) one.why = "the first, and well again";
    return one;
}

/// Once a session: for the log, for doctor, and for when there is a better one to go back to.
void Link::note_uplink() {
    const Time now = moment_now().steady;
    if (live_uplink_ && *live_uplink_ != way_.uplink) back_.moved(now);
    live_uplink_ = way_.uplink;
    link::Uplink one = uplink();
    if (ways_.uplinks.size() > 1 || transport_ != link::LinkTransport::websocket)
        spdlog::info("link_uplink uplink={} broker={} bound={} transport={} why=\"{}\"", one.name, one.broker,
                     enum_text(one.bound), enum_text(one.transport), one.why);
    look_for_better();
    if (told_ && encode(*told_) == encode(one)) return;
    if (auto saved = save_uplink(state_, one); !saved)
        spdlog::error("uplink_not_stored why=\"{}\"", saved.error().message());
    told_ = std::move(one);
}

void Link::uplinks_changed() {
    for (std::size_t i = 0; i < ways_.uplinks.size(); ++i) {
        const auto route = route_of(i);
        const auto line = route.line ? ways_.lines->line(*route.line) : std::nullopt;
        if (!line) continue;  // what nobody knows stays as it was
        choice_.usable(i, line->up);
        if (!line->up) failures_[i] = "the line is down: " + line->reason;
    }
    bool is_other = false;
    for (std::size_t i = 0; i < ways_.uplinks.size(); ++i)
        is_other = is_other || (i != way_.uplink && choice_.is_usable(i));
    if (!choice_.is_usable(way_.uplink) && is_other) carry_out(fsm_.uplink_lost(failures_[way_.uplink]));
    look_for_better();
    arm();
}

void Link::look_for_better() {
    std::optional<std::size_t> better;
    for (std::size_t i = 0; live_uplink_ && i < *live_uplink_ && !better; ++i)
        if (choice_.is_usable(i)) better = i;
    back_.better(better, moment_now().steady);
}

void Link::try_better() {
    if (!fsm_.may_move()) return;
    const auto uplink = back_.due(moment_now().steady);
    if (!uplink) return;
    tried_ = {*uplink, choice_.broker()};
    tried_transport_ = transports_.next(tried_, moment_now().steady);
    trial_ = std::make_unique<Trial>(io_, ways_.brokers[tried_.broker], route_to(tried_), tried_transport_,
                                     [this](const Closed& why) { tried(why); });
}

void Link::tried(const Closed& why) {
    const bool well = why.reason.empty() && trial_->is_open();
    spdlog::debug("link_trial uplink={} well={} why=\"{}\"", ways_.uplinks[tried_.uplink], well, why.reason);
    const bool go = back_.answered(well, moment_now().steady);
    if (!well) failures_[tried_.uplink] = why.reason;
    if (!well) known_.failed(ways_.brokers[tried_.broker].authority(), tried_.uplink);
    if (!well && tried_transport_ == link::LinkTransport::poll) transports_.forget(tried_);
    if (why.no_websocket) transports_.no_websocket(tried_, moment_now().steady);
    if (go && fsm_.may_move()) move_over();
    trial_.reset();
    arm();
}

/// The old connection stays as it is until the new session takes its place at the broker, and nobody hears it.
void Link::move_over() {
    static Nobody nobody;
    BrokerConnection::Listener& here = *this;
    left_ = std::move(connection_);
    left_->tell(nobody);
    const std::string challenge = trial_->challenge();
    const auto addresses = trial_->addresses();
    binding_ = trial_->binding();
    connection_ = trial_->take();
    connection_->tell(here);
    way_ = tried_;
    transport_ = tried_transport_;
    beat_each();
    writing_ = reached_ = silent_ = false;
    outgoing_.clear();
    connection_resolved(addresses);
    carry_out(fsm_.moved(moment_now().steady));
    connection_message(challenge);
}

}  // namespace edge::agent
