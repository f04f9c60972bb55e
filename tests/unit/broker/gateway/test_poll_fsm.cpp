#include <doctest/doctest.h>

#include "broker/gateway/poll_fsm.hpp"

using namespace edge::broker::gateway;
using Kind = PollAnswer::Kind;
using Post = PollFsm::Post;

TEST_CASE("each message of the agent's is taken once, in its order") {
    PollFsm fsm;
    struct Step {
        std::uint64_t number;
        Post what;
    };
    for (const Step& step :
         {Step{0, Post::wrong_number}, Step{2, Post::wrong_number}, Step{1, Post::take}, Step{1, Post::seen},
          Step{3, Post::wrong_number}, Step{2, Post::take}, Step{1, Post::wrong_number}, Step{2, Post::seen}}) {
        CAPTURE(step.number);
        const Post what = fsm.posted(step.number);
        CHECK(what == step.what);
        if (what == Post::take) fsm.taken();
    }
}

TEST_CASE("a request is held until there is a message, and has arrived when the next asks for what comes after it") {
    PollFsm fsm;
    CHECK_FALSE(fsm.asked(0).answer);
    const auto first = fsm.write("one");
    REQUIRE(first);
    CHECK(first->kind == Kind::message);
    CHECK(first->number == 1);
    CHECK(first->text == "one");
    const auto next = fsm.asked(1);
    CHECK(next.taken);
    CHECK_FALSE(next.answer);
    CHECK_FALSE(fsm.asked(1).taken);  // it waits anew: its connection broke
    REQUIRE(fsm.write("two"));
    CHECK(fsm.asked(2).taken);
}

TEST_CASE("a message that nobody waits for is given to who asks next, again as long as it has not arrived") {
    PollFsm fsm;
    CHECK_FALSE(fsm.write("one"));
    for (int times = 0; times < 3; ++times) {
        const auto asked = fsm.asked(0);
        REQUIRE(asked.answer);
        CHECK(asked.answer->number == 1);
        CHECK(asked.answer->text == "one");
        CHECK_FALSE(asked.taken);
    }
    CHECK(fsm.asked(1).taken);
}

TEST_CASE("who asks for what comes after another number than it was told is told so") {
    PollFsm fsm;
    CHECK(fsm.asked(1).answer->kind == Kind::wrong_number);
    CHECK_FALSE(fsm.write("one"));
    CHECK(fsm.asked(2).answer->kind == Kind::wrong_number);
    CHECK(fsm.asked(0).answer->kind == Kind::message);
    CHECK(fsm.asked(1).taken);
    CHECK(fsm.asked(0).answer->kind == Kind::wrong_number);
}

TEST_CASE("the end is told behind the last message, to who waits or to who asks next") {
    SUBCASE("somebody waits") {
        PollFsm fsm;
        CHECK_FALSE(fsm.asked(0).answer);
        const auto end = fsm.close(CloseCode::service_restart, "maintenance");
        REQUIRE(end);
        CHECK(end->kind == Kind::closed);
        CHECK(end->code == CloseCode::service_restart);
        CHECK(end->text == "maintenance");
    }
    SUBCASE("a message is in the air") {
        PollFsm fsm;
        CHECK_FALSE(fsm.write("last"));
        CHECK_FALSE(fsm.close(CloseCode::policy, "revoked"));
        CHECK(fsm.asked(0).answer->kind == Kind::message);
        CHECK(fsm.asked(1).answer->kind == Kind::closed);
    }
    SUBCASE("who waited was let go") {
        PollFsm fsm;
        CHECK_FALSE(fsm.asked(0).answer);
        fsm.let_go();
        CHECK_FALSE(fsm.close(CloseCode::normal, ""));
        CHECK(fsm.asked(0).answer->kind == Kind::closed);
    }
}
