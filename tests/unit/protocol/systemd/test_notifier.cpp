#include "protocol/systemd/notifier.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <cstdlib>
#include <sstream>

#include "protocol/systemd/loop_report.hpp"
#include "receiver.hpp"

using namespace edge::systemd;
using namespace std::chrono_literals;
using edge::systemd::test::Receiver;

namespace {

struct Logged {
    std::ostringstream text;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text)};
};

}  // namespace

TEST_CASE("what a daemon says are systemd's words, to a path and to an abstract name") {
    for (const auto kind : {Receiver::Kind::path, Receiver::Kind::abstract}) {
        Receiver manager(kind);
        Logged logged;
        Notifier notifier({manager.name(), 5s}, logged.log);
        CHECK(notifier.is_heard());
        notifier.ready("serves");
        CHECK(manager.text() == "READY=1\nSTATUS=serves");
        notifier.status("well");
        CHECK(manager.text() == "STATUS=well");
        notifier.feed();
        CHECK(manager.text() == "WATCHDOG=1");
        notifier.extend(90s);
        CHECK(manager.text() == "EXTEND_TIMEOUT_USEC=90000000");
        notifier.reloading();
        const std::string reloading = manager.text();
        CHECK(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="));
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        const auto then = std::stoll(reloading.substr(reloading.rfind('=') + 1));
        CHECK(then <= now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
        CHECK(then > (now.tv_sec - 60) * 1'000'000);
        notifier.stopping("draining");
        CHECK(manager.text() == "STOPPING=1\nSTATUS=draining");
        CHECK(logged.text.str().empty());
    }
}

TEST_CASE("a status is one line of ASCII, whatever a peer said") {
    Receiver manager;
    Logged logged;
    Notifier notifier({manager.name(), {}}, logged.log);
    notifier.status("not connected: no\nMAINPID=1\r\xff\x01 caf\xc3\xa9");
    CHECK(manager.text() == "STATUS=not connected: no?MAINPID=1??? caf??");
    notifier.status(std::string(100'000, 'x'));
    CHECK(manager.text().size() == std::string("STATUS=").size() + 512);
}

TEST_CASE("where nobody listens nothing is said, and nothing is wrong") {
    Logged logged;
    Notifier notifier({"", 5s}, logged.log);
    CHECK(!notifier.is_heard());
    CHECK(!notifier.feed_each());
    notifier.ready("serves");
    notifier.feed();
    CHECK(logged.text.str().empty());
}

TEST_CASE("what cannot be said is logged once, and ends nothing") {
    for (const std::string& nowhere : {std::string("/nonexistent/notify"), std::string("@edge-nobody-listens-here"),
                                       std::string(200, 'x'), std::string("@")}) {
        Logged logged;
        Notifier notifier({nowhere, 5s}, logged.log);
        for (int i = 0; i < 3; ++i) notifier.feed();
        const std::string told = logged.text.str();
        CAPTURE(told);
        CHECK(told.find("service_manager_unreachable why=") != told.npos);
        CHECK(told.find("service_manager_unreachable", told.find("why=")) == told.npos);
    }
}

TEST_CASE("a service manager that does not read keeps no loop waiting") {
    Receiver manager;
    Logged logged;
    Notifier notifier({manager.name(), 5s}, logged.log);
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 1'000; ++i) {
        notifier.status(std::to_string(i));
        notifier.feed();
    }
    notifier.stopping("draining");
    CHECK(std::chrono::steady_clock::now() - began < 4s);
    CHECK(logged.text.str().find("service_manager_unreachable") != std::string::npos);
    CHECK(manager.text() == "STATUS=0");
}

TEST_CASE("the watchdog is fed twice as often as it asks, by the process that it means, and no child hears of it") {
    const std::string ours = std::to_string(::getpid());
    struct Case {
        const char* usec;
        std::string pid;
        std::optional<std::chrono::microseconds> each;
    };
    for (const Case& one : {Case{"30000000", ours, 15s}, Case{"30000000", "", 15s}, Case{"30000000", "1", {}},
                            Case{"0", ours, {}}, Case{"often", ours, {}}, Case{nullptr, ours, {}}}) {
        CAPTURE(one.pid);
        ::setenv("NOTIFY_SOCKET", "/run/notify", 1);
        if (one.usec) ::setenv("WATCHDOG_USEC", one.usec, 1);
        if (!one.pid.empty()) ::setenv("WATCHDOG_PID", one.pid.c_str(), 1);
        const NotifyTerms terms = take_notify_terms();
        CHECK(terms.socket == "/run/notify");
        CHECK(terms.feed_each == one.each);
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) CHECK(std::getenv(name) == nullptr);
        CHECK(take_notify_terms().socket.empty());
    }
}

namespace {

struct Loop {
    Receiver manager;
    Logged logged;
    Notifier notifier{{manager.name(), 10s}, logged.log};
    std::string status = "3 lines";
    LoopReport report{notifier, [this] { return status; }};
    LoopReport::Time now{1000s};

    std::string turned_after(std::chrono::milliseconds wait) {
        now += wait;
        report.turn(now);
        return manager.text();
    }
};

}  // namespace

TEST_CASE("a loop feeds the watchdog when it turns in time, and not when it stands") {
    Loop loop;
    CHECK(!loop.report.deadline());
    loop.report.ready(loop.now);
    CHECK(loop.manager.text() == "READY=1\nSTATUS=3 lines");
    CHECK(loop.report.deadline() == loop.now + 10s);
    CHECK(loop.turned_after(9'999ms) == "");
    CHECK(loop.turned_after(1ms) == "WATCHDOG=1");
    CHECK(loop.turned_after(1ms) == "");
    CHECK(loop.manager.text() == "");
    CHECK(loop.turned_after(60s) == "WATCHDOG=1");  // once, however long it stood
    CHECK(loop.manager.text() == "");
}

TEST_CASE("a status is said at most once a second, and only when it is another") {
    Loop loop;
    loop.report.ready(loop.now);
    (void)loop.manager.text();
    loop.status = "2 lines";
    loop.report.changed(loop.now);
    CHECK(loop.report.deadline() == loop.now + 1s);
    CHECK(loop.turned_after(999ms) == "");
    loop.status = "1 line";
    loop.report.changed(loop.now);
    CHECK(loop.turned_after(1ms) == "STATUS=1 line");
    CHECK(loop.manager.text() == "");
    loop.report.changed(loop.now);
    CHECK(loop.turned_after(1s) == "");  // the same
    loop.status = "4 lines";
    loop.now += 7s;
    loop.report.changed(loop.now);
    CHECK(loop.turned_after(0ms) == "STATUS=4 lines");  // at once, after a while
}

TEST_CASE("a loop that nobody listens to waits for nothing") {
    Logged logged;
    Notifier notifier({"", {}}, logged.log);
    LoopReport report(notifier, []() -> std::string { throw "is not asked"; });
    report.ready(LoopReport::Time{1s});
    report.changed(LoopReport::Time{1s});
    CHECK(!report.deadline());
    report.turn(LoopReport::Time{100s});
}
