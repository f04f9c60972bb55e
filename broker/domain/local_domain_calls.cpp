// Domain's calls as messages to the domain thread, or as questions to the store's reading thread.
#include <algorithm>
#include <utility>

#include "broker/domain/fleet_search.hpp"
#include "broker/domain/list_query.hpp"
#include "broker/domain/local_domain.hpp"

namespace edge::broker {
namespace {

PageRequest bounded(PageRequest page) {
    page.limit = std::clamp<std::uint32_t>(page.limit, 1, 500);
    return page;
}

Error no_such(std::string what) {
    return Error{Errc::not_found, {}, "no such " + std::move(what)};
}

template <class T>
Result<T> must_be_there(Result<std::optional<T>> found, const char* what) {
    if (!found) return found.error();
    if (!found.value()) return no_such(what);
    return std::move(*found.value());
}

}  // namespace

// ── gateway ──

void LocalDomain::find_key(NodeId node, Reply<NodeKey> reply) {
    mailbox_.post([this, node, reply = std::move(reply)](Now at, Actions&) { reply(fsm_.find_key(node, at)); });
}

void LocalDomain::join(Join join, JoinReply reply) {
    mailbox_.post([this, join = std::move(join), reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        joining_[static_cast<std::uint64_t>(ticket)] =
            Joining{std::move(join.sink), std::move(join.peer), std::move(reply)};
        fsm_.join(ticket, std::move(join.hello), join.key, at, out);
    });
}

void LocalDomain::confirm(SessionId session, link::WelcomeAck ack) {
    mailbox_.post([this, session, ack](Now at, Actions& out) { fsm_.confirm(session, ack, at, out); });
}

void LocalDomain::receive(SessionId session, std::vector<link::Received> envelopes, std::shared_ptr<const void> waits) {
    mailbox_.post([this, session, envelopes = std::move(envelopes), waits = std::move(waits)](
                      Now at, Actions& out) mutable { fsm_.receive(session, std::move(envelopes), at, out); });
}

void LocalDomain::measured(SessionId session, std::uint64_t rtt_us, std::int64_t clock_offset_us) {
    mailbox_.post([this, session, rtt_us, clock_offset_us](Now at, Actions&) {
        fsm_.measured(session, rtt_us, clock_offset_us, at);
    });
}

void LocalDomain::leave(SessionId session) {
    mailbox_.post([this, session](Now at, Actions& out) {
        sinks_.erase(session);
        fsm_.leave(session, at, out);
    });
}

void LocalDomain::stop_soon() {
    mailbox_.post([this](Now, Actions&) { fsm_.stop_soon(); });
}

void LocalDomain::enroll(Enrolling enrolling, Reply<link::EnrollReply> reply) {
    mailbox_.post([this, enrolling = std::move(enrolling), reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        enroll_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
        fsm_.enroll(ticket, enrolling, at, out);
    });
}

// ── API ──

void LocalDomain::authenticate(std::string bearer, Reply<Principal> reply) {
    mailbox_.post([this, bearer = std::move(bearer), reply = std::move(reply)](Now, Actions&) {
        reply(fsm_.authenticate(bearer));
    });
}

void LocalDomain::create_job(JobRequest request, Reply<RunView> reply) {
    mailbox_.post([this, request = std::move(request), reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        job_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
        fsm_.create_job(ticket, std::move(request), at, out);
    });
}

void LocalDomain::cancel_run(RunId id, Reply<RunView> reply) {
    mailbox_.post([this, id, reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        if (fsm_.cancel_run(ticket, id, at, out)) {
            cancel_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
            return;
        }
        reads_->ask([id, reply = std::move(reply)](Store& store) { reply(must_be_there(store.run(id), "run")); });
    });
}

void LocalDomain::create_plan(JobRequest request, Reply<JobView> reply) {
    mailbox_.post([this, request = std::move(request), reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        plan_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
        fsm_.create_plan(ticket, std::move(request), at, out);
    });
}

void LocalDomain::change_plan(JobId id, JobChange change, Reply<JobView> reply) {
    mailbox_.post([this, id, change = std::move(change), reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        plan_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
        fsm_.change_plan(ticket, id, std::move(change), at, out);
    });
}

void LocalDomain::remove_plan(JobId id, Reply<JobView> reply) {
    mailbox_.post([this, id, reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        plan_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
        fsm_.remove_plan(ticket, id, at, out);
    });
}

void LocalDomain::job(JobId id, Reply<JobView> reply) {
    reads_->ask([this, id, reply = std::move(reply)](Store& store) {
        auto found = must_be_there(store.job(id), "job");
        if (!found || !found.value().plan) return reply(std::move(found));
        mailbox_.post([this, reply, view = std::move(found.value())](Now at, Actions&) mutable {
            fsm_.complete(view, at);
            reply(std::move(view));
        });
    });
}

void LocalDomain::jobs(ListRequest list, Reply<Page<JobView>> reply) {
    auto filter = parse_job_filter(list.q);
    if (!filter) return reply(filter.error());
    reads_->ask([this, filter = std::move(filter.value()), page = bounded(std::move(list.page)),
                 reply = std::move(reply)](Store& store) {
        auto found = store.jobs(filter, page);
        if (!found) return reply(found.error());
        const bool has_plans =
            std::ranges::any_of(found.value().items, [](const auto& job) { return job.plan.has_value(); });
        if (!has_plans) return reply(std::move(found));
        mailbox_.post([this, reply, found = std::move(found.value())](Now at, Actions&) mutable {
            for (JobView& view : found.items) fsm_.complete(view, at);
            reply(std::move(found));
        });
    });
}

void LocalDomain::run(RunId id, Reply<RunView> reply) {
    mailbox_.post([this, id, reply = std::move(reply)](Now, Actions&) {
        if (const RunPtr run = fsm_.active(id)) return reply(ActiveRuns::view(*run));
        reads_->ask([id, reply](Store& store) { reply(must_be_there(store.run(id), "run")); });
    });
}

void LocalDomain::runs(ListRequest list, Reply<Page<RunView>> reply) {
    auto filter = parse_run_filter(list.q);
    if (!filter) return reply(filter.error());
    reads_->ask([this, filter = std::move(filter.value()), page = bounded(std::move(list.page)),
                 reply = std::move(reply)](Store& store) {
        auto found = store.runs(filter, page);
        if (!found) return reply(found.error());
        // The store does not know which tasks are out; the domain does.
        mailbox_.post([this, reply, found = std::move(found.value())](Now, Actions&) mutable {
            for (auto& view : found.items) {
                if (const RunPtr run = fsm_.active(view.id)) view = ActiveRuns::view(*run);
            }
            reply(std::move(found));
        });
    });
}

void LocalDomain::tasks(RunId id, PageRequest page, Reply<Page<TaskView>> reply) {
    mailbox_.post([this, id, page = bounded(std::move(page)), reply = std::move(reply)](Now, Actions&) {
        reads_->ask([this, id, page, reply, active = fsm_.active(id) != nullptr](Store& store) {
            auto found = store.tasks(id, page);
            if (found && found.value().items.empty()) {
                const auto run = must_be_there(store.run(id), "run");
                if (!run) return reply(run.error());
            }
            if (!found || !active) return reply(std::move(found));
            mailbox_.post([this, id, page, reply, tasks = std::move(found.value())](Now, Actions&) mutable {
                if (fsm_.bring_up_to_date(id, tasks.items)) return reply(std::move(tasks));
                this->tasks(id, page, reply);  // it finished meanwhile: as it ended, then
            });
        });
    });
}

void LocalDomain::results(RunId id, PageRequest page, Reply<Page<ResultView>> reply) {
    reads_->ask([id, page = bounded(std::move(page)), reply = std::move(reply)](Store& store) {
        auto found = store.results(id, page);
        if (found && found.value().items.empty()) {
            const auto run = must_be_there(store.run(id), "run");
            if (!run) return reply(run.error());
        }
        reply(std::move(found));
    });
}

void LocalDomain::result(ResultId id, Reply<ResultView> reply) {
    reads_->ask([id, reply = std::move(reply)](Store& store) { reply(must_be_there(store.result(id), "result")); });
}

void LocalDomain::nodes(Reply<std::vector<NodeView>> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) { reply(fsm_.nodes()); });
}

void LocalDomain::find_nodes(ListRequest list, Reply<Page<NodeView>> reply) {
    list.page = bounded(std::move(list.page));
    mailbox_.post([this, list = std::move(list), reply = std::move(reply)](Now, Actions&) {
        reply(edge::broker::find_nodes(fsm_.fleet(), list));
    });
}

void LocalDomain::find_lines(ListRequest list, Reply<Page<LineView>> reply) {
    list.page = bounded(std::move(list.page));
    mailbox_.post([this, list = std::move(list), reply = std::move(reply)](Now, Actions&) {
        reply(edge::broker::find_lines(fsm_.fleet(), list));
    });
}

void LocalDomain::count_selection(std::string selector, std::optional<Service> service, Reply<SelectionView> reply) {
    mailbox_.post([this, selector = std::move(selector), service, reply = std::move(reply)](Now, Actions&) {
        reply(edge::broker::count_selection(fsm_.fleet(), selector, service));
    });
}

void LocalDomain::node(std::string id_or_name, Reply<NodeView> reply) {
    mailbox_.post([this, id_or_name = std::move(id_or_name), reply = std::move(reply)](Now, Actions&) {
        reply(fsm_.node(id_or_name));
    });
}

void LocalDomain::usage(std::string id_or_name, Reply<UsageView> reply) {
    mailbox_.post([this, id_or_name = std::move(id_or_name), reply = std::move(reply)](Now, Actions&) {
        reply(fsm_.usage(id_or_name));
    });
}

void LocalDomain::usages(Reply<std::vector<UsageView>> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) { reply(fsm_.usages()); });
}

void LocalDomain::node_events(std::string id_or_name, PageRequest page, Reply<Page<NodeEvent>> reply) {
    mailbox_.post([this, id_or_name = std::move(id_or_name), page = bounded(std::move(page)), reply = std::move(reply)](
                      Now, Actions&) {
        const auto node = fsm_.node(id_or_name);
        if (!node) return reply(node.error());
        reads_->ask([id = node.value().node.id, page, reply](Store& store) { reply(store.events(id, page)); });
    });
}

void LocalDomain::subscribe(RunId id, Past past, std::shared_ptr<RunSubscriber> subscriber, Reply<RunView> reply) {
    mailbox_.post([this, id, past, subscriber = std::move(subscriber), reply = std::move(reply)](Now, Actions&) {
        const RunPtr run = fsm_.active(id);
        if (!run) return subscriptions_->replay(id, past, subscriber, reply);
        fsm_.watch(id);
        const RunView view = ActiveRuns::view(*run);
        reply(view);
        subscriptions_->begin(view, past == Past::told && run->results > 0, subscriber);
    });
}

void LocalDomain::unsubscribe(RunId id, std::shared_ptr<RunSubscriber> subscriber) {
    mailbox_.post([this, id, subscriber = std::move(subscriber)](Now, Actions&) {
        if (subscriptions_->remove(id, subscriber)) fsm_.unwatch(id);
    });
}

void LocalDomain::follow(std::shared_ptr<FleetSubscriber> subscriber) {
    mailbox_.post([this, subscriber = std::move(subscriber)](Now, Actions&) mutable {
        subscriber->events(fsm_.follow());
        followers_.push_back(std::move(subscriber));
    });
}

void LocalDomain::order_node(std::string id_or_name, NodeOrder order, std::string reason, TokenId by,
                             Reply<NodeView> reply) {
    mailbox_.post([this, id_or_name = std::move(id_or_name), order, reason = std::move(reason), by,
                   reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        order_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
        fsm_.order_node(ticket, id_or_name, order, std::move(reason), by, at, out);
    });
}

void LocalDomain::create_join_tokens(std::vector<JoinTokenTerms> wanted, std::uint64_t ttl_ms, TokenId by,
                                     Reply<std::vector<NewJoinToken>> reply) {
    mailbox_.post(
        [this, wanted = std::move(wanted), ttl_ms, by, reply = std::move(reply)](Now at, Actions& out) mutable {
            const Ticket ticket = take_ticket();
            token_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
            fsm_.create_join_tokens(ticket, std::move(wanted), ttl_ms, by, at, out);
        });
}

void LocalDomain::revoke_join_token(TokenId id, TokenId by, Reply<JoinTokenView> reply) {
    mailbox_.post([this, id, by, reply = std::move(reply)](Now at, Actions& out) mutable {
        const Ticket ticket = take_ticket();
        token_end_replies_[static_cast<std::uint64_t>(ticket)] = std::move(reply);
        fsm_.revoke_join_token(ticket, id, by, at, out);
    });
}

void LocalDomain::join_tokens(Reply<std::vector<JoinTokenView>> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) { reply(fsm_.join_tokens()); });
}

void LocalDomain::store(Reply<StoreView> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) {
        StoreView view = fsm_.store();
        view.log_bytes = writer_->log_bytes();
        view.retention = writer_->retention();
        reply(view);
    });
}

void LocalDomain::ready(Reply<Readiness> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) {
        reply(Readiness{!writer_->degraded(), fsm_.nodes_ahead()});
    });
}

void LocalDomain::figures(Reply<Figures> reply) {
    mailbox_.post([this, reply = std::move(reply)](Now, Actions&) {
        reply(Figures{fsm_.nodes_connected(), fsm_.active_runs()});
    });
}

}  // namespace edge::broker
