// A domain for tests: keeps nodes, runs and sessions in memory and behaves as domain.hpp promises, without a store.
#pragma once
#include <charconv>
#include <functional>
#include <map>
#include <set>

#include "broker/domain/domain.hpp"
#include "protocol/crypto/keys.hpp"
#include "tests/unit/broker/fake_webhooks.hpp"

namespace edge::broker::test {

/// Calls are run through `run`: in place for unit tests, on one thread of its own where several threads call.
class FakeDomain final : public Domain {
  public:
    using Run = std::function<void(std::function<void()>)>;
    explicit FakeDomain(Run run = [](const std::function<void()>& work) { work(); }) : run_(std::move(run)) {}

    static constexpr WallTime kNow = 1'763'802'000'125'000;  // 2025-11-22T09:00:00.125Z
    static constexpr const char* kToken = "edgep_good";
    static constexpr const char* kJoinToken = "edgej_good";

    template <class T>
    static T id(std::uint8_t number) {
        T made;
        made.bytes[0] = 1;
        made.bytes[15] = number;
        return made;
    }
    static NodeName node_name(const char* text) { return NodeName::parse(text).value(); }
    static LineName line_name(const char* text) { return LineName::parse(text).value(); }

    /// A node called gz-1 with one line, telecom; its key is `key`.
    NodeId add_node(const PublicKey& key, std::optional<link::LineHealth> health = {}) {
        NodeView view;
        view.node = {id<NodeId>(7), node_name("gz-1")};
        view.labels = {{"city", "guangzhou"}};
        view.agent_version = "0.1.0";
        view.policy_hash = "ab";
        view.enrolled_at = kNow;
        link::LineReport line;
        line.name = line_name("telecom");
        line.carrier = "ct";
        line.device = "wan0";
        line.addresses = {"100.64.1.2"};
        line.resolvers = {"100.64.1.53"};
        line.state = link::LineState::up;
        line.enforced_by = EnforcedBy::bpf;
        line.mark = 257;
        line.table = 101;
        line.health = std::move(health);
        view.lines = {line};
        node_ = view;
        key_ = key;
        return view.node.id;
    }

    static ResultView result_of(const RunId& run, const TaskId& task, std::uint8_t number) {
        ResultView view;
        view.node = {id<NodeId>(7), node_name("gz-1")};
        view.line = {line_name("telecom"), "ct"};
        view.result.n = number;
        view.result.rid = id<ResultId>(number);
        view.result.task_id = task;
        view.result.run_id = run;
        view.result.line = line_name("telecom");
        view.result.target = "198.51.100.10";
        view.result.status = Status::ok;
        view.result.started_us = kNow + 6'000;
        view.result.ended_us = kNow + 31'000;
        view.result.queued_us = 412;
        view.result.summary.duration_us = 25'000;
        view.result.summary.rtt_us = 12'204;
        view.result.evidence.src_addr = "100.64.1.2";
        view.result.evidence.verified = true;
        view.detail = R"({"sent":3,"rcvd":3})";
        return view;
    }

    /// What an agent would cause: the run's task ends with a result, and with it the run.
    void finish_run() {
        RunView run = *current_;
        run.state = RunState::finished;
        run.finished_at = kNow + 31'000;
        run.tasks.running = run.tasks.queued = 0;
        run.tasks.succeeded = run.tasks.total;
        const auto result = std::make_shared<const ResultView>(result_of(run.id, task_.id, 1));
        task_.state = TaskState::succeeded;
        results_.push_back(result);
        current_ = std::make_shared<const RunView>(run);
        for (const auto& subscriber : std::exchange(subscribers_, {})) {
            subscriber->event(std::make_shared<const TaskView>(task_));
            subscriber->event(result);
            subscriber->event(current_);
            subscriber->end();
        }
    }
    void progress(std::string text) {
        RunProgress progress{task_.id, task_.node, task_.line, {{"said", std::move(text)}}};
        for (const auto& subscriber : subscribers_) subscriber->event(std::make_shared<const RunProgress>(progress));
    }

    // ── gateway ──
    void find_key(NodeId node, Reply<NodeKey> reply) override {
        run_([=, this] {
            if (!node_ || node != node_->node.id) return reply(Error{Errc::not_found});
            reply(NodeKey{key_, next_key});
        });
    }
    void join(Join join, JoinReply reply) override {
        run_([=, this] {
            if (reject) return reply(*reject);
            joined.push_back(join.hello);
            joined_with = join.key;
            sink_ = join.sink;
            link::Welcome welcome;
            welcome.session_id = id<SessionId>(static_cast<std::uint8_t>(joined.size()));
            welcome.join_counter = join.hello.join_counter + 1;
            welcome.credit = {4096, 1 << 20};
            reply(welcome);
        });
    }
    void confirm(SessionId session, link::WelcomeAck ack) override {
        run_([=, this] {
            log("confirm " + session.text() + " " + std::to_string(ack.join_counter));
            if (node_) node_->state = NodeState::connected;
        });
    }
    void receive(SessionId, std::vector<link::Received> envelopes, std::shared_ptr<const void> waits) override {
        run_([this, envelopes = std::move(envelopes), waits = std::move(waits)] {
            if (is_busy) untaken.push_back(waits);
            log("receive " + std::to_string(envelopes.size()));
            for (const auto& one : envelopes) {
                const auto* result = std::get_if<link::TaskResult>(&one.envelope);
                if (!result) continue;
                stored.push_back(one.detail);
                sink_->send({link::ResultAck{result->n}});
            }
        });
    }
    void measured(SessionId, std::uint64_t rtt_us, std::int64_t) override {
        run_([=, this] { log(rtt_us < 1'000'000 ? "measured" : "measured slow"); });
    }
    void leave(SessionId session) override {
        run_([=, this] { log("leave " + session.text()); });
    }
    void stop_soon() override {}
    void enroll(Enrolling enrolling, Reply<link::EnrollReply> reply) override {
        run_([=, this] {
            const link::EnrollRequest& request = enrolling.request;
            enrolled_from = enrolling.peer;
            if (request.token != kJoinToken) return reply(Error{Errc::denied, {}, "the join token is wrong"});
            reply(link::EnrollReply{id<NodeId>(9), node_name(request.name.empty() ? "gz-9" : request.name.c_str()),
                                    "default"});
        });
    }
    void send_to_agent(std::vector<link::Envelope> envelopes) {
        run_([this, envelopes = std::move(envelopes)]() mutable { sink_->send(std::move(envelopes)); });
    }
    void close_agent(link::Goaway why) {
        run_([=, this] { sink_->close(why); });
    }

    // ── API ──
    void authenticate(std::string bearer, Reply<Principal> reply) override {
        run_([=] {
            if (bearer != kToken && bearer != "edgep_reader") return reply(Error{Errc::denied});
            reply(Principal{id<TokenId>(1), bearer == kToken});
        });
    }
    void create_job(JobRequest request, Reply<RunView> reply) override {
        run_([=, this] {
            last_request = request;
            if (request.idempotency_key == "used")
                return reply(Error{Errc::conflict, {}, "the key was used with another body"});
            if (request.selector == "telecm")
                return reply(
                    Error{Errc::not_found, "/selector", "nothing matches \"telecm\"; did you mean \"telecom\"?"});
            if (request.selector == "crowd")
                return reply(Error{Errc::too_large, {}, "5 tasks are open; [broker] open_tasks is 5"});
            if (request.selector == "stern")
                return reply(Error{Errc::denied, "/selector", "gz-1/telecom: the node does not lend ping"});
            if (request.selector == "eager")
                return reply(Error{Errc::too_large, "/params/target", "a was probed enough for now"});
            if (request.selector == "((")
                return reply(Error{Errc::bad_value, "/selector", "expected a word at character 1"});
            RunView run;
            run.id = id<RunId>(3);
            run.job_id = id<JobId>(2);
            run.service = service_of(request.spec);
            run.target = target_of(request.spec);
            run.selector = request.selector;
            run.created_at = kNow;
            run.tasks.total = run.tasks.running = 1;
            task_ = {
                id<TaskId>(4), {id<NodeId>(7), node_name("gz-1")}, {line_name("telecom"), "ct"}, TaskState::running, 1};
            current_ = std::make_shared<const RunView>(run);
            if (request.selector == "some") {
                run.notes.left_out_total = 2;
                run.notes.left_out = {
                    {{id<NodeId>(8), node_name("gz-2")}, {line_name("telecom"), "ct"}, "the node does not lend ping"}};
                run.notes.away_total = 1;
                run.notes.away = {{id<NodeId>(9), node_name("gz-3")}};
            }
            reply(run);
        });
    }
    void cancel_run(RunId wanted, Reply<RunView> reply) override {
        run_([=, this] {
            if (!current_ || wanted != current_->id) return reply(Error{Errc::not_found, {}, "no such run"});
            canceled.push_back(wanted);
            RunView run = *current_;
            run.tasks.canceled = std::exchange(run.tasks.running, 0);
            reply(run);
        });
    }
    void create_plan(JobRequest request, Reply<JobView> reply) override {
        run_([=, this] {
            last_request = request;
            if (request.selector == "crowd") return reply(Error{Errc::too_large, {}, "there are 10000 recurring jobs"});
            reply(plan_view(*request.schedule, JobState::active));
        });
    }
    void change_plan(JobId wanted, JobChange change, Reply<JobView> reply) override {
        run_([=, this] {
            if (wanted != id<JobId>(2)) return reply(Error{Errc::not_found, {}, "no such recurring job"});
            last_change = change;
            const bool is_paused = change.is_paused.value_or(false);
            reply(plan_view(change.schedule.value_or(JobSchedule{}), is_paused ? JobState::paused : JobState::active));
        });
    }
    void remove_plan(JobId wanted, Reply<JobView> reply) override {
        run_([=] {
            if (wanted != id<JobId>(2)) return reply(Error{Errc::not_found, {}, "no such recurring job"});
            reply(plan_view({}, JobState::deleted));
        });
    }
    void job(JobId wanted, Reply<JobView> reply) override {
        run_([=] {
            if (wanted != id<JobId>(2)) return reply(Error{Errc::not_found, {}, "no such job"});
            reply(job_view());
        });
    }
    void jobs(ListRequest list, Reply<Page<JobView>> reply) override {
        run_([=, this] {
            last_list = list;
            last_page = list.page;
            if (list.page.cursor == "forged") return reply(Error{Errc::bad_value, "/cursor", "is not of this list"});
            reply(Page<JobView>{{job_view()}, "next"});
        });
    }
    void run(RunId wanted, Reply<RunView> reply) override {
        run_([=, this] {
            if (!current_ || wanted != current_->id) return reply(Error{Errc::not_found, {}, "no such run"});
            reply(*current_);
        });
    }
    void runs(ListRequest list, Reply<Page<RunView>> reply) override {
        run_([=, this] {
            last_list = list;
            last_page = list.page;
            reply(current_ ? Page<RunView>{{*current_}, {}} : Page<RunView>{});
        });
    }
    void tasks(RunId, PageRequest page, Reply<Page<TaskView>> reply) override {
        run_([=, this] {
            last_page = page;
            ++task_pages;
            const std::size_t first = place_of(page.cursor);
            Page<TaskView> some;
            for (std::size_t i = first; i < task_count && some.items.size() < page.limit; ++i) {
                some.items.push_back(task_);
                if (i > 0) some.items.back().id = id<TaskId>(static_cast<std::uint8_t>(4 + i % 200));
            }
            if (first + some.items.size() < task_count) some.next_cursor = std::to_string(first + some.items.size());
            reply(some);
        });
    }
    void results(RunId, PageRequest page, Reply<Page<ResultView>> reply) override {
        run_([=, this] {
            last_page = page;
            Page<ResultView> all;
            for (const auto& result : results_) all.items.push_back(*result);
            reply(all);
        });
    }
    void result(ResultId wanted, Reply<ResultView> reply) override {
        run_([=, this] {
            for (const auto& result : results_) {
                if (result->result.rid == wanted) return reply(*result);
            }
            reply(Error{Errc::not_found, {}, "no such result"});
        });
    }
    void nodes(Reply<std::vector<NodeView>> reply) override {
        run_([=, this] { reply(node_ ? std::vector<NodeView>{*node_} : std::vector<NodeView>{}); });
    }
    void find_nodes(ListRequest list, Reply<Page<NodeView>> reply) override {
        run_([=, this] {
            last_list = list;
            if (list.q == "((") return reply(Error{Errc::bad_value, "/q", "at character 1: what is that?"});
            reply(listed(node_ ? std::vector<NodeView>{*node_} : std::vector<NodeView>{}, list.page));
        });
    }
    void find_lines(ListRequest list, Reply<Page<LineView>> reply) override {
        run_([=, this] {
            last_list = list;
            if (refuse_lists) return reply(Error{Errc::bad_value, "/cursor", "not a cursor of this list"});
            std::vector<LineView> all;
            for (std::size_t i = 0; node_ && i < line_count; ++i) all.push_back({node_->node, node_->lines.at(0)});
            reply(listed(std::move(all), list.page));
        });
    }
    void count_selection(std::string selector, std::optional<Service> service, Reply<SelectionView> reply) override {
        run_([=] {
            if (selector == "((") return reply(Error{Errc::bad_value, "/q", "at character 1: what is that?"});
            if (selector == "telecm") return reply(SelectionView{0, 0, 0, "nothing matches \"telecm\""});
            reply(service ? SelectionView{2, 1, 1, {}} : SelectionView{84, 31, 30, {}});
        });
    }
    void node(std::string name, Reply<NodeView> reply) override {
        run_([=, this] {
            if (!node_ || (name != "gz-1" && name != node_->node.id.text()))
                return reply(Error{Errc::not_found, {}, "no such node"});
            reply(*node_);
        });
    }
    void usage(std::string name, Reply<UsageView> reply) override {
        run_([=, this] {
            for (const auto& one : usages_) {
                if (one.node.name.text() == name) return reply(one);
            }
            reply(Error{Errc::not_found, {}, "no such node"});
        });
    }
    void usages(Reply<std::vector<UsageView>> reply) override {
        run_([=, this] { reply(usages_); });
    }
    void node_events(std::string name, PageRequest page, Reply<Page<NodeEvent>> reply) override {
        run_([=, this] {
            if (!node_ || (name != "gz-1" && name != node_->node.id.text()))
                return reply(Error{Errc::not_found, {}, "no such node"});
            Page<NodeEvent> found;
            for (const NodeEvent& event : events) {
                if (found.items.size() == page.limit) {
                    found.next_cursor = "more";
                    break;
                }
                found.items.push_back(event);
            }
            reply(std::move(found));
        });
    }
    std::vector<NodeEvent> events;
    void subscribe(RunId wanted, Past past, std::shared_ptr<RunSubscriber> subscriber, Reply<RunView> reply) override {
        run_([=, this] {
            if (!current_ || (wanted != current_->id && !is_every_run_there))
                return reply(Error{Errc::not_found, {}, "no such run"});
            reply(*current_);
            subscriber->event(current_);
            for (const auto& result : results_) {
                if (past == Past::told) subscriber->event(result);
            }
            if (current_->state == RunState::finished) return subscriber->end();
            subscribers_.insert(subscriber);
        });
    }
    void unsubscribe(RunId, std::shared_ptr<RunSubscriber> subscriber) override {
        run_([=, this] { subscribers_.erase(subscriber); });
    }
    void follow(std::shared_ptr<FleetSubscriber> subscriber) override {
        run_([=, this] { followers_.push_back(subscriber); });
    }
    /// To all who follow.
    void tell(const FleetEvent& event) {
        run_([=, this] {
            for (const auto& follower : followers_) follower->events({event});
        });
    }
    void order_node(std::string name, NodeOrder order, std::string reason, TokenId by, Reply<NodeView> reply) override {
        run_([=, this] {
            if (!node_ || name != "gz-1") return reply(Error{Errc::not_found, {}, "no node has this id or name"});
            if (order == NodeOrder::approve) return reply(Error{Errc::conflict, {}, "node gz-1 is not pending"});
            orders.emplace_back(order, reason + " by " + by.text());
            node_->state = NodeState::revoked;
            node_->reason = reason;
            reply(*node_);
        });
    }
    void create_join_tokens(std::vector<JoinTokenTerms> terms, std::uint64_t ttl_ms, TokenId,
                            Reply<std::vector<NewJoinToken>> reply) override {
        run_([=, this] {
            wanted_tokens = terms;
            std::vector<NewJoinToken> made;
            for (std::size_t i = 0; i < terms.size(); ++i) {
                if (terms[i].labels.contains("bad"))
                    return reply(Error{Errc::bad_value, "/" + std::to_string(i) + "/labels", "no good"});
                made.push_back({"edgej_secret" + std::string(i == 0 ? "" : std::to_string(i)),
                                {.id = id<TokenId>(static_cast<std::uint8_t>(5 + i % 200)),
                                 .terms = terms[i],
                                 .created_at = kNow,
                                 .expires_at = kNow + ttl_ms * 1000,
                                 .used_at = {},
                                 .revoked_at = {}}});
            }
            reply(std::move(made));
        });
    }
    void revoke_join_token(TokenId token, TokenId, Reply<JoinTokenView> reply) override {
        run_([=] {
            if (token != id<TokenId>(5)) return reply(Error{Errc::not_found, {}, "no such join token"});
            JoinTokenView view = used_token();
            view.revoked_at = kNow;
            reply(view);
        });
    }
    void join_tokens(Reply<std::vector<JoinTokenView>> reply) override {
        run_([=] { reply(std::vector<JoinTokenView>{used_token()}); });
    }
    static JoinTokenView used_token() {
        return {.id = id<TokenId>(5),
                .terms = {.node = node_name("gz-1"),
                          .cidrs = {IpPrefix::parse("192.0.2.0/24").value()},
                          .labels = {{"city", "guangzhou"}},
                          .approve = true},
                .created_at = kNow,
                .expires_at = kNow + 1'000'000,
                .used = 1,
                .used_at = kNow + 500'000,
                .revoked_at = {}};
    }
    WebhookCalls& webhooks() override { return webhooks_; }
    void store(Reply<StoreView> reply) override {
        run_([=, this] { reply(store_); });
    }
    void ready(Reply<Readiness> reply) override {
        run_([=, this] { reply(readiness); });
    }
    void figures(Reply<Figures> reply) override {
        run_([=, this] { reply(current_figures); });
    }

    FakeWebhooks webhooks_;

    std::size_t subscribers() const { return subscribers_.size(); }
    void clear_run() { current_ = nullptr; }

    // what tests set, and what they look at
    Readiness readiness;
    Figures current_figures;
    StoreView store_;
    bool is_busy = false;                              // takes nothing up of what sessions send
    std::vector<std::shared_ptr<const void>> untaken;  // … until these go
    std::optional<PublicKey> next_key;
    std::optional<link::Reject> reject;
    std::string enrolled_from;  // an address
    std::vector<JoinTokenTerms> wanted_tokens;
    std::vector<std::pair<NodeOrder, std::string>> orders;
    std::vector<link::Hello> joined;
    PublicKey joined_with{};
    std::vector<UsageView> usages_;
    std::vector<std::string> stored;  // details of results
    std::size_t task_count = 1;       // of the run
    std::size_t task_pages = 0;       // asked for
    std::function<void(std::string)> log = [](const std::string&) {};
    std::vector<RunId> canceled;
    bool is_every_run_there = false;  // for who subscribes
    JobChange last_change;
    JobRequest last_request;
    PageRequest last_page;
    ListRequest last_list;
    std::size_t line_count = 1;  // how often the node's line is listed
    bool refuse_lists = false;

  private:
    /// A cursor of this domain's is a number; whatever else stands there is the beginning.
    static std::size_t place_of(const std::string& cursor) {
        std::uint32_t place = 0;
        std::from_chars(cursor.data(), cursor.data() + cursor.size(), place);
        return place;
    }
    template <class T>
    static Page<T> listed(std::vector<T> all, const PageRequest& page) {
        Page<T> some;
        some.total = all.size();
        const std::size_t first = place_of(page.cursor);
        for (std::size_t i = first; i < std::min<std::size_t>(all.size(), first + page.limit); ++i)
            some.items.push_back(all[i]);
        if (first + some.items.size() < all.size()) some.next_cursor = std::to_string(first + some.items.size());
        return some;
    }
    static JobView plan_view(const JobSchedule& schedule, JobState state) {
        JobView job = job_view();
        job.plan = PlanView{schedule, state, 2, kNow, {}, 0};
        if (state == JobState::active) {
            job.plan->next_ticks = {kNow + 60'000'000, kNow + 120'000'000};
            job.plan->lines = 3;
        }
        return job;
    }
    static JobView job_view() {
        JobView job;
        job.id = id<JobId>(2);
        job.params = {{"target", "198.51.100.10"}};
        job.selector = "all";
        job.created_at = kNow;
        job.last_run = id<RunId>(3);
        return job;
    }

    Run run_;
    std::optional<NodeView> node_;
    PublicKey key_{};
    std::shared_ptr<SessionSink> sink_;
    std::shared_ptr<const RunView> current_;
    TaskView task_;
    std::vector<std::shared_ptr<const ResultView>> results_;
    std::set<std::shared_ptr<RunSubscriber>> subscribers_;
    std::vector<std::shared_ptr<FleetSubscriber>> followers_;
};

}  // namespace edge::broker::test
