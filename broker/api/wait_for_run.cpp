#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"

namespace edge::broker::api {
namespace {

constexpr std::size_t kMostText = 16 * 1024 * 1024;  // of all results together; more is fetched page by page

/// Collects a run's results until it ends or the wait does.
/// Executor: the connection's thread, but for event() and end(), which post to it.
/// Owners: the domain's subscriber table until end() or unsubscribe(), and the exchange's timer.
class RunWait final : public RunSubscriber, public std::enable_shared_from_this<RunWait> {
  public:
    RunWait(CallPtr call, RunView made, std::uint32_t wait_s)
        : call_(std::move(call)), run_id_(made.id), made_(std::move(made)), wait_s_(wait_s) {}

    void start() {
        call_->domain.subscribe(run_id_, Past::told, shared_from_this(), [call = call_](Result<RunView> reply) {
            if (!reply) call->refuse(reply.error());
        });
        call_->exchange->post([self = shared_from_this()] {
            self->call_->exchange->after(self->wait_s_ * 1000, [self] { self->give_up(); });
        });
    }
    void event(RunEvent event) override {
        if (std::holds_alternative<std::shared_ptr<const RunView>>(event) ||
            std::holds_alternative<std::shared_ptr<const ResultView>>(event)) {
            call_->exchange->post([self = shared_from_this(), event = std::move(event)] { self->take(event); });
        }
    }
    void end() override {
        call_->exchange->post([self = shared_from_this()] { self->finish(); });
    }

  private:
    void take(const RunEvent& event) {
        if (over_) return;
        if (const auto* run = std::get_if<std::shared_ptr<const RunView>>(&event)) run_ = *run;
        if (const auto* result = std::get_if<std::shared_ptr<const ResultView>>(&event)) {
            if (!results_.empty()) results_ += ',';
            results_ += result_text(**result);
        }
        if (results_.size() > kMostText) give_up();
    }
    void finish() {
        if (std::exchange(over_, true)) return;
        if (!run_) return call_->refuse(Error{Errc::internal, {}, {}});
        answer(200, with_member(text_of(*run_), "results", "[" + results_ + "]"));
    }
    void give_up() {
        if (std::exchange(over_, true)) return;
        call_->domain.unsubscribe(run_id_, shared_from_this());
        call_->domain.run(run_id_,
                          when_known<RunView>(call_, [self = shared_from_this()](const Call&, const RunView& run) {
                              self->answer(202, self->text_of(run));
                          }));
    }
    std::string text_of(RunView run) const {
        run.notes = made_.notes;
        return dump_json(to_json(run));
    }
    void answer(int status, std::string json) {
        call_->reply(status, std::move(json),
                     {{"Location", "/api/v1/runs/" + run_id_.text()},
                      {"Preference-Applied", "wait=" + std::to_string(wait_s_)}});
    }

    CallPtr call_;
    RunId run_id_;
    RunView made_;  // knows which lines were left out
    std::uint32_t wait_s_;
    std::shared_ptr<const RunView> run_;
    std::string results_;  // JSON texts with commas between
    bool over_ = false;
};

}  // namespace

void reply_when_finished(CallPtr call, RunView made, std::uint32_t wait_s) {
    std::make_shared<RunWait>(std::move(call), std::move(made), wait_s)->start();
}

}  // namespace edge::broker::api
