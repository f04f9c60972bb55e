#include "tests/unit/broker/domain/rig.hpp"

#include <doctest/doctest.h>

#include "protocol/codings.hpp"
#include "protocol/json/described.hpp"
#include "protocol/schedule/plan_ids.hpp"
#include "tests/contract/store/samples.hpp"

namespace edge::broker {

Rig::Rig(DomainOptions options, std::uint64_t seed) : options_(std::move(options)), entropy_(seed) {
    if (options_.gateway_pin.empty()) options_.gateway_pin = "cGlu";
    restart();
}

void Rig::restart() {
    writes_.clear();
    look_ups_.clear();
    find_keys_.clear();
    effects.clear();
    fsm_ = std::make_unique<DomainFsm>(options_, entropy_);
    Actions out;
    fsm_->load(store_.load().value(), now_, out);
    carry_out(std::move(out));
}

void Rig::carry_out(Actions actions) {
    for (auto& effect : actions.effects) effects.push_back(std::move(effect));
    for (auto& write : actions.writes) writes_.push_back(std::move(write));
    for (auto& look_up : actions.look_ups) ask(std::move(look_up));
    for (auto& find : actions.find_keys) find_keys_.push_back(std::move(find));
    if (!hold_writes) settle();
}

void Rig::ask(LookUp asked) {
    std::optional<LookedUp> found;
    if (reads_at_once) found = read(asked);
    look_ups_.emplace_back(std::move(asked), std::move(found));
}

LookedUp Rig::read(const LookUp& asked) {
    return {store_.runs_of(asked.tasks, asked.runs).value(), store_.known_rids(asked.spool, asked.rids).value()};
}

void Rig::settle() {
    while (!writes_.empty() || !look_ups_.empty() || !find_keys_.empty()) {
        Actions out;
        if (!writes_.empty()) {
            const Write write = std::move(writes_.front());
            writes_.pop_front();
            REQUIRE(store_.apply(write.batch).has_value());
            fsm_->committed(write.id, now_, out);
        } else if (!look_ups_.empty()) {
            const auto [asked, found] = std::move(look_ups_.front());
            look_ups_.pop_front();
            fsm_->looked_up(asked.session, found ? *found : read(asked), now_, out);
        } else {
            const FindKey find = std::move(find_keys_.front());
            find_keys_.pop_front();
            fsm_->key_found(find.ticket, store_.find_key(find.key), now_, out);
        }
        for (auto& effect : out.effects) effects.push_back(std::move(effect));
        for (auto& write : out.writes) writes_.push_back(std::move(write));
        for (auto& look_up : out.look_ups) ask(std::move(look_up));
        for (auto& find : out.find_keys) find_keys_.push_back(std::move(find));
        if (hold_writes) return;
    }
}

void Rig::commit() {
    const bool held = std::exchange(hold_writes, false);
    settle();
    hold_writes = held;
}

/// Only the oldest thing that is held.
void Rig::commit_one() {
    settle();
}

/// The oldest write that may fail does.
void Rig::refuse() {
    for (auto at = writes_.begin(); at != writes_.end(); ++at) {
        if (!at->may_fail) continue;
        const WriteId id = at->id;
        writes_.erase(at);
        Actions out;
        fsm_->failed(id, Error{Errc::unavailable, {}, "no space"}, now_, out);
        return carry_out(std::move(out));
    }
    FAIL("no write that may fail");
}

void Rig::pass(std::uint64_t milliseconds) {
    const std::uint64_t end = now_.mono + milliseconds * 1'000;
    while (true) {
        const auto next = fsm_->next_deadline();
        const std::uint64_t to = next ? std::min(*next, end) : end;
        const std::uint64_t step = to > now_.mono ? to - now_.mono : 0;
        now_.wall += step;
        now_.mono += step;
        if (!next || *next > end) return;
        act([](DomainFsm& fsm, Now now, Actions& out) { fsm.tick(now, out); });
    }
}

std::string Rig::join_token(std::optional<std::string> name, std::uint64_t ttl_ms) {
    std::optional<NodeName> node;
    if (name) node = samples::node_name(*name);
    return make_token({.node = node}, ttl_ms).value();
}

Result<std::string> Rig::make_token(JoinTokenTerms terms, std::uint64_t ttl_ms) {
    act([&](DomainFsm& fsm, Now now, Actions& out) {
        fsm.create_join_tokens(ticket(), {std::move(terms)}, ttl_ms, {}, now, out);
    });
    const auto answers = take<JoinTokensAnswer>();
    REQUIRE(answers.size() == 1);
    if (!answers[0].tokens) return answers[0].tokens.error();
    return answers[0].tokens.value().at(0).text;
}

Result<NodeView> Rig::order(const std::string& node, NodeOrder order, const std::string& reason) {
    act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.order_node(ticket(), node, order, reason, {}, now, out); });
    auto answers = take<NodeAnswer>();
    REQUIRE(answers.size() == 1);
    return std::move(answers[0].node);
}

link::EnrollRequest Rig::enroll_request(const std::string& token, const std::string& name, std::uint8_t key) {
    PublicKey public_key{};
    public_key.fill(key);
    return link::EnrollRequest{token, to_base64(public_key), "", name, {}, "0.1.0"};
}

Result<link::EnrollReply> Rig::enroll_with(link::EnrollRequest request, const std::string& peer) {
    act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.enroll(ticket(), {std::move(request), peer}, now, out); });
    auto answers = take<EnrollAnswer>();
    REQUIRE(answers.size() == 1);
    return std::move(answers[0].reply);
}

NodeId Rig::enroll(const std::string& name, std::uint8_t key) {
    static std::uint8_t last_key = 100;  // lower ones are the tests' to give
    if (key == 0) key = last_key = last_key == 255 ? 101 : static_cast<std::uint8_t>(last_key + 1);
    return enroll_with(enroll_request(join_token(name), name, key)).value().node_id;
}

PublicKey Rig::key_of(NodeId node) {
    const auto known = fsm_->find_key(node, now_);
    return known ? known.value().key : PublicKey{};
}

std::variant<link::Welcome, link::Reject> Rig::join(link::Hello hello, std::optional<PublicKey> key) {
    const PublicKey signed_by = key.value_or(key_of(hello.node_id));
    act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.join(ticket(), std::move(hello), signed_by, now, out); });
    auto answers = take<JoinAnswer>();
    REQUIRE(answers.size() == 1);
    return std::move(answers[0].answer);
}

Result<RunView> Rig::create(JobRequest request) {
    act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_job(ticket(), std::move(request), now, out); });
    auto answers = take<JobAnswer>();
    REQUIRE(answers.size() == 1);
    return std::move(answers[0].run);
}

Result<RunView> Rig::ping(const std::string& selector) {
    return create(ping_job(selector));
}

Result<JobId> Rig::plan(JobRequest request) {
    act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_plan(ticket(), std::move(request), now, out); });
    auto answers = take<PlanAnswer>();
    REQUIRE(answers.size() == 1);
    return std::move(answers[0].job);
}

Result<JobId> Rig::change(JobId id, JobChange change) {
    act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.change_plan(ticket(), id, std::move(change), now, out); });
    auto answers = take<PlanAnswer>();
    REQUIRE(answers.size() == 1);
    return std::move(answers[0].job);
}

Result<JobId> Rig::remove(JobId id) {
    act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.remove_plan(ticket(), id, now, out); });
    auto answers = take<PlanAnswer>();
    REQUIRE(answers.size() == 1);
    return std::move(answers[0].job);
}

JobView Rig::job(JobId id) {
    JobView view = store_.job(id).value().value();
    fsm_->complete(view, now_);
    return view;
}

RunView Rig::run(RunId id) {
    if (const RunPtr active = fsm_->active(id)) return ActiveRuns::view(*active);
    return store_.run(id).value().value();
}

link::Reject rejected(const std::variant<link::Welcome, link::Reject>& answer) {
    REQUIRE(std::holds_alternative<link::Reject>(answer));
    return std::get<link::Reject>(answer);
}

link::LineReport line(const std::string& name, const std::string& carrier) {
    link::LineReport report;
    report.name = samples::line_name(name);
    report.carrier = carrier;
    report.state = link::LineState::up;
    return report;
}

JobRequest ping_job(const std::string& selector) {
    JobRequest request;
    PingSpec spec;
    spec.target = "198.51.100.10";
    request.spec = spec;
    request.selector = selector;
    return request;
}

TestAgent::TestAgent(Rig& rig, NodeId node, std::uint64_t spool) : rig_(rig) {
    hello.node_id = node;
    hello.agent_version = "0.1.0";
    hello.spool_id = samples::id<SpoolId>(spool);
    hello.labels = {{"province", "guangdong"}};
    hello.lines = {line("telecom", "ct"), line("unicom", "cu"), line("mobile", "cm")};
}

void TestAgent::connect(link::Credit credit) {
    auto answer = rig_.join(hello);
    if (const auto* refused = std::get_if<link::Reject>(&answer))
        FAIL((std::string(enum_text(refused->code)) + ": " + refused->text));
    welcome = std::get<link::Welcome>(answer);
    session = welcome.session_id;
    confirm(credit);
}

void TestAgent::confirm(link::Credit credit) {
    hello.join_counter = welcome.join_counter;
    last_n = std::max(welcome.results_acked, hello.spool_last);
    rig_.act([&](DomainFsm& fsm, Now now, Actions& out) {
        fsm.confirm(session, link::WelcomeAck{welcome.join_counter, credit}, now, out);
    });
}

void TestAgent::leave() {
    rig_.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.leave(session, now, out); });
}

void TestAgent::send(std::vector<link::Received> message) {
    rig_.act([&](DomainFsm& fsm, Now now, Actions& out) { fsm.receive(session, std::move(message), now, out); });
}

link::Received TestAgent::result_of(const link::Task& task, Status status, const std::string& code) {
    link::TaskResult result;
    result.n = ++last_n;
    hello.spool_last = last_n;
    static std::uint64_t rid = 0;
    result.rid = samples::id<ResultId>(++rid);
    result.task_id = task.task_id;
    result.run_id = task.run_id;
    result.attempt = task.attempt;
    result.line = task.line;
    result.service = task.service;
    result.target = "198.51.100.10";
    result.status = status;
    if (!code.empty()) result.failure = Failure{Source::agent, "start", code, code};
    const std::string detail = R"({"sent":4})";
    return {result, detail, link::encode_envelope(result, detail).size()};
}

void TestAgent::take_plans() {
    for (auto& effect : rig_.effects) {
        auto* sent = std::get_if<SendTo>(&effect);
        if (!sent || sent->session != session) continue;
        for (auto& envelope : sent->envelopes) {
            std::uint64_t n = 0;
            if (auto* set = std::get_if<link::PlanSet>(&envelope)) {
                n = set->n;
                plans[set->job_id] = *set;
            } else if (const auto* drop = std::get_if<link::PlanDrop>(&envelope)) {
                n = drop->n;
                plans.erase(drop->job_id);
            } else if (const auto* reset = std::get_if<link::PlanReset>(&envelope)) {
                n = reset->n;
                plans.clear();
            }
            hello.work_last = std::max(hello.work_last, n);
        }
    }
    std::map<JobId, std::string> tags;
    for (const auto& [job, plan] : plans) tags[job] = plan.tag;
    hello.plans = link::plans_digest(tags);
}

link::Received TestAgent::planned_result(const link::PlanSet& plan, std::uint64_t tick, const std::string& of) {
    link::Task task;
    task.run_id = planned_run(plan.job_id, plan.revision, tick);
    task.line = samples::line_name(of);
    task.task_id = planned_task(task.run_id, hello.node_id, task.line, 0);
    task.service = plan.service;
    link::Received received = result_of(task);
    std::get<link::TaskResult>(received.envelope).plan = link::PlanRef{plan.job_id, plan.revision, tick};
    return received;
}

std::uint64_t TestAgent::acked() {
    std::uint64_t highest = 0;
    for (const auto& ack : rig_.sent<link::ResultAck>(session)) highest = std::max(highest, ack.n);
    return highest;
}

}  // namespace edge::broker
