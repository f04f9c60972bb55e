// Webhooks as values: endpoints, what is delivered to them, and how that went.
#pragma once
#include <array>
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "broker/domain/views.hpp"
#include "protocol/ids.hpp"

namespace edge::broker {

// Integer keys of the store, by which its rows are named where ids would cost a search.
enum class WebhookRow : std::int64_t {};
enum class MessageRow : std::int64_t {};
enum class DeliveryRow : std::int64_t {};

/// What is told outside.
enum class EventKind { result, run_finished, node_state, line_state, node_enrolled, webhook_disabled, test };
BOOST_DESCRIBE_ENUM(EventKind, result, run_finished, node_state, line_state, node_enrolled, webhook_disabled, test)

inline constexpr std::array<std::pair<EventKind, std::string_view>, 7> kEventTypes{{
    {EventKind::result, "io.edge.result.v1"},
    {EventKind::run_finished, "io.edge.run.finished.v1"},
    {EventKind::node_state, "io.edge.node.state_changed.v1"},
    {EventKind::line_state, "io.edge.line.state_changed.v1"},
    {EventKind::node_enrolled, "io.edge.node.enrolled.v1"},
    {EventKind::webhook_disabled, "io.edge.webhook.disabled.v1"},
    {EventKind::test, "io.edge.test.v1"},
}};

constexpr std::string_view event_type(EventKind kind) {
    return kEventTypes[static_cast<std::size_t>(kind)].second;
}
constexpr std::optional<EventKind> event_kind(std::string_view type) {
    for (const auto& [kind, text] : kEventTypes) {
        if (text == type) return kind;
    }
    return std::nullopt;
}

/// An endpoint, without its secrets.
struct WebhookView {
    WebhookId id;
    std::string url;
    std::string description;
    std::vector<EventKind> events;  // none: all
    std::string selector;           // empty: all
    bool enabled = true;
    std::string disabled_reason;  // empty while it is enabled, or when a person disabled it
    WallTime created_at = 0;
    std::optional<WallTime> failing_since;     // an attempt failed then, and none has succeeded since: it is *failing*
    std::optional<WallTime> old_secret_until;  // until then a message is signed with the secret before as well
    std::optional<WallTime> expires_at;        // it removes itself then
};

/// Something that happened, with what its message tells of it.
struct NodeHappening {
    NodeRef node;
    const std::map<std::string, std::string>* labels = nullptr;  // for the time of one call
    NodeEvent event;
    std::string carrier{};  // of the line, where it is about one
};
struct Enrolled {
    NodeRef node;
    const std::map<std::string, std::string>* labels = nullptr;
    NodeState state = NodeState::enrolled;  // or pending
};
struct Tested {};
struct OutsideEvent {
    MessageId id{};
    std::uint64_t sequence = 0;  // rises with every message of this broker
    EventKind kind = EventKind::test;
    WallTime at = 0;
    std::string subject{};  // the id of what it is about
    std::variant<Tested, std::shared_ptr<const ResultView>, RunView, NodeHappening, Enrolled, WebhookView> about{};
};

enum class DeliveryState { pending, delivered, failed };
BOOST_DESCRIBE_ENUM(DeliveryState, pending, delivered, failed)

/// A message on its way to an endpoint, as the sender sees it.
struct DueDelivery {
    DeliveryRow row{};
    WebhookRow webhook{};
    WallTime due_at = 0;
    WallTime created_at = 0;
    std::uint32_t attempts = 0;  // made so far
    bool once = false;           // not tried again: a test or a replay
};
struct DueDeliveries {
    std::vector<DueDelivery> items;  // the earliest first
    bool more = false;
};

/// All that an attempt needs.
struct Outgoing {
    MessageId message;
    std::string url;
    std::vector<std::array<std::uint8_t, 32>> secrets;  // the newest first
    std::string body;
};

struct HeaderField {
    static constexpr bool fields_have_defaults = true;
    std::string name{};
    std::string value{};
};
BOOST_DESCRIBE_STRUCT(HeaderField, (), (name, value))

/// Units: microseconds since the attempt began; absent: it did not come so far.
struct AttemptTimes {
    static constexpr bool fields_have_defaults = true;
    std::optional<std::uint64_t> resolved_us{};
    std::optional<std::uint64_t> connected_us{};
    std::optional<std::uint64_t> secured_us{};
    std::optional<std::uint64_t> first_byte_us{};
    std::uint64_t total_us = 0;
};
BOOST_DESCRIBE_STRUCT(AttemptTimes, (), (resolved_us, connected_us, secured_us, first_byte_us, total_us))

struct AttemptView {
    std::uint32_t n = 0;  // of its delivery, from 1
    WallTime at = 0;
    std::string url;
    std::string peer;  // address and port; empty: it did not come so far
    std::vector<HeaderField> request_headers;
    std::uint32_t status = 0;   // 0: no answer
    std::string response_head;  // as it came, at most 16 KiB
    std::string response_body;  // the first 4 KiB, any bytes
    std::string error;          // empty: it succeeded
    AttemptTimes times;
};

struct DeliveryView {
    DeliveryId id;
    WebhookId webhook;
    MessageId message;
    EventKind kind = EventKind::test;
    std::string subject;
    DeliveryState state = DeliveryState::pending;
    std::uint32_t attempts = 0;
    WallTime created_at = 0;
    std::optional<WallTime> next_attempt_at;  // while it is pending
    std::uint32_t last_status = 0;
    std::string last_error;
};
struct DeliveryDetail {
    DeliveryView delivery;
    std::string body;  // JSON
    std::vector<AttemptView> attempts;
};

/// How webhooks stand, for the metrics.
struct WebhookTotals {
    std::uint64_t working = 0;  // endpoints that are enabled and not failing
    std::uint64_t failing = 0;  // … that are enabled, with failing_since
    std::uint64_t disabled = 0;
    std::uint64_t pending = 0;  // deliveries, of all endpoints that are there, as far as they are counted
};

/// Which deliveries of an endpoint: made in [since, until), in this state.
struct DeliveryFilter {
    std::optional<DeliveryState> state;
    WallTime since = 0;
    std::optional<WallTime> until;
};

}  // namespace edge::broker
