#include "tests/unit/agent/link/link_fsm_rig.hpp"
#include "tests/unit/agent/results.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

link::Task task(std::uint64_t n) {
    link::Task one = ping_task(static_cast<std::uint8_t>(n));
    one.n = n;
    return one;
}

}  // namespace

TEST_CASE("a session comes about step by step, the counter on disk before the welcome is confirmed") {
    Rig rig;
    CHECK(texts_of(rig.fsm.start(rig.now)) == Texts{"dial"});
    CHECK(texts_of(rig.fsm.opened(rig.now)).empty());
    CHECK(rig.hear(Rig::challenge()) == Texts{"hello 32"});
    CHECK(rig.hear(Rig::welcome()) == Texts{"forget 0", "store 9", "say link_live"});
    CHECK(!rig.fsm.live());
    CHECK(texts_of(rig.fsm.counter_stored(rig.now)) ==
          Texts{R"(send {"t":"welcome_ack","join_counter":9,"credit":{"upto_n":8,"bytes":1048576}})"});
    CHECK(rig.fsm.live());
}

TEST_CASE("a broker that asks for a weaker hello, another protocol or a bad nonce gets none") {
    struct Case {
        const char* name;
        void (*spoil)(link::Challenge&);
        const char* code;
    };
    static const Case kCases[] = {
        {"binding", [](link::Challenge& one) { one.binding = link::Binding::none; }, "binding"},
        {"protocol",
         [](link::Challenge& one) {
             one.proto = {2, 3};
         },
         "version"},
        {"nonce", [](link::Challenge& one) { one.nonce = "AAAA"; }, "nonce"},
    };
    for (const Case& one : kCases) {
        SUBCASE(one.name) {
            Rig rig;
            rig.fsm.start(rig.now);
            rig.fsm.opened(rig.now);
            auto challenge = Rig::challenge();
            one.spoil(challenge);
            const Texts texts = rig.hear(challenge);
            REQUIRE(texts.size() == 3);
            CHECK(texts[0] == "say link_protocol_error");
            CHECK(texts[1].starts_with("send {\"t\":\"error\",\"code\":\"" + std::string(one.code)));
            CHECK(texts[2] == "hangup 1002 " + std::string(one.code));
        }
    }
}

TEST_CASE("envelopes out of turn end the session") {
    Rig rig;
    rig.fsm.start(rig.now);
    rig.fsm.opened(rig.now);
    SUBCASE("work before the welcome") {
        CHECK(rig.hear(task(1)).back() == "hangup 1002 too_early");
    }
    SUBCASE("a welcome before the hello") {
        CHECK(rig.hear(Rig::welcome()).back() == "hangup 1002 unexpected");
    }
    SUBCASE("an agent's envelope") {
        Rig live;
        live.go_live();
        CHECK(live.hear(link::WorkAck{1}).back() == "hangup 1002 wrong_direction");
    }
    SUBCASE("a second challenge") {
        Rig live;
        live.go_live();
        CHECK(live.hear(Rig::challenge()).back() == "hangup 1002 unexpected");
    }
    SUBCASE("bytes that do not decode") {
        Rig live;
        live.go_live();
        CHECK(texts_of(live.fsm.garbled(Error{Errc::bad_syntax, {}, "x"})).back() == "hangup 1002 bad_syntax");
    }
}

TEST_CASE("unknown envelopes are counted, unless they must be understood") {
    Rig rig;
    rig.go_live();
    CHECK(rig.hear(link::UnknownEnvelope{"weather", false}).empty());
    CHECK(rig.fsm.unknown_envelopes() == 1);
    CHECK(rig.hear(link::UnknownEnvelope{"weather", true}).back() == "hangup 1002 unknown_type");
}

TEST_CASE("work is taken in order, once, and only as far as granted") {
    Rig rig;
    rig.go_live();
    CHECK(rig.hear(task(1)) == Texts{"start 1"});
    CHECK(rig.hear(task(1)).empty());
    CHECK(rig.hear(link::CancelTask{2, task_id(1), 1}) == Texts{"stop 2"});
    CHECK(texts_of(rig.fsm.work_durable()) == Texts{R"(send {"t":"wack","n":2})"});
    CHECK(texts_of(rig.fsm.work_durable()).empty());
    SUBCASE("a gap") {
        CHECK(rig.hear(task(4)).back() == "hangup 1002 work_order");
    }
    SUBCASE("more than granted") {
        for (std::uint64_t n = 3; n <= 8; ++n) CHECK(rig.hear(task(n)).size() == 1);
        CHECK(rig.hear(task(9)).back() == "hangup 1002 work_order");
    }
}

TEST_CASE("changes of the plan are numbered with the work, and acknowledged when they are durable") {
    Rig rig;
    rig.go_live();
    link::PlanSet set;
    set.n = 1;
    CHECK(rig.hear(set) == Texts{"plan 1"});
    CHECK(rig.hear(set).empty());  // seen
    CHECK(rig.hear(link::PlanReset{2}) == Texts{"plan 2"});
    CHECK(texts_of(rig.fsm.work_durable()) == Texts{R"(send {"t":"wack","n":2})"});
    link::CancelTask cancel;
    cancel.n = 3;
    CHECK(rig.hear(cancel) == Texts{"stop 3"});
    CHECK(rig.hear(link::PlanDrop{5, {}}).front() == "say link_protocol_error");  // 4 was left out
}

TEST_CASE("work of an earlier session that becomes durable late is not acknowledged in this one") {
    Rig rig;
    rig.go_live();
    for (std::uint64_t n = 1; n <= 4; ++n) rig.hear(task(n));  // and the disk is full
    rig.fsm.closed({}, rig.now);
    rig.go_live();  // the broker numbers from 1 again
    CHECK(texts_of(rig.fsm.work_durable()).empty());
    rig.hear(task(1));
    CHECK(texts_of(rig.fsm.work_durable()) == Texts{R"(send {"t":"wack","n":1})"});
}

TEST_CASE("an agent that drains says so in every session, and grants nothing") {
    Rig rig;
    rig.fsm.start(rig.now);
    rig.fsm.opened(rig.now);
    rig.hear(Rig::challenge());
    CHECK(texts_of(rig.fsm.drain()).empty());
    rig.hear(Rig::welcome());
    CHECK(texts_of(rig.fsm.counter_stored(rig.now)) ==
          Texts{R"(send {"t":"welcome_ack","join_counter":9,"credit":{"upto_n":0,"bytes":1048576}})",
                R"(send {"t":"goaway","reason":"maintenance","deadline_ms":0,"window_ms":0})"});
}

TEST_CASE("credit for work is renewed in steps, never taken back, and not while draining") {
    Rig rig;
    rig.go_live();
    rig.hear(task(1));
    CHECK(texts_of(rig.fsm.slots_free(7)).empty());  // 1 + 7 is what was granted
    CHECK(texts_of(rig.fsm.slots_free(8)).empty());  // one more is not worth an envelope
    rig.hear(task(2));
    CHECK(texts_of(rig.fsm.slots_free(8)) == Texts{R"(send {"t":"credit","upto_n":10,"bytes":1048576})"});
    CHECK(texts_of(rig.fsm.slots_free(1)).empty());
    CHECK(texts_of(rig.fsm.drain()) ==
          Texts{R"(send {"t":"goaway","reason":"maintenance","deadline_ms":0,"window_ms":0})",
                R"(send {"t":"credit","upto_n":2,"bytes":1048576})"});
    CHECK(texts_of(rig.fsm.slots_free(8)).empty());
    CHECK(rig.hear(task(3)).empty());
    CHECK(rig.hear(link::CancelTask{4, task_id(1), 1}) == Texts{"stop 0"});
}

TEST_CASE("results are sent as far as the broker's credit goes, in numbers and in bytes") {
    Rig rig;
    rig.spool = {1, 10, 0};
    rig.go_live();
    CHECK(rig.fsm.next_result(10) == 1);
    CHECK(rig.fsm.has_credit(600));
    CHECK(rig.fsm.has_credit(100'000));  // one may always go, however large
    rig.fsm.result_sent(1, 600);
    CHECK(rig.fsm.next_result(10) == 2);
    CHECK(!rig.fsm.has_credit(600));
    CHECK(rig.hear(link::ResultAck{1}) == Texts{"forget 1"});
    CHECK(rig.fsm.has_credit(600));
    rig.fsm.result_sent(2, 100);
    rig.fsm.result_sent(3, 100);
    CHECK(!rig.fsm.next_result(10));  // upto_n is 3
    CHECK(rig.hear(link::Credit{5, 1000}).empty());
    CHECK(rig.fsm.next_result(10) == 4);
    CHECK(!rig.fsm.next_result(3));  // nothing more is committed
}

TEST_CASE("what comes while older results wait may go before them, once, whatever their credit is") {
    Rig rig;
    rig.spool = {1, 10, 0};
    rig.go_live(0, {link::kEarlyResults});
    CHECK(!rig.fsm.next_early(10));  // all of it was there before
    CHECK(rig.fsm.next_early(12) == 11);
    rig.fsm.early_sent(11);
    CHECK(rig.fsm.next_early(12) == 12);
    rig.fsm.early_sent(12);
    CHECK(!rig.fsm.next_early(12));
    CHECK(rig.fsm.next_result(12) == 1);
    rig.hear(link::Credit{20, 100'000});
    for (std::uint64_t n = 1; n <= 12; ++n) rig.fsm.result_sent(n, 10);
    CHECK(!rig.fsm.next_early(13));  // nothing waits any more: it goes in its turn
    CHECK(rig.fsm.next_result(13) == 13);
    rig.fsm.result_sent(13, 10);
    CHECK(!rig.fsm.next_early(14));
}

TEST_CASE("a broker that does not say that it takes results out of sequence is sent none") {
    Rig rig;
    rig.spool = {1, 10, 0};
    rig.go_live(0, {"something_else"});
    CHECK(!rig.fsm.next_early(12));
}

TEST_CASE("an acknowledgement of what was never sent deletes nothing and ends the session") {
    Rig rig;
    rig.spool = {1, 10, 0};
    rig.go_live();
    rig.fsm.result_sent(1, 10);
    CHECK(rig.hear(link::ResultAck{2}).back() == "hangup 1002 ack");
    for (const auto& text : rig.hear(link::ResultAck{~0ULL})) CHECK(!text.starts_with("forget"));
}

TEST_CASE("an old acknowledgement is nothing new") {
    Rig rig;
    rig.spool = {5, 10, 4};
    rig.go_live(4);
    rig.fsm.result_sent(5, 10);
    CHECK(rig.hear(link::ResultAck{5}) == Texts{"forget 5"});
    CHECK(rig.hear(link::ResultAck{5}).empty());
    CHECK(rig.hear(link::ResultAck{1}).empty());
}

TEST_CASE("a new session goes on behind what the broker has") {
    Rig rig;
    rig.spool = {3, 10, 2};
    rig.go_live(6);
    CHECK(rig.fsm.next_result(10) == 7);
}

TEST_CASE("a broker that knows more than was ever written is met with a new spool") {
    Rig rig;
    rig.spool = {5, 10, 4};
    rig.greet();
    CHECK(rig.hear(Rig::welcome(11)) == Texts{"renew", "hangup 1000 the spool begins anew"});
}

TEST_CASE("a broker that knows less than it acknowledged is sent it again, as far back as it is kept") {
    struct Case {
        const char* name;
        SpoolNumbers spool;
        std::uint64_t acked;
        const char* action;
        std::uint64_t next;
    };
    for (const Case& one : {Case{"all of it is kept", {3, 10, 8}, 5, "rewind 5", 6},
                            Case{"all that is kept was acknowledged", {3, 10, 10}, 5, "rewind 5", 6},
                            Case{"some is gone", {7, 10, 8}, 2, "rewind 6", 7},
                            Case{"all acknowledged ones are gone", {9, 10, 8}, 2, "forget 8", 9},
                            Case{"nothing is left", {0, 10, 10}, 2, "forget 10", 11}}) {
        SUBCASE(one.name) {
            Rig rig;
            rig.spool = one.spool;
            rig.greet();
            CHECK(rig.hear(Rig::welcome(one.acked)) == Texts{one.action, "store 9", "say link_live"});
            rig.fsm.counter_stored(rig.now);
            auto credit = link::Credit{.upto_n = 20, .bytes = 1000};
            rig.hear(credit);
            CHECK(rig.fsm.next_result(12) == one.next);
            rig.hear(link::ResultAck{one.next - 1});  // said before, or never sent: nothing of it is forgotten twice
            CHECK(rig.fsm.live());
        }
    }
}

TEST_CASE("the generation of the broker's store is written down with the join counter") {
    Rig rig;
    rig.greet();
    auto welcome = Rig::welcome();
    welcome.generation = GenerationId{{7}};
    const auto actions = rig.fsm.received(welcome, rig.spool, rig.moment());
    const auto store = std::ranges::find_if(
        actions, [](const LinkAction& action) { return std::holds_alternative<StoreCounter>(action); });
    REQUIRE(store != actions.end());
    CHECK(std::get<StoreCounter>(*store).generation == welcome.generation);
}

TEST_CASE("revoked attempts are stopped") {
    Rig rig;
    rig.fsm.start(rig.now);
    rig.fsm.opened(rig.now);
    rig.hear(Rig::challenge());
    auto welcome = Rig::welcome();
    welcome.revoke = {{task_id(1), 1}, {task_id(2), 3}};
    CHECK(rig.hear(welcome) == Texts{"forget 0", "store 9", "stop 0", "stop 0", "say link_live"});
}

TEST_CASE("a heartbeat is sent when there was silence, answered at once, and an answer is not answered") {
    Rig rig;
    rig.go_live();
    const auto first = rig.fsm.deadline().value();
    CHECK(first - rig.now >= 12s);
    CHECK(first - rig.now <= 18s);
    rig.now += 10s;
    rig.fsm.wrote(rig.now);
    CHECK(rig.fsm.deadline().value() >= rig.now + 12s);
    rig.now = rig.fsm.deadline().value();
    CHECK(texts_of(rig.fsm.tick(rig.moment())) == Texts{R"(send {"t":"hb","at_us":1000000})"});
    CHECK(rig.hear(link::Heartbeat{77, std::nullopt}) == Texts{R"(send {"t":"hb","at_us":1000000,"echo_us":77})"});
    CHECK(rig.hear(link::Heartbeat{78, 77}).empty());
}

TEST_CASE("45 seconds without a sign of life end the session, any envelope is one") {
    Rig rig;
    rig.go_live();
    rig.now += 44s;
    rig.hear(link::Credit{3, 1000});
    rig.now += 44s;
    for (const auto& text : texts_of(rig.fsm.tick(rig.moment()))) CHECK(text != "cut");
    rig.now += 1s;
    CHECK(rig.fsm.deadline().value() <= rig.now);
    CHECK(texts_of(rig.fsm.tick(rig.moment())) == Texts{"cut"});
}

TEST_CASE("a broker that lives and does not acknowledge a result for five minutes is dialled anew") {
    Rig rig;
    rig.spool = {1, 10, 0};
    rig.go_live();
    const auto live_until = [&](Time until) {
        Texts ended;
        for (; rig.now < until && ended.empty(); rig.now += 10s) {
            rig.hear(link::Heartbeat{1, 2});
            for (const auto& text : texts_of(rig.fsm.tick(rig.moment())))
                if (text.starts_with("hangup") || text == "cut") ended.push_back(text);
        }
        return ended;
    };
    CHECK(live_until(rig.now + 20min).empty());  // nothing was sent
    rig.fsm.result_sent(1, 10);
    rig.fsm.result_sent(2, 10);
    rig.fsm.wrote(rig.now);
    CHECK(live_until(rig.now + 4min).empty());
    SUBCASE("since the last that it did acknowledge") {
        rig.hear(link::ResultAck{1});
        CHECK(live_until(rig.now + 4min).empty());
    }
    SUBCASE("since it was sent") {}
    CHECK(live_until(rig.now + 2min) == Texts{"hangup 1002 results were not acknowledged within 5 min"});
}

TEST_CASE("credit that comes again takes nothing back, and credit that does not come is not waited for without end") {
    Rig rig;
    rig.spool = {1, 10, 0};
    rig.go_live();  // credit for three
    rig.hear(link::Credit{5, 1000});
    rig.hear(link::Credit{4, 1000});
    for (std::uint64_t n = 1; n <= 5; ++n) {
        REQUIRE(rig.fsm.next_result(10) == n);
        rig.fsm.result_sent(n, 10);
    }
    CHECK(!rig.fsm.next_result(10));
    rig.hear(link::ResultAck{5});
    rig.fsm.held(5, rig.now);  // nothing waits
    const auto ends_by = [&](Time until) {
        Texts ended;
        for (; rig.now < until && ended.empty(); rig.now += 10s) {
            rig.hear(link::Heartbeat{1, 2});
            for (const auto& text : texts_of(rig.fsm.tick(rig.moment())))
                if (text.starts_with("hangup")) ended.push_back(text);
        }
        return ended;
    };
    CHECK(ends_by(rig.now + 6min).empty());
    rig.fsm.held(10, rig.now);
    CHECK(ends_by(rig.now + 4min).empty());
    SUBCASE("it comes") {
        rig.hear(link::Credit{6, 1000});
        CHECK(ends_by(rig.now + 6min).empty());
    }
    SUBCASE("it does not come") {
        CHECK(ends_by(rig.now + 2min) == Texts{"hangup 1002 no credit for results came within 5 min"});
    }
}

TEST_CASE("a handshake takes 20 seconds at most, at every step") {
    for (int steps = 0; steps < 3; ++steps) {
        CAPTURE(steps);
        Rig rig;
        rig.fsm.start(rig.now);
        if (steps > 0) rig.fsm.opened(rig.now);
        if (steps > 1) rig.hear(Rig::challenge());
        rig.now += 19s;
        CHECK(texts_of(rig.fsm.tick(rig.moment())).empty());
        rig.now += 1s;
        CHECK(texts_of(rig.fsm.tick(rig.moment())).back().starts_with("hangup 1002"));
    }
}

TEST_CASE("after a lost session it dials again, within the configured time") {
    Rig rig;
    rig.go_live();
    CHECK(rig.wait_after({"reset", {}}) <= 2s);
    CHECK(texts_of(rig.fsm.tick(rig.moment())).empty());
    rig.now = rig.fsm.deadline().value();
    CHECK(texts_of(rig.fsm.tick(rig.moment())) == Texts{"dial"});
}

TEST_CASE("how long it waits is the broker's to say") {
    Rig rig;
    SUBCASE("a rejection that asks for time") {
        rig.fsm.start(rig.now);
        rig.fsm.opened(rig.now);
        rig.hear(Rig::challenge());
        CHECK(rig.hear(link::Reject{link::RejectCode::overloaded, "busy", 100'000, false}) ==
              Texts{"say link_rejected", "hangup 1000 rejected"});
        const auto wait = rig.wait_after();
        CHECK(wait >= 100s);
        CHECK(wait <= 120s);
    }
    SUBCASE("but where another broker was not asked yet, that one is, unless all would say the same") {
        for (const auto code : {link::RejectCode::unknown_node, link::RejectCode::store_behind,
                                link::RejectCode::revoked, link::RejectCode::stale_counter}) {
            CAPTURE(static_cast<int>(code));
            Rig fresh;
            fresh.fsm.start(fresh.now);
            fresh.fsm.opened(fresh.now);
            fresh.hear(Rig::challenge());
            fresh.hear(link::Reject{code, "", 60'000, code != link::RejectCode::store_behind});
            Closed why;
            why.another_way = true;
            const bool is_everywhere = code == link::RejectCode::revoked || code == link::RejectCode::stale_counter;
            CHECK((fresh.wait_after(why) > 10s) == is_everywhere);
        }
    }
    SUBCASE("a rejection only an operator can lift") {
        rig.fsm.start(rig.now);
        rig.fsm.opened(rig.now);
        rig.hear(Rig::challenge());
        rig.hear(link::Reject{link::RejectCode::revoked, "gone", 0, true});
        const auto wait = rig.wait_after();
        CHECK(wait >= 5min);
        CHECK(wait <= 15min);
    }
    SUBCASE("an HTTP 503") {
        rig.fsm.start(rig.now);
        CHECK(rig.wait_after({"HTTP 503", 50s}) >= 50s);
    }
    SUBCASE("a broker that goes away with a window") {
        rig.go_live();
        CHECK(rig.hear(link::Goaway{link::GoawayReason::maintenance, 1000, 600'000}) ==
              Texts{"say link_goaway", "hangup 1012 as asked"});
        CHECK(rig.wait_after() <= 10min);
    }
    SUBCASE("another machine with this key") {
        rig.go_live();
        rig.hear(link::Goaway{link::GoawayReason::taken_over, 0, 0});
        CHECK(rig.wait_after() >= 5min);
    }
}

TEST_CASE("a hello that its key did not sign is tried soon with another, where there is one") {
    Rig rig;
    rig.fsm.start(rig.now);
    rig.fsm.opened(rig.now);
    rig.hear(Rig::challenge());
    CHECK(rig.hear(link::Reject{link::RejectCode::bad_signature, "not signed", 300'000, true}) ==
          Texts{"say link_rejected", "other key", "hangup 1000 rejected"});
    SUBCASE("there is another") {
        rig.fsm.retry_soon();
        CHECK(rig.wait_after() <= 10s);
    }
    SUBCASE("there is none") {
        CHECK(rig.wait_after() >= 5min);
    }
}

TEST_CASE("a node that is pending asks again when it is told to; one that is shut out is told what to do") {
    Rig rig;
    rig.fsm.start(rig.now);
    rig.fsm.opened(rig.now);
    rig.hear(Rig::challenge());
    SUBCASE("pending") {
        rig.hear(link::Reject{link::RejectCode::pending, "edgectl approve gz-1", 30'000, false});
        const auto wait = rig.wait_after();
        CHECK(wait >= 30s);
        CHECK(wait <= 36s);
        CHECK(rig.fsm.down_because() == "the broker says pending: edgectl approve gz-1");
        rig.fsm.start(rig.now);
        rig.fsm.closed({.reason = "connection refused"}, rig.now);
        CHECK(rig.fsm.down_because() == "connection refused");
    }
    SUBCASE("revoked") {
        const auto actions =
            rig.fsm.received(link::Reject{link::RejectCode::revoked, "gone", 0, true}, rig.spool, rig.moment());
        const auto& said = std::get<Say>(actions.at(0));
        CHECK(said.level == Level::error);
        CHECK(said.text.find("results are kept") != std::string::npos);
        CHECK(said.text.find("enroll URL --replace") != std::string::npos);
    }
}

TEST_CASE("keys and pins are spoken of in a live session only") {
    Rig rig;
    CHECK(texts_of(rig.fsm.offer_key({})).empty());
    rig.go_live();
    CHECK(rig.hear(link::RotateKey{}) == Texts{"make key"});
    CHECK(texts_of(rig.fsm.offer_key({"k", "a", "b"})) ==
          Texts{R"(send {"t":"new_key","public_key":"k","by_old":"a","by_new":"b"})"});
    CHECK(rig.hear(link::KeyTaken{"k"}) == Texts{"take key k"});
    CHECK(rig.hear(link::RotateKey{}).empty());  // the same order, come twice
    rig.now += 60s;
    CHECK(rig.hear(link::RotateKey{}) == Texts{"make key"});
    CHECK(rig.hear(link::Pins{"sha256:AAAA", {}}) == Texts{"pins sha256:AAAA"});
}

TEST_CASE("before going away it waits for what was sent, up to the deadline") {
    Rig rig;
    rig.spool = {1, 2, 0};
    rig.go_live();
    rig.fsm.result_sent(1, 10);
    CHECK(rig.hear(link::Goaway{link::GoawayReason::maintenance, 5000, 0}) == Texts{"say link_goaway"});
    SUBCASE("acknowledged in time") {
        CHECK(rig.hear(link::ResultAck{1}) == Texts{"forget 1", "hangup 1012 as asked"});
    }
    SUBCASE("not in time") {
        rig.now += 5s;
        CHECK(texts_of(rig.fsm.tick(rig.moment())) == Texts{"hangup 1012 as asked"});
    }
}

TEST_CASE("a broker that goes may name another, unless it does not want the agent back") {
    Rig rig;
    rig.go_live();
    link::Goaway goaway{link::GoawayReason::maintenance, 0, 0, "https://b.example:7443"};
    SUBCASE("it stops") {
        CHECK(rig.hear(goaway) == Texts{"say link_goaway", "prefer https://b.example:7443", "hangup 1012 as asked"});
    }
    SUBCASE("the node is shut out") {
        goaway.reason = link::GoawayReason::revoked;
        CHECK(rig.hear(goaway) == Texts{"say link_goaway", "hangup 1012 as asked"});
    }
}

TEST_CASE("an agent that stops does not dial again") {
    Rig rig;
    rig.go_live();
    rig.fsm.drain();
    CHECK(texts_of(rig.fsm.finish()) == Texts{"hangup 1001 the agent stops"});
    CHECK(texts_of(rig.fsm.closed({"left", {}}, rig.now)).empty());
    CHECK(!rig.fsm.deadline());
    CHECK(rig.fsm.idle());
}

TEST_CASE("an agent that stops while it waits to dial is done at once") {
    Rig rig;
    rig.fsm.start(rig.now);
    rig.fsm.closed({"refused", {}}, rig.now);
    CHECK(texts_of(rig.fsm.finish()).empty());
    CHECK(!rig.fsm.deadline());
}

TEST_CASE("a counter that cannot be stored is no session") {
    Rig rig;
    rig.fsm.start(rig.now);
    rig.fsm.opened(rig.now);
    rig.hear(Rig::challenge());
    rig.hear(Rig::welcome());
    CHECK(texts_of(rig.fsm.give_up("disk")) == Texts{"hangup 1011 disk"});
    CHECK(!rig.fsm.live());
}
