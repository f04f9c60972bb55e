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

    /// All or none.
    void create_join_tokens(Ticket ticket, std::vector<JoinTokenTerms> wanted, std::uint64_t ttl_ms, TokenId by,
                            Now now, Actions& out);
    void revoke_join_token(Ticket ticket, TokenId id, TokenId by, Now now, Actions& out);
    std::vector<JoinTokenView> join_tokens() const;

    /// One use of the token is spent, the node made and the audit written in one transaction. Asked again with the same
    /// token and key after a lost reply, the answer is the same node. Enrolments by one token do not wait for each
    /// other.
    void enroll(Ticket ticket, const Enrolling& enrolling, Now now, Actions& out);
    /// Its new key is being written: what it is will change in a moment.
    bool is_under_way(NodeId node) const;

    /// Errors: denied.
    Result<Principal> authenticate(std::string_view bearer) const;

  private:
    /// An enrolment that is being written, and all who ask for it.
    struct UnderWay {
        TokenId token;
        NodeRecord node;
        std::vector<Ticket> tickets;
    };
    Result<JoinTokenRecord*> find_token(const std::string& text);
    /// Is none of the nodes that it names in use? It would be refused where it is spent, on the node. Errors: conflict.
    Result<> are_free(const JoinTokenTerms& terms) const;
    /// May one more come by it, from there?
    Result<> admits(const JoinTokenRecord& token, const std::string& peer, Now now) const;
    Result<NodeRecord> make_node(const JoinTokenRecord& token, const link::EnrollRequest& request, const PublicKey& key,
                                 Now now);
    UnderWay take_under_way(NodeId node);

    DomainState& state_;
    std::vector<UnderWay> under_way_;                 // their names and keys are taken
    std::map<TokenId, JoinTokenRecord> join_tokens_;  // ids begin with their time: in the order they were made
    std::unordered_map<std::string, ApiTokenRecord> api_tokens_;  // by lookup
};

}  // namespace edge::broker
