#include "broker/live/run_events.hpp"

#include "broker/api/views_json.hpp"

namespace edge::broker::live {
namespace {

constexpr std::uint32_t kHeartbeatMs = 15'000;
constexpr std::uint32_t kTasksAtOnce = 500;

using Kind = http::Stream::Kind;

/// Executor: the exchange's connection thread, but for event() and end(), which post to it.
/// Owners: the domain's subscriber table until end() or unsubscribe(), and the stream until all tasks are told.
class RunEvents final : public RunSubscriber, public std::enable_shared_from_this<RunEvents> {
  public:
    RunEvents(std::shared_ptr<http::Exchange> exchange, Domain& domain, RunId run)
        : exchange_(std::move(exchange)), domain_(domain), run_id_(run) {}

    void event(RunEvent event) override {
        exchange_->post([self = shared_from_this(), event = std::move(event)] { self->take(event); });
    }
    void end() override {
        exchange_->post([self = shared_from_this()] { self->finish(); });
    }

  private:
    void take(const RunEvent& event);
    void on(const std::shared_ptr<const RunView>& run);
    void on(const std::shared_ptr<const TaskView>& task);
    void on(const std::shared_ptr<const RunProgress>& progress);
    void on(const std::shared_ptr<const ResultView>& result);
    void open();
    void ask_for_tasks(std::string cursor);
    void take_tasks(const Result<Page<TaskView>>& page);
    void introduce(const std::vector<TaskView>& tasks);
    void send(std::string_view name, std::string_view data, Kind kind);
    void finish();
    void give_up();
    void beat();

    std::shared_ptr<http::Exchange> exchange_;  // owners: this, the connection
    Domain& domain_;
    RunId run_id_;
    std::shared_ptr<http::Stream> stream_;  // owners: this, the connection
    std::shared_ptr<const RunView> first_;
    std::shared_ptr<const RunView> last_;
    std::vector<RunEvent> held_;  // until the first tasks are known
    bool introduced_ = false;
    bool all_tasks_told_ = false;
    bool ended_ = false;        // the run has; the stream does when all tasks are told
    bool run_is_told_ = false;  // nothing came after the last `run` that was sent
    bool over_ = false;
    std::uint64_t next_id_ = 1;
    std::uint64_t dropped_ = 0;
};

void RunEvents::take(const RunEvent& event) {
    if (over_) return;
    if (!stream_) open();
    if (first_ && !introduced_) {
        if (!std::holds_alternative<std::shared_ptr<const RunProgress>>(event)) held_.push_back(event);
        return;
    }
    std::visit([this](const auto& one) { on(one); }, event);
}

void RunEvents::open() {
    stream_ =
        exchange_->stream({200, "text/event-stream", {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}}, {}});
    stream_->on_end([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->give_up();
    });
    beat();
}

void RunEvents::on(const std::shared_ptr<const RunView>& run) {
    last_ = run;
    run_is_told_ = false;
    if (!first_) {
        first_ = run;
        return ask_for_tasks({});
    }
    send("run", dump_json(api::to_json(*run)), Kind::kept);
    run_is_told_ = true;
}

void RunEvents::on(const std::shared_ptr<const TaskView>& task) {
    send("task", dump_json(api::to_json(*task)), Kind::kept);
}

void RunEvents::on(const std::shared_ptr<const RunProgress>& progress) {
    send("progress", dump_json(api::to_json(*progress)), Kind::droppable);
}

void RunEvents::on(const std::shared_ptr<const ResultView>& result) {
    send("result", api::result_text(*result), Kind::kept);
}

/// A page shows its tasks as of its place among the events, so that nothing older is told after something newer.
void RunEvents::ask_for_tasks(std::string cursor) {
    domain_.tasks(run_id_, PageRequest{kTasksAtOnce, std::move(cursor)},
                  [self = shared_from_this()](Result<Page<TaskView>> page) {
                      self->exchange_->post([self, page = std::move(page)] { self->take_tasks(page); });
                  });
}

void RunEvents::take_tasks(const Result<Page<TaskView>>& page) {
    if (over_) return;
    if (!page) {  // the reads' trouble shows in every other answer too
        stream_->close();
        return give_up();
    }
    if (introduced_) {
        for (const auto& task : page.value().items) send("task", dump_json(api::to_json(task)), Kind::kept);
    } else {
        introduce(page.value().items);
    }
    if (const auto& next = page.value().next_cursor) {
        // Not weakly: when the run has ended, this is all that holds us until every task is told.
        stream_->when_room([self = shared_from_this(), cursor = *next] {
            if (!self->over_) self->ask_for_tasks(cursor);
        });
        return;
    }
    all_tasks_told_ = true;
    if (ended_) finish();
}

void RunEvents::introduce(const std::vector<TaskView>& tasks) {
    introduced_ = true;
    Json json = api::to_json(*first_);
    Json list = Json::array();
    for (const auto& task : tasks) list.push_back(api::to_json(task));
    json["tasks_list"] = std::move(list);
    send("run", dump_json(json), Kind::kept);
    for (const auto& event : std::exchange(held_, {})) take(event);
}

void RunEvents::send(std::string_view name, std::string_view data, Kind kind) {
    if (over_) return;
    std::string text;
    if (dropped_ > 0) text = event_text("gap", next_id_, "{\"dropped\":" + std::to_string(dropped_) + "}");
    const std::uint64_t id = next_id_ + (dropped_ > 0 ? 1 : 0);
    text += event_text(name, id, data);
    run_is_told_ = false;
    if (stream_->send(std::move(text), kind)) {
        next_id_ = id + 1;
        dropped_ = 0;
    } else if (kind == Kind::droppable) {
        ++dropped_;
    } else {
        const std::string where = "{\"message\":\"too many events wait for this client\",\"results\":\"/api/v1/runs/" +
                                  run_id_.text() + "/results\"}";
        stream_->close(event_text("overflow", next_id_, where));
        give_up();
    }
}

void RunEvents::finish() {
    if (over_) return;
    if (!stream_) open();
    ended_ = true;
    if (first_ && !all_tasks_told_) return;
    // A client that came late still gets `run` last.
    if (last_ && !run_is_told_) send("run", dump_json(api::to_json(*last_)), Kind::kept);
    over_ = true;
    stream_->close();
}

void RunEvents::give_up() {
    if (std::exchange(over_, true)) return;
    domain_.unsubscribe(run_id_, shared_from_this());
}

void RunEvents::beat() {
    exchange_->after(kHeartbeatMs, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->over_) return;
        self->stream_->send(": heartbeat\n\n", Kind::droppable);
        self->beat();
    });
}

}  // namespace

void stream_run(std::shared_ptr<http::Exchange> exchange, Domain& domain, RunId run,
                std::function<http::Response(const Error&)> problem) {
    auto events = std::make_shared<RunEvents>(exchange, domain, run);
    domain.subscribe(run, Past::told, events, [exchange, problem = std::move(problem)](Result<RunView> reply) {
        if (!reply) exchange->reply(problem(reply.error()));
    });
}

std::string event_text(std::string_view name, std::uint64_t id, std::string_view data) {
    std::string text;
    text.reserve(name.size() + data.size() + 48);
    text.append("event: ")
        .append(name)
        .append("\nid: ")
        .append(std::to_string(id))
        .append("\ndata: ")
        .append(data)
        .append("\n\n");
    return text;
}

}  // namespace edge::broker::live
