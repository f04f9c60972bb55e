// A node's link to a scripted broker on loopback.
#pragma once
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/link/link.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/results.hpp"

namespace edge::agent {

using namespace std::chrono_literals;

/// An agent without workers: every task is answered at once, by the book.
class Node : private Link::Listener {
  public:
    explicit Node(Endpoint endpoint) : Node(std::vector{std::move(endpoint)}) {}
    explicit Node(std::vector<Endpoint> brokers) : Node(LinkWays{.brokers = std::move(brokers)}) {}
    /// `before`: what is on the disk when the link is made.
    explicit Node(
        LinkWays ways, const std::function<void(Disk&)>& before = [](Disk&) {})
        : spool_((before(disk_), Spool::open(disk_).value())),
          link_(io_, {20ms, 16, 5}, Identity{}, NodeKeys(disk_, SigningKey::from_secret(Digest{1}).value()),
                std::move(ways), disk_, spool_, *this) {}

    static PublicKey key() { return SigningKey::from_secret(Digest{1}).value().public_key(); }
    static link::Welcome welcome(std::uint64_t acked = 0, std::uint64_t work_from = 1) {
        link::Welcome one;
        one.join_counter = 5;
        one.results_acked = acked;
        one.work_from = work_from;
        one.credit = {1000, 1024 * 1024};
        return one;
    }

    void finish_one(std::uint8_t number, std::size_t detail_bytes = 0) {
        const std::string detail = detail_bytes == 0 ? "" : "\"" + std::string(detail_bytes - 2, 'd') + "\"";
        spool_.finish(result_of(number, detail_bytes), detail);
        REQUIRE(spool_.commit());
    }
    template <class Done>
    void run_until(Done done, std::chrono::seconds limit = 10s) {
        REQUIRE(link_.start());
        go_on_until(done, limit);
    }
    template <class Done>
    void go_on_until(Done done, std::chrono::seconds limit = 10s) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!done() && std::chrono::steady_clock::now() < end) io_.run_one_for(50ms);
        CHECK(done());
    }
    void run_for(std::chrono::milliseconds time) {
        REQUIRE(link_.start());
        io_.run_for(time);
    }

    boost::asio::io_context io_;
    ForgetfulDisk disk_;
    Spool spool_;
    Link link_;
    std::vector<link::AttemptRef> stopped;
    std::vector<link::LineReport> lines;
    int started = 0;
    std::optional<link::Policy> lent;
    std::vector<std::string> found_at;

  private:
    void start_work(link::Task task) override {
        ++started;
        spool_.accept(task.n, {task.task_id, task.attempt}, {task.run_id, task.line, task.service, "x", 1});
        REQUIRE(spool_.commit());
        link_.committed();
        finish_one(task.task_id.bytes[15]);
        link_.committed();
    }
    void stop_work(std::uint64_t, const link::AttemptRef& attempt) override { stopped.push_back(attempt); }
    void change_plan(ChangePlan) override {}
    void describe(link::Hello& hello) override {
        hello.labels = {{"city", "guangzhou"}};
        hello.lines = lines;
    }
    void link_changed() override {}
    std::optional<link::Policy> policy() override { return lent; }
    void broker_found(const std::vector<std::string>& addresses) override { found_at = addresses; }
    void disk_failed(const Error& why) override { FAIL(why.message()); }
};

}  // namespace edge::agent
