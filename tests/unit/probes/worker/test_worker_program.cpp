// The sealed program against servers in a thread of this one.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "probes/worker/admission.hpp"
#include "protocol/json/described.hpp"
#include "tests/unit/probes/loopback/own_network.hpp"
#include "tests/unit/probes/loopback/servers.hpp"
#include "tests/unit/probes/worker/worker_process.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

/// Answers with 56 KiB of headers, but only once nobody new has come for a while: so all that will ask at once do.
class HeldAnswers {
  public:
    explicit HeldAnswers(boost::asio::io_context& io) : timer_(io) {}

    void hold(std::shared_ptr<Connection> peer) {
        peers_.push_back(std::move(peer));
        most_ = std::max(most_.load(), peers_.size());
        timer_.expires_after(std::chrono::milliseconds(300));
        timer_.async_wait([this](boost::system::error_code error) {
            if (error) return;
            for (const auto& one : std::exchange(peers_, {})) one->send_then_close(answer());
        });
    }
    std::size_t most() const { return most_; }

  private:
    static std::string answer() {
        std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
        for (int i = 0; i < 250; ++i) text += "X-" + std::to_string(i) + ": " + std::string(220, 'v') + "\r\n";
        return text + "\r\n";
    }

    boost::asio::steady_timer timer_;
    std::vector<std::shared_ptr<Connection>> peers_;
    std::atomic<std::size_t> most_ = 0;
};

/// HTTP, HTTPS and DNS servers, served by a thread of their own; the resolver's port is what the kernel gave.
class World {
  public:
    World()
        : held(io),
          web(io,
              [this](std::shared_ptr<Connection> peer, std::string head) {
                  if (head.find("GET /silent") == 0) return kept().push_back(peer);
                  if (head.find("GET /held") == 0) return held.hold(peer);
                  peer->send_then_close("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
              }),
          tls(io),
          dns(io,
              [](const Bytes& query) {
                  return std::vector<Bytes>{dns_answer(query, {127, 0, 0, 1})};
              }),
          thread_([this] { io.run(); }) {}
    ~World() {
        io.stop();
        thread_.join();
        kept().clear();
    }

    boost::asio::io_context io;
    HeldAnswers held;
    TcpServer web;
    TlsServer tls;
    UdpServer dns;

  private:
    static std::vector<std::shared_ptr<Connection>>& kept() {
        static std::vector<std::shared_ptr<Connection>> all;
        return all;
    }
    std::thread thread_;
};

std::vector<std::string> arguments() {
    return {"--line",  "test",    "--device",  "lo",  "--allow", "127.0.0.0/8",
            "--allow", "::1/128", "--service", "dns", "http",    "ping"};
}

worker::Run run(std::uint64_t task, Service service, Json params, std::uint32_t deadline_ms = 5000) {
    return worker::Run{task, service, std::move(params), deadline_ms};
}

void expect_ready(WorkerProcess& worker) {
    const auto frame = worker.receive();
    REQUIRE(frame);
    REQUIRE(std::holds_alternative<worker::Ready>(*frame));
    CHECK(std::get<worker::Ready>(*frame).sandbox.starts_with("seccomp"));
}

#ifndef EDGE_SANITIZED  // whose shadow memory says nothing about the worker's
std::map<std::string, long> memory_kb(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
    std::map<std::string, long> fields;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key;
        long value = 0;
        if (words >> key >> value) fields[key] = value;
    }
    return fields;
}
#endif

}  // namespace

TEST_CASE("a sealed worker answers dns, http and https, and exits at end of file") {
    World world;
    WorkerProcess worker(arguments());
    expect_ready(worker);
    worker.send(
        run(1, Service::dns, {{"target", "www.lab.test"}, {"server", "127.0.0.1"}, {"port", world.dns.port()}}));
    const auto dns = worker.done();
    REQUIRE(dns);
    CHECK(dns->task == 1);
    CHECK(dns->report.status == Status::ok);
    CHECK(dns->report.concurrency == 1);
    worker.send(run(2, Service::http, {{"target", world.web.url()}, {"keep_body_bytes", 10}}));
    const auto http = worker.done();
    REQUIRE(http);
    CHECK(http->report.status == Status::ok);
    CHECK(http->report.detail.tree()["body"] == "hi");
    worker.send(run(3, Service::http, {{"target", world.tls.url()}}));
    const auto strict = worker.done();
    REQUIRE(strict);
    CHECK(strict->report.failure->code == "self_signed");
    worker.send(run(4, Service::http, {{"target", world.tls.url()}, {"verify", false}}));
    const auto https = worker.done();
    REQUIRE(https);
    CHECK(https->report.status == Status::ok);
    CHECK(https->report.detail.tree()["hops"][0]["tls"]["version"] == "TLSv1.3");
    worker.send(run(5, Service::ping, {{"target", "10.0.0.1"}}));
    CHECK(worker.done()->report.status == Status::refused);
    CHECK(worker.finish() == 0);
}

TEST_CASE("a sealed worker pings over both families") {
    const bool has_run = in_own_network([] {
        WorkerProcess worker(arguments());
        expect_ready(worker);
        for (const char* target : {"127.0.0.1", "::1"}) {
            worker.send(run(1, Service::ping, {{"target", target}, {"count", 2}, {"interval_ms", 10}}));
            const auto done = worker.done();
            REQUIRE(done);
            CHECK(done->report.status == Status::ok);
        }
    });
    if (!has_run) MESSAGE("skipped: no network namespace of our own (needs root)");
}

TEST_CASE("names are resolved through the resolver it was given, while sealed") {
    // c-ares asks port 53 of the line's resolver: a namespace of our own has that port free.
    const bool has_run = in_own_network([] {
        boost::asio::io_context io;
        boost::asio::ip::udp::socket socket(io, {boost::asio::ip::address_v4::loopback(), 53});
        WorkerProcess worker([] {
            auto all = arguments();
            all.insert(all.end(), {"--resolver", "127.0.0.1"});
            return all;
        }());
        expect_ready(worker);
        worker.send(run(1, Service::ping, {{"target", "www.lab.test"}, {"count", 1}}));
        for (int i = 0; i < 2; ++i) {  // A and AAAA
            Bytes query(2000);
            boost::asio::ip::udp::endpoint from;
            query.resize(socket.receive_from(boost::asio::buffer(query), from));
            socket.send_to(boost::asio::buffer(dns_answer(query, {127, 0, 0, 1})), from);
        }
        const auto done = worker.done();
        REQUIRE(done);
        CHECK(done->report.status == Status::ok);
        CHECK(done->report.resolved == std::vector<std::string>{"127.0.0.1"});
    });
    if (!has_run) MESSAGE("skipped: no network namespace of our own (needs root)");
}

TEST_CASE("500 tasks at once are each answered once; deadlines and cancels are kept meanwhile") {
    World world;
    WorkerProcess worker(arguments());
    expect_ready(worker);
    worker.send(run(1000, Service::http, {{"target", world.web.url("/silent")}}, 300));
    worker.send(run(1001, Service::http, {{"target", world.web.url("/silent")}}, 60'000));
    for (std::uint64_t task = 0; task < 500; ++task) {
        const bool is_dns = task % 2 == 0;
        worker.send(is_dns ? run(task, Service::dns,
                                 {{"target", "www.lab.test"}, {"server", "127.0.0.1"}, {"port", world.dns.port()}})
                           : run(task, Service::http, {{"target", world.web.url()}}));
    }
    worker.send(worker::Cancel{1001});
    std::map<std::uint64_t, ProbeReport> reports;
    while (reports.size() < 502) {
        auto done = worker.done();
        REQUIRE(done);
        CHECK_FALSE(reports.contains(done->task));
        reports.emplace(done->task, std::move(done->report));
    }
    for (const auto& [task, report] : reports) {
        CAPTURE(task);
        if (task < 500) CHECK(report.status == Status::ok);
        CHECK(report.concurrency > 0);
    }
    CHECK(reports[1000].failure->code == "timeout");
    CHECK(reports[1001].failure->code == "canceled");
    worker.send(worker::Cancel{1001});  // of a task that is over: nothing
    worker.send(run(2000, Service::http, {{"target", world.web.url()}}));
    CHECK(worker.done()->task == 2000);
    CHECK(worker.finish() == 0);
}

TEST_CASE(
    "256 HTTP tasks whose answers are as large as may be run as many at once as have room, and all are answered") {
    World world;
    WorkerProcess worker(arguments());
    expect_ready(worker);
    HttpSpec spec;
    spec.target = world.web.url("/held");
    spec.keep_body_bytes = 65'536;
    const std::size_t room = Admission::kHttp / most_bytes(spec);
    for (std::uint64_t task = 0; task < 256; ++task)
        worker.send(
            run(task, Service::http, {{"target", world.web.url("/held")}, {"keep_body_bytes", 65'536}}, 60'000));
    std::set<std::uint64_t> answered;
    for (int i = 0; i < 256; ++i) {
        const auto done = worker.done();
        REQUIRE(done);
        CHECK(answered.insert(done->task).second);
        CHECK(done->report.status == Status::ok);
        CHECK(done->report.detail.tree()["hops"][0]["headers"].size() == 251);
        CHECK(done->report.concurrency <= room);
    }
    CHECK(world.held.most() <= room);
    CHECK(world.held.most() > room / 2);  // and not one after the other
    CHECK(worker.finish() == 0);
}

TEST_CASE("a task that waits for room keeps its deadline, can be canceled, and holds up no other service") {
    World world;
    WorkerProcess worker(arguments());
    expect_ready(worker);
    const std::size_t room = Admission::kHttp / most_bytes(HttpSpec());
    const Json silent{{"target", world.web.url("/silent")}};
    for (std::uint64_t task = 0; task < room; ++task) worker.send(run(task, Service::http, silent, 2'000));
    worker.send(run(1001, Service::http, silent, 500));     // will not have begun by then
    worker.send(run(1002, Service::http, silent, 60'000));  // canceled while it waits
    worker.send(run(1003, Service::http, silent, 3'000));   // begins when the others end, and has a second
    worker.send(run(1004, Service::http, {{"target", world.web.url()}}, 60'000));
    worker.send(
        run(1005, Service::dns, {{"target", "www.lab.test"}, {"server", "127.0.0.1"}, {"port", world.dns.port()}}));
    worker.send(worker::Cancel{1002});
    std::vector<std::uint64_t> order;
    std::map<std::uint64_t, ProbeReport> reports;
    while (reports.size() < room + 5) {
        auto done = worker.done();
        REQUIRE(done);
        order.push_back(done->task);
        reports.emplace(done->task, std::move(done->report));
    }
    const auto told = [&](std::uint64_t task) {
        const auto& failure = reports.at(task).failure;
        return failure ? std::string(enum_text(failure->source)) + "/" + failure->phase + "/" + failure->code : "ok";
    };
    CHECK(told(1001) == "agent/start/expired");
    CHECK(reports.at(1001).status == Status::refused);
    CHECK(told(1002) == "agent/start/canceled");
    CHECK(told(1003).starts_with("agent/"));
    CHECK(told(1003).ends_with("/timeout"));
    CHECK(told(1004) == "ok");
    CHECK(told(1005) == "ok");
    for (std::uint64_t task = 0; task < room; ++task) CHECK(told(task) == "path/wait/timeout");
    const auto place = [&](std::uint64_t task) { return std::find(order.begin(), order.end(), task) - order.begin(); };
    CHECK(place(1005) < place(0));
    CHECK(place(0) < place(1004));
    CHECK(reports.at(1004).started_us >= reports.at(0).started_us + 1'500'000);  // its wait shows
    CHECK(worker.finish() == 0);
}

TEST_CASE("params that do not check and services that are not allowed are answered, not run") {
    WorkerProcess worker({"--service", "ping"});
    expect_ready(worker);
    worker.send(run(1, Service::ping, {{"target", "a.test"}, {"count", 0}}));
    const auto bad = worker.done();
    CHECK(bad->report.failure->code == "bad_value");
    CHECK(bad->report.failure->text.find("/params/count") != std::string::npos);
    worker.send(run(2, Service::http, {{"target", "http://a.test/"}}));
    const auto denied = worker.done();
    CHECK(denied->report.status == Status::refused);
    CHECK(denied->report.failure->source == Source::policy);
}

TEST_CASE("a stream that breaks the protocol ends the worker with its own status") {
    const std::string wrong[] = {std::string("\xff\xff\xff\xff", 4), std::string("\0\0\0\2{}", 6),
                                 std::string("\0\0\0\1x", 5), worker::encode_frame(worker::Ready{"1", "x"})};
    for (const std::string& bytes : wrong) {
        WorkerProcess worker(arguments());
        expect_ready(worker);
        worker.send_bytes(bytes);
        CHECK_FALSE(worker.receive());
        CHECK(worker.wait() == 76);
    }
    WorkerProcess unknown({"--nonsense", "1"});
    CHECK_FALSE(unknown.receive());
    CHECK(unknown.wait() == 64);
}

#ifndef EDGE_SANITIZED
TEST_CASE("an idle worker keeps within its footprint, also after work") {
    World world;
    WorkerProcess worker(arguments());
    expect_ready(worker);
    const auto idle = memory_kb(worker.pid());
    MESSAGE("idle: Rss " << idle.at("Rss:") << " kB, Anonymous " << idle.at("Anonymous:") << " kB, Pss "
                         << idle.at("Pss:") << " kB");
    for (std::uint64_t task = 0; task < 200; ++task)
        worker.send(run(task, Service::http, {{"target", world.tls.url()}, {"verify", false}}));
    for (int i = 0; i < 200; ++i) REQUIRE(worker.done());
    const auto after = memory_kb(worker.pid());
    MESSAGE("after 200 HTTPS at once: Rss " << after.at("Rss:") << " kB, Anonymous " << after.at("Anonymous:")
                                            << " kB");
    CHECK(idle.at("Anonymous:") <= 6 * 1024);
    CHECK(idle.at("Rss:") <= 20 * 1024);
    CHECK(after.at("Anonymous:") <= 48 * 1024);
}
#endif
