// The one way to get a Domain: its core, its thread, the store's writer and reader threads.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/domain/domain.hpp"
#include "broker/domain/webhook_views.hpp"
#include "broker/store/retention.hpp"
#include "protocol/result.hpp"

namespace spdlog {
class logger;
}

namespace edge::broker {

class Store;

struct DomainOptions {
    std::string gateway_pin;              // base64url of the gateway's SPKI digest, for the text of join tokens
    std::optional<link::Pins> pins;       // told to each session; none: the gateway has no key
    std::uint32_t accept_ms = kAcceptMs;  // an offer that is not acknowledged by then is thought undelivered
    // After start_within and run_within a task without a result is lost.
    std::uint32_t close_margin_ms = kCloseMarginMs;
    std::uint32_t lease_ms = 30'000;  // a node that is gone for longer no longer has what its jobs do not wait for
    std::uint32_t come_back_ms =
        90'000;  // after a start a node that was there and does not join by then is told as gone
    std::uint32_t open_tasks = 200'000;     // that may have no end yet, of all runs together
    std::uint32_t target_probes_per_s = 0;  // tasks for one target, of all nodes together; 0 is no limit
    std::uint32_t result_window = 4'096;    // results a session may have unacknowledged
    std::uint64_t result_window_bytes = 4 * 1024 * 1024;
    std::uint32_t node_results_per_s = 0;  // that a node is given credit for; 0 is no limit
    RetentionRule retention;
    link::Limits limits;                       // told in `welcome`; the gateway keeps the heartbeat
    std::uint64_t plan_lease_ms = 86'400'000;  // recurring jobs go on for so long at a node without a word of ours
    /// How far a zone is ahead of UTC from a moment on, for ten years; called on the domain thread. Unset: only UTC is
    /// known. Errors: not_found, with the nearest name there is.
    std::function<Result<std::vector<ZoneOffset>>(const std::string& zone, WallTime from)> zone_offsets;
    /// The body of a message; pure, called on the domain thread, only when an endpoint wants it.
    std::function<std::string(const OutsideEvent&)> event_text;
    /// A write failed for good (a failed fsync), or an exception came out of our own code (internal): nothing may be
    /// acknowledged any more. Called on the thread it happened on. Unset: log it and exit 74, or 70.
    std::function<void(const Error&)> on_fatal;
};

/// Loads what the store knows and starts the threads. The destructor ends all sessions with `maintenance`, commits what
/// is under way and joins the threads; no callback runs after it. `log` must outlive it.
/// Errors: what Store::load says.
Result<std::unique_ptr<Domain>> make_domain(DomainOptions options, std::unique_ptr<Store> store, spdlog::logger& log);

/// The bootstrap token of `edge-broker init`: `edgep_…`, shown once, stored as a hash. Errors: what Store::apply says.
Result<std::string> create_admin_token(Store& store);

}  // namespace edge::broker
