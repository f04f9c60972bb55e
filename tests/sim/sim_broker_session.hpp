// The broker's end of a wire.
#pragma once
#include "protocol/codings.hpp"
#include "tests/sim/exporter.hpp"
#include "tests/sim/sim_broker.hpp"

namespace edge::sim {

namespace gateway = broker::gateway;

/// As broker/gateway/session.cpp does it over a socket.
class Broker::Session final : public WireEnd, public std::enable_shared_from_this<Session> {
  public:
    Session(Broker& broker, std::shared_ptr<Wire> wire)
        : broker_(broker), life_(broker.life_), wire_(std::move(wire)), fsm_(terms(broker)) {}

    void start() { apply(fsm_.start(now())); }
    void message(std::string text) override {
        if (is_alive()) apply(fsm_.message(now(), text));
    }
    void closed() override {
        wire_.reset();
        if (is_alive()) apply(fsm_.gone());
    }
    void send(std::vector<link::Envelope> envelopes) {
        if (fsm_.is_closed()) return;
        fsm_.sent(now());
        for (const auto& envelope : envelopes) {
            if (!push(envelope)) return apply(fsm_.cut("slow consumer"));
        }
        flush();
        arm();
    }
    void go_away(link::Goaway why) { apply(fsm_.go_away(now(), why)); }
    void joined(std::variant<link::Welcome, link::Reject> answer) { apply(fsm_.joined(now(), std::move(answer))); }

  private:
    static gateway::SessionTerms terms(Broker& broker) {
        gateway::SessionTerms terms;
        for (int i = 0; i < 32; ++i) terms.nonce.push_back(static_cast<char>(broker.chance_.bits()));
        terms.exporter = kExporter;
        terms.limits = broker.limits_;
        terms.seed = static_cast<std::uint32_t>(broker.chance_.bits());
        return terms;
    }
    bool is_alive() const { return life_ == broker_.life_ && broker_.fsm_; }
    gateway::Now now() const { return {broker_.timeline_.steady(), broker_.timeline_.wall()}; }

    void apply(gateway::Actions actions) {
        for (auto& action : actions) std::visit([this](auto& one) { carry_out(one); }, action);
        flush();
        arm();
    }
    void carry_out(gateway::action::Send& send) { push(send.envelope); }
    void carry_out(gateway::action::FindKey& find) {
        broker_.later(0, [self = shared_from_this(), node = find.node] {
            std::optional<Result<broker::NodeKey>> key;
            self->broker_.act([&](auto& fsm, auto now, auto&) { key = fsm.find_key(node, now); });
            self->apply(self->fsm_.key(self->now(), *key));
        });
    }
    void carry_out(gateway::action::AskToJoin& ask) {
        broker_.later(0, [self = shared_from_this(), hello = std::move(ask.hello), key = ask.key]() mutable {
            const auto ticket = self->broker_.ticket();
            self->broker_.joining_[static_cast<std::uint64_t>(ticket)] = self;
            self->broker_.act(
                [&](auto& fsm, auto now, auto& out) { fsm.join(ticket, std::move(hello), key, now, out); });
        });
    }
    void carry_out(gateway::action::Confirm& confirm) {
        broker_.later(0, [&broker = broker_, confirm = std::move(confirm)] {
            broker.act([&](auto& fsm, auto now, auto& out) { fsm.confirm(confirm.session, confirm.ack, now, out); });
        });
    }
    void carry_out(gateway::action::Live&) {}
    void carry_out(gateway::action::Deliver& deliver) {
        for (const auto& one : deliver.envelopes) look_at_credit(one.envelope);
        broker_.later(0, [&broker = broker_, deliver = std::move(deliver)]() mutable {
            broker.act([&](auto& fsm, auto now, auto& out) {
                fsm.receive(deliver.session, std::move(deliver.envelopes), now, out);
            });
        });
    }
    void carry_out(gateway::action::Measured& measured) {
        broker_.later(0, [&broker = broker_, measured] {
            broker.fsm_->measured(measured.session, measured.rtt_us, measured.clock_offset_us, broker.now());
        });
    }
    void carry_out(gateway::action::Leave& leave) {
        broker_.later(0, [&broker = broker_, session = leave.session] {
            broker.act([&](auto& fsm, auto now, auto& out) { fsm.leave(session, now, out); });
            broker.sinks_.erase(session);
        });
    }
    void carry_out(gateway::action::Close&) { closing_ = true; }
    void carry_out(gateway::action::Cut&) {
        if (const auto wire = std::exchange(wire_, nullptr)) wire->cut();
    }

    bool push(link::Envelope envelope) {
        link::Credit* credit = std::get_if<link::Credit>(&envelope);
        if (auto* welcome = std::get_if<link::Welcome>(&envelope)) credit = &welcome->credit;
        if (credit) {
            granted_ = credit->upto_n;
            if (broker_.broken_ == Break::credit_raised) *credit = {1'000 * credit->upto_n, 1'000 * credit->bytes};
        }
        return outbox_.push(envelope);
    }
    void look_at_credit(const link::Envelope& envelope) const {
        const auto* result = std::get_if<link::TaskResult>(&envelope);
        if (result && !result->early.value_or(false) && result->n > granted_)
            throw Violation("credit is never exceeded: " + std::to_string(result->n) + " came, and " +
                            std::to_string(granted_) + " is the last that was granted");
    }
    void flush() {
        if (!wire_) return;
        while (!outbox_.is_empty()) wire_->send(Wire::broker, outbox_.take());
        if (!closing_) return;
        closing_ = false;
        const auto wire = wire_;
        wire->close(Wire::broker);
    }
    void arm() {
        const auto due = fsm_.deadline();
        if (!due || (armed_ && *armed_ <= broker_.timeline_.of(*due))) return;
        armed_ = broker_.timeline_.of(*due);
        broker_.timeline_.at(*armed_, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self || !self->is_alive()) return;
            self->armed_.reset();
            self->apply(self->fsm_.timer(self->now()));
        });
    }

    Broker& broker_;
    std::uint64_t life_;
    std::shared_ptr<Wire> wire_;
    gateway::SessionFsm fsm_;
    gateway::Outbox outbox_;
    std::uint64_t granted_ = 0;  // the last number
    bool closing_ = false;
    std::optional<Us> armed_;
};

}  // namespace edge::sim
