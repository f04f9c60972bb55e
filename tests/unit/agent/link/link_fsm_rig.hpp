// A LinkFsm with a clock that only tests move, and what it does as text.
#pragma once
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "agent/link/link_fsm.hpp"
#include "protocol/crypto/keys.hpp"

namespace edge::agent {

using namespace std::chrono_literals;

inline std::string text_of(const LinkAction& action) {
    struct Visitor {
        std::string operator()(const Dial&) { return "dial"; }
        std::string operator()(const SayHello& one) { return "hello " + std::to_string(one.nonce.size()); }
        std::string operator()(const StoreCounter& one) { return "store " + std::to_string(one.join_counter); }
        std::string operator()(const SendLine& one) { return "send " + one.line; }
        std::string operator()(const StartWork& one) { return "start " + std::to_string(one.task.n); }
        std::string operator()(const StopWork& one) { return "stop " + std::to_string(one.n); }
        std::string operator()(const ChangePlan& one) {
            return std::visit([](const auto& change) { return "plan " + std::to_string(change.n); }, one.change);
        }
        std::string operator()(const ForgetResults& one) { return "forget " + std::to_string(one.upto); }
        std::string operator()(const RewindResults& one) { return "rewind " + std::to_string(one.upto); }
        std::string operator()(const RenewSpool&) { return "renew"; }
        std::string operator()(const Hangup& one) { return "hangup " + std::to_string(one.code) + " " + one.reason; }
        std::string operator()(const Cut&) { return "cut"; }
        std::string operator()(const TryOtherKey&) { return "other key"; }
        std::string operator()(const MakeKey&) { return "make key"; }
        std::string operator()(const TakeKey& one) { return "take key " + one.public_key; }
        std::string operator()(const StorePins& one) { return "pins " + one.pins.pin; }
        std::string operator()(const PreferBroker& one) { return "prefer " + one.url; }
        std::string operator()(const Say& one) { return "say " + one.text.substr(0, one.text.find(' ')); }
    };
    return std::visit(Visitor{}, action);
}

using Texts = std::vector<std::string>;
inline Texts texts_of(const LinkActions& actions) {
    Texts texts;
    for (const auto& action : actions) texts.push_back(text_of(action));
    return texts;
}

/// A machine with a clock that only tests move.
struct Rig {
    explicit Rig(std::uint64_t seed = 3) : fsm({.first_retry = 2s, .work_slots = 8, .seed = seed}) {}

    LinkFsm fsm;
    Time now{};
    SpoolNumbers spool{};

    Moment moment() const { return {now, 1'000'000}; }
    Texts hear(link::Envelope envelope) { return texts_of(fsm.received(std::move(envelope), spool, moment())); }
    static link::Challenge challenge() {
        link::Challenge one;
        one.proto = {1};
        one.nonce = to_base64(Digest{});
        return one;
    }
    static link::Welcome welcome(std::uint64_t acked = 0) {
        link::Welcome one;
        one.epoch = 4;
        one.join_counter = 9;
        one.results_acked = acked;
        one.work_from = 1;
        one.credit = {.upto_n = acked + 3, .bytes = 1000};
        return one;
    }
    /// Up to the hello.
    void greet(std::vector<std::string> features = {}) {
        link::Challenge first = challenge();
        first.features = std::move(features);
        fsm.start(now);
        fsm.opened(now);
        hear(first);
    }
    void go_live(std::uint64_t acked = 0, std::vector<std::string> features = {}) {
        greet(std::move(features));
        hear(welcome(acked));
        fsm.counter_stored(now);
        REQUIRE(fsm.live());
    }
    /// From a lost connection to the next dial.
    std::chrono::milliseconds wait_after(const Closed& why = {}) {
        fsm.closed(why, now);
        const Time at = fsm.deadline().value();
        return std::chrono::duration_cast<std::chrono::milliseconds>(at - now);
    }
};

}  // namespace edge::agent
