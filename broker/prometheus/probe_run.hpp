// One scrape of /probe: a job on the chosen lines, and its results as metrics.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "broker/domain/domain.hpp"
#include "broker/http/http.hpp"
#include "broker/prometheus/probe_metrics.hpp"
#include "broker/prometheus/probe_request.hpp"
#include "broker/prometheus/recorder.hpp"

namespace edge::broker::prometheus {

http::Response text_answer(int status, std::string text);

/// Answers when every line has, but for those whose node is away, or when the time is over; what still goes on then is
/// canceled.
/// Executor: the exchange's connection thread, but for event() and end(), which post to it.
/// Owners: the domain's reply to the job, then its subscriber table until end() or unsubscribe().
class ProbeRun final : public RunSubscriber, public std::enable_shared_from_this<ProbeRun> {
  public:
    ProbeRun(std::shared_ptr<http::Exchange> exchange, Domain& domain, std::shared_ptr<Recorder> recorder,
             Modules modules, const Module& module, ProbeQuery query, std::uint64_t within_ms);

    void start(ProbeSpec spec);
    void event(RunEvent event) override;
    void end() override;

  private:
    static constexpr std::uint32_t kMostLines = 500;

    struct Asked {
        Probed probed;
        bool over = false;
    };
    void made(const RunView& run);
    void take_tasks(const Result<Page<TaskView>>& page);
    void take(const RunEvent& event);
    void answer_if_done();
    void answer();
    void refuse(int status, std::string text);
    std::string log_text() const;

    std::shared_ptr<http::Exchange> exchange_;
    Domain& domain_;
    std::shared_ptr<Recorder> recorder_;
    Modules modules_;  // keeps module_
    const Module& module_;
    ProbeQuery query_;
    std::uint64_t within_ms_;
    RunId run_{};
    std::vector<NodeRef> away_;
    bool tasks_known_ = false;
    std::map<TaskId, Asked> asked_;
    std::map<TaskId, std::shared_ptr<const ResultView>> early_;  // of tasks that are not known yet
    bool over_ = false;
};

}  // namespace edge::broker::prometheus
