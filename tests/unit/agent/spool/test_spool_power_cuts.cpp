// One spool through its machine's life: the power goes again and again, at any step, and leaves what a power cut may
// leave. A broker takes what is sent, and knows when it is something else than it was.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/spool/one_task.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr Spool::Terms kLittleKept{.segment_bytes = 1'500, .keep_bytes = 4'000, .keep_us = 300};

template <class Id>
Id numbered(std::uint32_t number) {
    Id id;
    for (std::size_t i = 0; i < 4; ++i) id.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return id;
}

struct Told {
    ResultId rid;
    link::AttemptRef attempt;
    std::string detail;
};

Told told_by(const std::string& body, std::uint64_t n) {
    const auto message = link::decode_message(body);
    REQUIRE(message);
    const auto& result = std::get<link::TaskResult>(message.value().at(0).envelope);
    REQUIRE(result.n == n);
    return {result.rid, {result.task_id, result.attempt}, message.value().at(0).detail};
}

/// What the other side has. It acknowledges all that it took.
struct Taker {
    std::map<std::pair<SpoolId, std::uint64_t>, ResultId> by_number;
    std::map<link::AttemptRef, ResultId> by_attempt;
    std::map<SpoolId, std::uint64_t> acked;
    std::size_t again = 0;       // the same under the same number, or by a renewed spool
    std::size_t duplicated = 0;  // another result under a number, or of an attempt

    void take(const SpoolId& spool, std::uint64_t n, const Told& told) {
        const auto [number, is_new_number] = by_number.try_emplace({spool, n}, told.rid);
        const auto [attempt, is_new_attempt] = by_attempt.try_emplace(told.attempt, told.rid);
        if (number->second != told.rid || attempt->second != told.rid)
            ++duplicated;
        else if (!is_new_attempt)
            ++again;
        acked[spool] = std::max(acked[spool], n);
    }
};

class Life {
  public:
    void until_the_power_goes() {
        disk.cut_at(static_cast<int>(random_() % 120) + 1);
        live();
        REQUIRE(disk.is_cut());
        disk.restart(ForgetfulDisk::kLeaves[random_() % 4], random_);
    }
    /// What came back is what was promised.
    void look() {
        auto opened = Spool::open(disk, kLittleKept);
        REQUIRE(opened);
        come_back(opened.value());
    }

    std::size_t committed = 0;
    std::size_t lost = 0;
    std::size_t altered = 0;
    std::size_t renewals = 0;
    Taker broker;

  private:
    void live() {
        auto opened = Spool::open(disk, kLittleKept);
        if (!opened) return;
        Spool& spool = opened.value();
        come_back(spool);
        running_ = spool.open_attempts();
        finish(spool, running_.size());  // as AcceptedWork does
        while (commit(spool) && step(spool)) now_us_ += 10;
    }

    void come_back(Spool& spool) {
        for (const std::string& note : spool.take_notes()) lost += !note.starts_with("spool_torn_tail");
        lost += broker.acked[spool.id()] > spool.last();
        std::set<ResultId> here;
        std::set<link::AttemptRef> ended;
        for (std::uint64_t n = spool.acked() + 1; n <= spool.last(); ++n) {
            const auto body = spool.result(n);
            REQUIRE(body);
            const Told told = told_by(body.value(), n);
            look_at(told);
            broker.duplicated += !here.insert(told.rid).second || !ended.insert(told.attempt).second;
            if (!broker.by_attempt.contains(told.attempt)) promised_.insert(told.rid);  // it is sent from here on
        }
        std::erase_if(promised_, [&](const ResultId& rid) {
            lost += !here.contains(rid);
            return !here.contains(rid);
        });
        for (const auto& attempt : spool.open_attempts())
            broker.duplicated += ended.contains(attempt) || broker.by_attempt.contains(attempt);  // it would end again
        std::erase_if(accepted_, [&](const link::AttemptRef& one) {
            lost += !spool.knows(one) && !broker.by_attempt.contains(one);
            return broker.by_attempt.contains(one);
        });
        for (const auto& one : spool.open_attempts()) accepted_.insert(one);
        finishing_.clear();
        accepting_.clear();
    }

    void look_at(const Told& told) {
        const auto known = made_.find(told.rid);
        altered += known == made_.end() || known->second != told.detail;
    }

    void accept(Spool& spool) {
        const link::AttemptRef one{numbered<TaskId>(++last_), 1};
        spool.accept(++work_, one, accepted());
        accepting_.push_back(one);
        running_.push_back(one);
    }

    void finish(Spool& spool, std::size_t count) {
        for (; count > 0 && !running_.empty(); --count) {
            auto result = result_of(0);
            result.rid = numbered<ResultId>(++last_);
            result.task_id = running_.front().task_id;
            running_.erase(running_.begin());
            const std::string detail =
                "\"" + std::string(random_() % 500, static_cast<char>('a' + random_() % 26)) + "\"";
            result.detail_bytes = static_cast<std::uint32_t>(detail.size());
            made_[result.rid] = detail;
            finishing_.push_back(result.rid);
            spool.finish(result, detail);
        }
    }

    bool commit(Spool& spool) {
        if (!spool.commit()) return false;
        committed += finishing_.size();
        promised_.insert(finishing_.begin(), finishing_.end());
        accepted_.insert(accepting_.begin(), accepting_.end());
        finishing_.clear();
        accepting_.clear();
        return true;
    }

    /// False when the power went.
    bool step(Spool& spool) {
        switch (random_() % 12) {
            case 0:
                if (!spool.renew("test")) return false;
                ++renewals;
                return true;
            case 1:
            case 2:
            case 3:
                send(spool, random_() % 8);
                return bool(spool.ack(std::min(broker.acked[spool.id()], spool.last()), now_us_));
            case 4:
                send(spool, random_() % 8);  // and the acknowledgement does not come
                return true;
            case 5:
                return bool(spool.drop_old(now_us_));
            default:
                for (std::uint32_t i = random_() % 4; i > 0; --i) accept(spool);
                if (running_.size() > 3) finish(spool, random_() % 4);
                return true;
        }
    }

    void send(Spool& spool, std::size_t count) {
        for (std::uint64_t n = std::max(spool.acked(), broker.acked[spool.id()]) + 1; n <= spool.last() && count > 0;
             ++n, --count) {
            const auto body = spool.result(n);
            if (!body) {
                ++lost;
                return;
            }
            const Told told = told_by(body.value(), n);
            look_at(told);
            broker.take(spool.id(), n, told);
            promised_.erase(told.rid);
        }
    }

    ForgetfulDisk disk;
    std::mt19937 random_{23};
    std::map<ResultId, std::string> made_;  // handed to finish(), committed or not
    std::set<ResultId> promised_;           // committed, and not with the broker
    std::set<link::AttemptRef> accepted_;   // committed
    std::vector<ResultId> finishing_;
    std::vector<link::AttemptRef> accepting_, running_;
    std::uint32_t last_ = 0;
    std::uint64_t work_ = 0;
    std::uint64_t now_us_ = 1;
};

}  // namespace

TEST_CASE("a spool outlives power cuts at any step: nothing that was told is lost, nothing is there twice or altered") {
    const int rounds = std::getenv("EDGE_FULL") ? 2'000 : 200;
    Life life;
    for (int round = 0; round < rounds; ++round) {
        CAPTURE(round);
        life.until_the_power_goes();
        life.look();
        REQUIRE(life.lost == 0);
        REQUIRE(life.broker.duplicated == 0);
        REQUIRE(life.altered == 0);
    }
    std::printf("seen: %d power cuts of an agent's disk: %zu lost, %zu duplicated, %zu altered of %zu\n", rounds,
                life.lost, life.broker.duplicated, life.altered, life.committed);
    MESSAGE(life.renewals, " renewals, ", life.broker.by_attempt.size(), " results taken, ", life.broker.again,
            " sent again");
    CHECK(life.committed > 3 * static_cast<std::size_t>(rounds));
    CHECK(life.broker.again > 0);
}
