// Every operation of the API; routes.cpp says which path leads to which.
#pragma once
#include "broker/api/call.hpp"

namespace edge::broker::api {

// about.cpp
void get_health(CallPtr call);
void get_readiness(CallPtr call);
void get_version(CallPtr call);
void get_openapi(CallPtr call);

// session.cpp
void create_session(CallPtr call);
void get_session(CallPtr call);
void delete_session(CallPtr call);
void create_sign_in_code(CallPtr call);

// jobs.cpp
void create_job(CallPtr call);
void list_jobs(CallPtr call);
void get_job(CallPtr call);
void change_job(CallPtr call);
void delete_job(CallPtr call);

// runs.cpp
void list_runs(CallPtr call);
void list_job_runs(CallPtr call);
void get_run(CallPtr call);
void cancel_run(CallPtr call);
void list_run_tasks(CallPtr call);
void list_run_results(CallPtr call);
void stream_run_events(CallPtr call);
void get_result(CallPtr call);

// nodes.cpp
void list_nodes(CallPtr call);
void get_node(CallPtr call);
void list_lines(CallPtr call);
void list_node_events(CallPtr call);
void count_selection(CallPtr call);

// live.cpp
void get_overview(CallPtr call);
void open_stream(CallPtr call);

// usage.cpp
void get_node_usage(CallPtr call);
void top_nodes(CallPtr call);
void top_lines(CallPtr call);

// prometheus.cpp
void get_metrics(CallPtr call);
void probe_for_prometheus(CallPtr call);
void discover_for_prometheus(CallPtr call);

// node_orders.cpp
void revoke_node(CallPtr call);
void approve_node(CallPtr call);
void reject_node(CallPtr call);
void rotate_node_key(CallPtr call);

// join_tokens.cpp
void create_join_token(CallPtr call);
void create_join_tokens(CallPtr call);
void revoke_join_token(CallPtr call);
void list_join_tokens(CallPtr call);

// webhooks.cpp
void create_webhook(CallPtr call);
void list_webhooks(CallPtr call);
void get_webhook(CallPtr call);
void change_webhook(CallPtr call);
void delete_webhook(CallPtr call);
void rotate_webhook_secret(CallPtr call);
void test_webhook(CallPtr call);
void list_webhook_deliveries(CallPtr call);
void replay_webhook(CallPtr call);
void get_delivery(CallPtr call);
void replay_delivery(CallPtr call);

/// Answers with the run that was made and its results when it has finished, or as it stands after `wait_s`.
/// (wait_for_run.cpp)
void reply_when_finished(CallPtr call, RunView made, std::uint32_t wait_s);

}  // namespace edge::broker::api
