// What an operator decides about a node.
#include "broker/api/operations.hpp"
#include "broker/api/views_json.hpp"

namespace edge::broker::api {

/// The body of POST /api/v1/nodes/{node}/revoke and …/reject.
struct NodeOrderBody {
    static constexpr bool fields_have_defaults = true;
    std::string reason;
};
BOOST_DESCRIBE_STRUCT(NodeOrderBody, (), (reason))

namespace {

constexpr const char* kDecides = "decides about nodes";
constexpr std::size_t kLongestReason = 256;

void order(const CallPtr& call, NodeOrder wanted, std::string reason = {}) {
    call->domain.order_node(call->path.at(0), wanted, std::move(reason), call->principal.token,
                            when_known<NodeView>(call, [](const Call& asked, const NodeView& node) {
                                asked.reply(200, dump_json(to_json(node)));
                            }));
}

void order_with_reason(const CallPtr& call, NodeOrder wanted) {
    if (!is_admin(*call, kDecides)) return;
    NodeOrderBody body;
    if (!call->request.body.empty()) {
        auto given = body_as<NodeOrderBody>(*call);
        if (!given) return;
        body = std::move(*given);
    }
    if (body.reason.size() > kLongestReason)
        return call->refuse(Error{Errc::bad_value, "/reason", "at most 256 bytes"});
    order(call, wanted, std::move(body.reason));
}

}  // namespace

void revoke_node(CallPtr call) {
    order_with_reason(call, NodeOrder::revoke);
}

void reject_node(CallPtr call) {
    order_with_reason(call, NodeOrder::reject);
}

void approve_node(CallPtr call) {
    if (is_admin(*call, kDecides)) order(call, NodeOrder::approve);
}

void rotate_node_key(CallPtr call) {
    if (is_admin(*call, kDecides)) order(call, NodeOrder::rotate_key);
}

}  // namespace edge::broker::api
