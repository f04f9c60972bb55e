// TLS 1.3 to a broker known by its key: neither name nor issuer counts, only the SHA-256 of the key it proves to have.
#pragma once
#include <boost/asio/ssl/context.hpp>
#include <optional>
#include <string>

#include "protocol/crypto/keys.hpp"

namespace edge::agent {

/// Owns: the pins that its context's handshakes are checked against; outlives them.
class PinnedTls {
  public:
    explicit PinnedTls(const Digest& pin, const std::optional<Digest>& next_pin = {});
    PinnedTls(PinnedTls&&) = delete;

    boost::asio::ssl::context& context() { return context_; }
    /// Did a handshake fail because the peer had another key?
    bool saw_other_key() const { return saw_other_key_; }

  private:
    static int check(X509_STORE_CTX* store, void* self);

    Digest pin_;
    std::optional<Digest> next_pin_;
    bool saw_other_key_ = false;
    boost::asio::ssl::context context_;
};

/// Server name indication for names, ALPN http/1.1.
void prepare_handshake(SSL* ssl, const std::string& host);
/// The hello's binding to this connection, 32 bytes. Source: RFC 8446 section 7.5.
std::string export_binding(SSL* ssl);

}  // namespace edge::agent
