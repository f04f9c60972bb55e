// How a machine becomes a node, and who may use the API.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/domain/domain_state.hpp"

namespace edge::broker {

class Enrolment {
  public:
    explicit Enrolment(DomainState& state) : state_(state) {}

    void load(const std::vector<JoinTokenRecord>& join_tokens, const std::vector<ApiTokenRecord>& api_tokens);

    void create_join_token(Ticket ticket, std::optional<NodeName> node, std::uint64_t ttl_ms, Now now, Actions& out);
    std::vector<JoinTokenView> join_tokens() const;

    /// The token is used, the node made and the audit written in one transaction. Asked again with the same key after a
    /// lost reply, the answer is the same node.
    void enroll(Ticket ticket, const link::EnrollRequest& request, Now now, Actions& out);

    /// Errors: denied.
    Result<Principal> authenticate(std::string_view bearer) const;

  private:
    /// An enrolment that is being written, and all who ask for it.
    struct UnderWay {
        PublicKey key{};
        std::vector<Ticket> tickets;
    };
    struct JoinToken {
        JoinTokenRecord record;
        std::optional<UnderWay> under_way{};
    };
    Result<JoinToken*> usable(const link::EnrollRequest& request, Now now);
    bool being_made(const NodeName& name, const PublicKey& key) const;
    Result<NodeRecord> make_node(const JoinTokenRecord& token, const link::EnrollRequest& request, const PublicKey& key,
                                 Now now);

    DomainState& state_;
    std::vector<NodeRecord> being_made_;        // on their way to the store: their names and keys are taken
    std::map<TokenId, JoinToken> join_tokens_;  // ids begin with their time: in the order they were made
    std::unordered_map<std::string, ApiTokenRecord> api_tokens_;  // by lookup
};

}  // namespace edge::broker
