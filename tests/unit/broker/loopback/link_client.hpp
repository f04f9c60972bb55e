// An agent's end of the link, step by step, for tests: blocking, with a limit of ten seconds a step.
#pragma once
#include <memory>
#include <string>

#include "protocol/crypto/keys.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::broker::test {

class LinkClient {
  public:
    enum class Tls { v1_3, v1_2 };
    /// TCP and TLS. Throws when refused.
    explicit LinkClient(std::uint16_t port, Tls tls = Tls::v1_3);
    ~LinkClient();

    /// The WebSocket handshake; the HTTP status.
    int upgrade(const std::string& path = link::kLinkPath, const std::string& subprotocol = link::kSubprotocol);
    /// One message's envelopes, or none when the broker closed; close_code() then says how.
    std::vector<link::Envelope> read();
    void write(const std::string& text);
    void write_binary(const std::string& bytes);
    void write(const link::Envelope& envelope) { write(link::encode_envelope(envelope)); }
    int close_code() const;
    /// Closes without a word.
    void drop();
    void close();

    /// What it says of itself in join(), but for the node's id.
    link::Hello hello;

    /// What a hello of this connection is signed with.
    std::string exporter();

    /// challenge, hello, welcome, welcome_ack: all of it. The welcome, or the refusal.
    link::Envelope join(const SigningKey& key, const NodeId& node);
    std::string signed_hello(const SigningKey& key, const NodeId& node, const std::string& nonce);

    /// POST to the gateway by HTTP on this connection; status line, head and body.
    std::string post(const std::string& path, const std::string& body);

  private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

}  // namespace edge::broker::test
