// The domain in this process: the core on one thread, the store's writer and reader on two others.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <unordered_map>

#include "broker/domain/domain_fsm.hpp"
#include "broker/domain/local_webhooks.hpp"
#include "broker/domain/mailbox.hpp"
#include "broker/domain/subscriptions.hpp"
#include "broker/store/group_writer.hpp"
#include "broker/store/read_queue.hpp"

namespace spdlog {
class logger;
}

namespace edge::broker {

/// The system's generator, asked for 4 KiB at a time.
class SystemEntropy final : public Entropy {
  public:
    void fill(std::span<std::uint8_t> out) override;

  private:
    std::array<std::uint8_t, 4'096> pool_{};
    std::size_t used_ = pool_.size();
};

class LocalDomain final : public Domain {
  public:
    LocalDomain(DomainOptions options, std::unique_ptr<Store> store, spdlog::logger& log);
    ~LocalDomain() override;
    /// Before any other call.
    Result<> start();

    void find_key(NodeId node, Reply<NodeKey> reply) override;
    void join(Join join, JoinReply reply) override;
    void confirm(SessionId session, link::WelcomeAck ack) override;
    void receive(SessionId session, std::vector<link::Received> envelopes, std::shared_ptr<const void> waits) override;
    void measured(SessionId session, std::uint64_t rtt_us, std::int64_t clock_offset_us) override;
    void leave(SessionId session) override;
    void stop_soon() override;
    void enroll(Enrolling enrolling, Reply<link::EnrollReply> reply) override;

    void authenticate(std::string bearer, Reply<Principal> reply) override;
    void create_job(JobRequest request, Reply<RunView> reply) override;
    void cancel_run(RunId id, Reply<RunView> reply) override;
    void create_plan(JobRequest request, Reply<JobView> reply) override;
    void change_plan(JobId id, JobChange change, Reply<JobView> reply) override;
    void remove_plan(JobId id, Reply<JobView> reply) override;
    void job(JobId id, Reply<JobView> reply) override;
    void jobs(ListRequest list, Reply<Page<JobView>> reply) override;
    void run(RunId id, Reply<RunView> reply) override;
    void runs(ListRequest list, Reply<Page<RunView>> reply) override;
    void tasks(RunId id, PageRequest page, Reply<Page<TaskView>> reply) override;
    void results(RunId id, PageRequest page, Reply<Page<ResultView>> reply) override;
    void result(ResultId id, Reply<ResultView> reply) override;
    void nodes(Reply<std::vector<NodeView>> reply) override;
    void find_nodes(ListRequest list, Reply<Page<NodeView>> reply) override;
    void find_lines(ListRequest list, Reply<Page<LineView>> reply) override;
    void count_selection(std::string selector, std::optional<Service> service, Reply<SelectionView> reply) override;
    void node(std::string id_or_name, Reply<NodeView> reply) override;
    void usage(std::string id_or_name, Reply<UsageView> reply) override;
    void usages(Reply<std::vector<UsageView>> reply) override;
    void node_events(std::string id_or_name, PageRequest page, Reply<Page<NodeEvent>> reply) override;
    void subscribe(RunId run, Past past, std::shared_ptr<RunSubscriber> subscriber, Reply<RunView> reply) override;
    void unsubscribe(RunId run, std::shared_ptr<RunSubscriber> subscriber) override;
    void follow(std::shared_ptr<FleetSubscriber> subscriber) override;
    void order_node(std::string id_or_name, NodeOrder order, std::string reason, TokenId by,
                    Reply<NodeView> reply) override;
    void create_join_tokens(std::vector<JoinTokenTerms> wanted, std::uint64_t ttl_ms, TokenId by,
                            Reply<std::vector<NewJoinToken>> reply) override;
    void revoke_join_token(TokenId id, TokenId by, Reply<JoinTokenView> reply) override;
    void join_tokens(Reply<std::vector<JoinTokenView>> reply) override;
    WebhookCalls& webhooks() override { return webhooks_; }
    void store(Reply<StoreView> reply) override;
    void ready(Reply<Readiness> reply) override;
    void figures(Reply<Figures> reply) override;

  private:
    struct Joining {
        std::shared_ptr<SessionSink> sink;
        std::string peer;
        JoinReply reply;
    };
    template <class T>
    using Replies = std::unordered_map<std::uint64_t, Reply<T>>;

    void run();
    void loop();
    void carry_out(Actions& actions);
    void look_up(LookUp asked);
    void carry_out(SendTo& effect);
    void carry_out(CloseSession& effect);
    void carry_out(JobAnswer& effect);
    void carry_out(PlanAnswer& effect);
    void carry_out(JoinAnswer& effect);
    void carry_out(EnrollAnswer& effect);
    void carry_out(JoinTokensAnswer& effect);
    void carry_out(JoinTokenAnswer& effect);
    void carry_out(NodeAnswer& effect);
    void carry_out(Happened& effect);
    void carry_out(RunEnded& effect);
    void carry_out(Told& effect);
    void carry_out(Noted& effect);
    template <class OfWebhooks>
    void carry_out(OfWebhooks& effect) {
        webhooks_.carry_out(effect);
    }
    void on_written(std::vector<GroupWriter::Outcome> outcomes);
    void on_room_changed(const std::optional<Error>& why);
    void on_log_changed(bool is_long, std::uint64_t bytes);
    void on_fatal(const Error& error);
    void refuse_what_holds();
    void refuse_open_tickets();
    Ticket take_ticket() { return Ticket{++last_ticket_}; }

    DomainOptions options_;
    spdlog::logger& log_;
    std::unique_ptr<Store> store_;
    SystemEntropy entropy_;
    DomainFsm fsm_;
    Mailbox mailbox_;
    std::uint64_t last_ticket_ = 0;
    std::unordered_map<SessionId, std::shared_ptr<SessionSink>> sinks_;
    std::unordered_map<std::uint64_t, Joining> joining_;
    Replies<RunView> job_replies_;
    Replies<RunView> cancel_replies_;
    Replies<JobView> plan_replies_;
    Replies<link::EnrollReply> enroll_replies_;
    Replies<std::vector<NewJoinToken>> token_replies_;
    Replies<JoinTokenView> token_end_replies_;
    Replies<NodeView> order_replies_;
    std::vector<std::shared_ptr<FleetSubscriber>> followers_;
    std::vector<FleetEvent> told_;  // in this turn
    std::atomic<bool> stopping_ = false;
    std::unique_ptr<ReadQueue> reads_;
    LocalWebhooks webhooks_;
    std::unique_ptr<Subscriptions> subscriptions_;
    std::unique_ptr<GroupWriter> writer_;
    std::thread thread_;
};

}  // namespace edge::broker
