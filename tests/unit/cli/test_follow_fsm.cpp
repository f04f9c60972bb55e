#include <doctest/doctest.h>

#include "cli/run/follow_fsm.hpp"

using namespace edge::cli;
using namespace std::chrono_literals;
using Action = FollowFsm::Action;
using Ended = FollowFsm::Ended;

namespace {

struct Clock {
    FollowFsm::Time now{};
    FollowFsm fsm{now};
    FollowFsm::Next next() { return fsm.next(now); }
};

}  // namespace

TEST_CASE("the stream is followed first, and a finished run is the end") {
    Clock c;
    CHECK(c.next().action == Action::stream);
    c.fsm.heard(c.now);
    c.fsm.finished();
    CHECK(c.next().action == Action::done);
}

TEST_CASE("a lost stream is followed again, after a quarter of a second, a half, one, two, two") {
    Clock c;
    for (const auto wait : {250ms, 500ms, 1000ms, 2000ms, 2000ms}) {
        CHECK(c.next().action == Action::stream);
        c.fsm.stream_ended(Ended::lost, true, false);
        const auto next = c.next();
        CHECK(next.action == Action::wait);
        CHECK(next.wait == wait);
        CHECK(c.fsm.is_reconnecting());
    }
    c.fsm.heard(c.now);
    CHECK_FALSE(c.fsm.is_reconnecting());
    CHECK(c.next().action == Action::stream);
    c.fsm.stream_ended(Ended::lost, true, false);
    CHECK(c.next().wait == 250ms);
}

TEST_CASE("a broker that stops in order ends the stream in order; it is followed again") {
    Clock c;
    c.fsm.heard(c.now);
    c.fsm.stream_ended(Ended::clean, true, false);
    CHECK(c.next().action == Action::wait);
    CHECK(c.next().action == Action::stream);
}

TEST_CASE("where there is no stream to be had, the run is asked for at once and then each second") {
    for (const bool cut_off : {false, true}) {
        Clock c;
        c.fsm.stream_ended(cut_off ? Ended::clean : Ended::refused, true, cut_off);
        CHECK(c.next().action == Action::poll);
        c.fsm.heard(c.now);
        c.fsm.poll_ended(Ended::clean);
        const auto next = c.next();
        CHECK(next.action == Action::wait);
        CHECK(next.wait == 1000ms);
        CHECK(c.next().action == Action::poll);
    }
    Clock silent;
    silent.fsm.stream_ended(Ended::clean, false, false);
    CHECK(silent.next().action == Action::poll);
}

TEST_CASE("after a minute without a word it is given up, and not a moment before") {
    Clock c;
    c.fsm.heard(c.now);
    c.fsm.stream_ended(Ended::lost, true, false);
    c.now += 60s;
    CHECK(c.next().action == Action::wait);
    c.now += 1ms;
    CHECK(c.next().action == Action::give_up);
}

TEST_CASE("a long silence on a stream that lives is no reason to give up") {
    Clock c;
    c.now += 10min;
    CHECK(c.next().action == Action::stream);
}
