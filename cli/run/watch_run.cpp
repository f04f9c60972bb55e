#include "cli/run/watch_run.hpp"

#include "cli/api/problem.hpp"
#include "cli/api/sse.hpp"
#include "cli/run/follow_fsm.hpp"

namespace edge::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMostRows = 1'000'000;

/// One run being followed: carries FollowFsm's actions out.
class Watch {
  public:
    Watch(Client& client, std::string path, std::optional<Clock::time_point> deadline, RunState& state, RunView& view)
        : client_(client),
          path_(std::move(path)),
          deadline_(deadline),
          state_(state),
          view_(view),
          fsm_(Clock::now()) {}

    Answer<> run();

  private:
    bool tick() {
        view_.update(state_);
        return !deadline_ || Clock::now() < *deadline_;
    }
    Answer<> stream();
    Answer<> poll();
    bool take(std::string_view bytes);
    bool is_complete() const { return state_.is_finished() && state_.missing_results() == 0; }
    Answer<> not_for_us(int status, std::string_view body) const;

    Client& client_;
    std::string path_;
    std::optional<Clock::time_point> deadline_;
    RunState& state_;
    RunView& view_;
    FollowFsm fsm_;
    SseParser parser_;
    std::string garbled_;
};

Answer<> Watch::run() {
    while (true) {
        const auto next = fsm_.next(Clock::now());
        switch (next.action) {
            case FollowFsm::Action::done:
                return ok();
            case FollowFsm::Action::give_up:
                return Trouble{ExitCode::error,
                               "the broker at " + client_.environment().url + " has been silent for a minute",
                               {}};
            case FollowFsm::Action::wait:
                if (fsm_.is_reconnecting()) view_.trouble("the broker is away, trying again");
                if (!client_.sleep(next.wait, [this] { return tick(); })) {
                    return client_.trouble(
                        Loss{deadline_ && Clock::now() >= *deadline_ ? Lost::stopped : Lost::interrupted, {}});
                }
                break;
            case FollowFsm::Action::stream: {
                EDGE_TRY(stream());
                break;
            }
            case FollowFsm::Action::poll: {
                EDGE_TRY(poll());
                break;
            }
        }
    }
}

Answer<> Watch::stream() {
    parser_.restart();
    Request request{.path = path_ + "/events"};
    request.headers.emplace_back("Accept", "text/event-stream");
    if (!parser_.last_id().empty()) request.headers.emplace_back("Last-Event-ID", parser_.last_id());
    const auto reply = client_.stream(
        request, [this](std::string_view bytes) { return take(bytes); }, [this] { return tick(); });
    if (is_complete()) {
        fsm_.finished();
        return ok();
    }
    if (!garbled_.empty())
        return Trouble{ExitCode::error, "the broker told an event that this edgectl does not understand: " + garbled_,
                       "`edgectl version` tells both versions"};
    if (!reply) {
        const Loss& loss = reply.error();
        if (loss.how == Lost::interrupted || loss.how == Lost::stopped) return client_.trouble(loss);
        fsm_.stream_ended(FollowFsm::Ended::lost, state_.is_known(), state_.is_cut_off());
        return ok();
    }
    if (reply.value().status != 200) {
        EDGE_TRY(not_for_us(reply.value().status, reply.value().body));
        fsm_.stream_ended(FollowFsm::Ended::refused, state_.is_known(), false);
        return ok();
    }
    // In order, and not complete: a finished run whose results did not all come this way is asked for them.
    fsm_.stream_ended(state_.is_finished() ? FollowFsm::Ended::refused : FollowFsm::Ended::clean, state_.is_known(),
                      state_.is_cut_off());
    return ok();
}

bool Watch::take(std::string_view bytes) {
    fsm_.heard(Clock::now());
    view_.trouble({});
    const auto events = parser_.push(bytes);
    if (!events) {
        garbled_ = events.error().message();
        return false;
    }
    for (const auto& event : events.value()) {
        const auto taken = state_.event(event.name, event.data);
        if (taken) continue;
        garbled_ = event.name + ": " + taken.error().message();
        return false;
    }
    view_.update(state_);
    return !is_complete();
}

Answer<> Watch::poll() {
    auto fetched = fetch_run(client_, path_.substr(path_.rfind('/') + 1), state_);
    view_.update(state_);
    if (fetched) {
        fsm_.heard(Clock::now());
        view_.trouble({});
        // Asked after the run had finished, so these are all the results there are.
        if (state_.is_finished()) fsm_.finished();
        fsm_.poll_ended(FollowFsm::Ended::clean);
        return ok();
    }
    const Trouble& trouble = fetched.error();
    if (trouble.exit != ExitCode::error) return trouble;
    fsm_.poll_ended(FollowFsm::Ended::lost);
    return ok();
}

/// Statuses that trying again does not change.
Answer<> Watch::not_for_us(int status, std::string_view body) const {
    Trouble trouble = trouble_of(status, body);
    if (trouble.exit == ExitCode::auth || trouble.exit == ExitCode::not_found) return trouble;
    return ok();
}

Answer<> taken(const Result<>& result) {
    if (result) return ok();
    return Trouble{ExitCode::error,
                   "the broker's answer is of a kind this edgectl does not understand: " + result.error().message(),
                   "`edgectl version` tells both versions"};
}

}  // namespace

Answer<> fetch_run(Client& client, const std::string& run_id, RunState& state) {
    const std::string path = "/api/v1/runs/" + percent_encoded(run_id);
    EDGE_TRY(const auto run, client.get(path));
    EDGE_TRY(taken(state.take_run(run)));
    EDGE_TRY(const auto tasks, client.list(path + "/tasks", kMostRows));
    for (const auto& item : tasks) {
        EDGE_TRY(taken(state.take_task(item)));
    }
    EDGE_TRY(const auto results, client.list(path + "/results", kMostRows));
    for (const auto& item : results) {
        EDGE_TRY(taken(state.take_result(item)));
    }
    return ok();
}

Answer<> watch_run(Client& client, const std::string& run_id, std::optional<Clock::time_point> deadline,
                   RunState& state, RunView& view) {
    Watch watch(client, "/api/v1/runs/" + percent_encoded(run_id), deadline, state, view);
    auto answer = watch.run();
    view.finish(state);
    return answer;
}

}  // namespace edge::cli
