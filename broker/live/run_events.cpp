#include "broker/live/run_events.hpp"

#include "broker/api/views_json.hpp"

namespace edge::broker::live {
namespace {

constexpr std::uint32_t kHeartbeatMs = 15'000;

using Kind = http::Stream::Kind;

/// Executor: the exchange's connection thread, but for event() and end(), which post to it.
/// Owners: the domain's subscriber table until end() or unsubscribe().
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
    void introduce();
    void send(std::string_view name, std::string_view data, Kind kind);
    void finish();
    void give_up();
    void beat();

    std::shared_ptr<http::Exchange> exchange_;  // owners: this, the connection
    Domain& domain_;
    RunId run_id_;
    std::shared_ptr<http::Stream> stream_;  // owners: this, the connection
    std::shared_ptr<const RunView> first_;  // until the tasks are known too
    std::shared_ptr<const RunView> last_;
    std::vector<std::shared_ptr<const TaskView>> tasks_;
    bool introduced_ = false;
    bool run_is_told_ = false;  // nothing came after the last `run` that was sent
    bool over_ = false;
    std::uint64_t next_id_ = 1;
    std::uint64_t dropped_ = 0;
};

void RunEvents::take(const RunEvent& event) {
    if (over_) return;
    if (!stream_) open();
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
        if (run->tasks.total == 0) introduce();
        return;
    }
    if (!introduced_) introduce();
    send("run", dump_json(api::to_json(*run)), Kind::kept);
    run_is_told_ = true;
}

void RunEvents::on(const std::shared_ptr<const TaskView>& task) {
    if (introduced_) return send("task", dump_json(api::to_json(*task)), Kind::kept);
    tasks_.push_back(task);
    if (first_ && tasks_.size() >= first_->tasks.total) introduce();
}

void RunEvents::on(const std::shared_ptr<const RunProgress>& progress) {
    if (!introduced_) introduce();
    send("progress", dump_json(api::to_json(*progress)), Kind::droppable);
}

void RunEvents::on(const std::shared_ptr<const ResultView>& result) {
    if (!introduced_) introduce();
    send("result", api::result_text(*result), Kind::kept);
}

void RunEvents::introduce() {
    introduced_ = true;
    if (!first_) return;
    Json json = api::to_json(*first_);
    Json list = Json::array();
    for (const auto& task : tasks_) list.push_back(api::to_json(*task));
    json["tasks_list"] = std::move(list);
    tasks_.clear();
    send("run", dump_json(json), Kind::kept);
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
    if (!introduced_) introduce();
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
    domain.subscribe(run, events, [exchange, problem = std::move(problem)](Result<RunView> reply) {
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
