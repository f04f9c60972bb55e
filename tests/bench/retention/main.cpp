// What who writes feels of retention: the time from a batch of results to its commit, while old results are deleted and
// while they are not, in turns on one store.
//
//     retention FOLDER [OLD_RESULTS] [RESULTS_PER_SECOND] [SECONDS_PER_TURN]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "broker/store/group_writer.hpp"
#include "broker/store/sqlite_store.hpp"
#include "tests/contract/store/samples.hpp"

namespace {

using namespace edge;
using namespace edge::broker;
using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr std::uint64_t kDayUs = 86'400'000'000;
constexpr std::uint32_t kTasks = 100;  // of a run
constexpr std::size_t kMessage = 20;   // results that a node sends at once
const std::string kDetail = "{\"replies\":\"" + std::string(560, 'x') + "\"}";

WallTime wall() {
    return static_cast<WallTime>(
        std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

void need(bool done, const char* what) {
    if (done) return;
    std::fprintf(stderr, "retention: %s\n", what);
    std::exit(1);
}

/// Runs one after the other: what is written of each, and when it ends.
class Runs {
  public:
    AddRun next() {
        const std::int64_t row = ++last_;
        return samples::run(row, kTasks, (row - 1) * kTasks + 1);
    }
    /// Results `from` to `from` + `count` of the run, as intake writes them.
    static Batch results(const AddRun& run, std::size_t from, std::size_t count, WallTime ended_at) {
        Batch batch;
        for (std::size_t task = from; task < from + count; ++task) {
            const TaskRow row = run.tasks[task].row;
            batch.emplace_back(SetTask{row, TaskState::succeeded, 1, 1, true});
            batch.emplace_back(
                samples::result(static_cast<std::int64_t>(row), run, task, static_cast<std::uint64_t>(row), kDetail));
        }
        const bool is_last = from + count == run.tasks.size();
        batch.emplace_back(SetRun{run.run.row,
                                  is_last ? RunState::finished : RunState::running,
                                  is_last ? std::optional(ended_at) : std::nullopt,
                                  {.succeeded = static_cast<std::uint32_t>(from + count)}});
        return batch;
    }

  private:
    std::int64_t last_ = 0;
};

void fill(Store& store, Runs& runs, std::uint64_t results) {
    need(bool(store.apply(Batch{PutNode{samples::node(1)}, PutSpool{samples::spool(1, 1)}})),
         "the store cannot be filled");
    const WallTime long_ago = wall() - 60 * kDayUs;
    for (std::uint64_t done = 0; done < results; done += 10 * kTasks) {
        std::vector<Batch> batches;
        for (int i = 0; i < 10; ++i) {
            const AddRun run = runs.next();
            batches.push_back(Batch{run});
            batches.push_back(Runs::results(run, 0, kTasks, long_ago + done));
        }
        need(bool(store.apply(batches)), "the store cannot be filled");
    }
}

struct Turn {
    std::vector<std::uint64_t> waits_us;
    RetentionView gone;

    std::uint64_t quantile(double part) {
        std::sort(waits_us.begin(), waits_us.end());
        return waits_us[static_cast<std::size_t>(part * static_cast<double>(waits_us.size() - 1))];
    }
};

/// Writes at this pace for so long; each batch is timed from its push.
Turn turn(Store& store, Runs& runs, std::uint64_t per_second, std::uint64_t seconds, RetentionRule rule) {
    Turn turn;
    std::mutex mutex;
    std::condition_variable next;  // the pace; nobody signals
    std::map<std::uint64_t, steady_clock::time_point> pushed;
    GroupWriter writer(store,
                       {.done =
                            [&](const std::vector<GroupWriter::Outcome>& outcomes) {
                                const auto now = steady_clock::now();
                                const std::lock_guard lock(mutex);
                                for (const auto& one : outcomes) {
                                    const auto at = pushed.extract(one.id);
                                    turn.waits_us.push_back(static_cast<std::uint64_t>(
                                        std::chrono::duration_cast<microseconds>(now - at.mapped()).count()));
                                }
                            },
                        .room_changed = [](const auto&) {},
                        .log_changed = [](bool, std::uint64_t) {},
                        .fatal = [](const Error& error) { need(false, error.message().c_str()); }},
                       rule);
    const auto began = steady_clock::now();
    const auto step = microseconds(1'000'000 * kMessage / per_second);
    std::optional<AddRun> run;
    std::size_t done = 0;
    for (std::uint64_t id = 1; steady_clock::now() - began < std::chrono::seconds(seconds); ++id) {
        {
            std::unique_lock lock(mutex);
            next.wait_until(lock, began + step * id, [] { return false; });
        }
        Batch batch;
        if (!run) {
            run = runs.next();
            done = 0;
            batch.emplace_back(*run);
        }
        for (auto& change : Runs::results(*run, done, kMessage, wall())) batch.push_back(std::move(change));
        done += kMessage;
        if (done == kTasks) run.reset();
        {
            const std::lock_guard lock(mutex);
            pushed[id] = steady_clock::now();
        }
        writer.push({{id, std::move(batch), false}});
    }
    turn.gone = writer.retention();
    return turn;  // the writer's end commits the rest
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: retention FOLDER [OLD_RESULTS] [RESULTS_PER_SECOND] [SECONDS_PER_TURN]\n", stderr);
        return 64;
    }
    const auto number = [&](int at, std::uint64_t otherwise) {
        return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
    };
    const std::uint64_t old = number(2, 1'000'000), per_second = number(3, 2'000), seconds = number(4, 20);
    const std::string path = std::string(argv[1]) + "/retention.db";
    need(!std::filesystem::exists(path), "retention.db is there already");
    auto opened = open_sqlite_store(path);
    need(bool(opened), "the store cannot be made");
    Store& store = *opened.value();
    Runs runs;
    fill(store, runs, old);
    std::printf("retention.old %llu results\n", static_cast<unsigned long long>(old));
    const RetentionRule rule{.runs_us = 30 * kDayUs, .failed_us = 90 * kDayUs, .keys_us = kDayUs};
    std::uint64_t gone = 0;
    double spent_s = 0;
    std::vector<double> ratios;
    bool more = true;
    for (int round = 1; more; ++round) {
        Turn without = turn(store, runs, per_second, seconds, {});
        Turn with = turn(store, runs, per_second, seconds, rule);
        gone += with.gone.results;
        spent_s += static_cast<double>(seconds);
        more = with.gone.overdue_us > 0;
        const double ratio = static_cast<double>(with.quantile(0.99)) / static_cast<double>(without.quantile(0.99));
        if (more) ratios.push_back(ratio);
        std::printf(
            "retention.round %d without p50 %llu p99 %llu us, with p50 %llu p99 %llu us, p99 ratio %.2f, %llu results "
            "deleted in %llu batches of %.1f ms, %u rows\n",
            round, static_cast<unsigned long long>(without.quantile(0.5)),
            static_cast<unsigned long long>(without.quantile(0.99)),
            static_cast<unsigned long long>(with.quantile(0.5)), static_cast<unsigned long long>(with.quantile(0.99)),
            ratio, static_cast<unsigned long long>(with.gone.results),
            static_cast<unsigned long long>(with.gone.batches),
            with.gone.batches == 0
                ? 0.0
                : static_cast<double>(with.gone.spent_us) / 1e3 / static_cast<double>(with.gone.batches),
            with.gone.batch_rows);
        std::fflush(stdout);
    }
    // A batch may end between the last look at a turn and its end, uncounted.
    const auto left = store.forget(forget_before(rule, wall()), 1);
    need(left && left.value().rows == 0 && gone <= old, "not everything old was deleted, or too much");
    std::sort(ratios.begin(), ratios.end());
    std::printf("retention.deleted %llu results in %.0f s\n", static_cast<unsigned long long>(gone), spent_s);
    if (!ratios.empty())
        std::printf("retention.p99_ratio %.2f median of %zu rounds\n", ratios[ratios.size() / 2], ratios.size());
    return 0;
}
