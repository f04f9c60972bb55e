// A broker that does what a test tells it, step by step, over real TLS on loopback. Behind this header because Beast is
// slow to compile; the one file of tests that includes it is scripted_broker.cpp.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/link/endpoint.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

/// One connection as the script sees it. Everything blocks, and throws when the peer left.
class ScriptedConnection {
  public:
    virtual ~ScriptedConnection() = default;
    virtual void send(const std::string& message) = 0;
    virtual std::string receive() = 0;
    virtual void close() = 0;
    /// The 32 bytes a hello must be bound to.
    virtual std::string binding() = 0;

    void send(const link::Envelope& envelope) { send(encode_envelope(envelope)); }
    /// The next envelopes that are not progress or heartbeats, one by one.
    link::Received next();
    template <class T>
    T expect() {
        return std::get<T>(next().envelope);
    }
    /// How many messages the agent sent.
    int messages() const { return messages_; }
    /// challenge, hello, welcome, welcome_ack. Answers the hello, its signature checked against `key`. With `granted`,
    /// the welcome_ack must grant work up to that number.
    link::Hello shake_hands(const PublicKey& key, const link::Welcome& welcome,
                            std::optional<std::uint64_t> granted = std::nullopt);

  protected:
    int messages_ = 0;

  private:
    std::vector<link::Received> waiting_;
};

struct BrokerOptions {
    bool tls12 = false;
    std::string subprotocol = link::kSubprotocol;
    unsigned http_status = 101;  // another: refuses the upgrade with it
    std::string retry_after{};
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // one that is free
    bool at_once = false;  // connections are served each on a thread of its own; one that ends by an exception is well
};

struct HttpReply {
    unsigned status = 200;
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{};
    bool is_cut = false;  // the connection ends before the body does
};

class ScriptedBroker {
  public:
    using Script = std::function<void(ScriptedConnection&)>;
    using HttpScript = std::function<HttpReply(const std::string& path, const std::string& body)>;

    /// Runs each script on one connection, in order, on a thread of its own.
    ScriptedBroker(std::vector<Script> scripts, BrokerOptions options = {});
    /// Answers one request for each script, and is wrong if anything follows on its connection; a status of 0 closes
    /// without an answer.
    explicit ScriptedBroker(std::vector<HttpScript> scripts);
    ~ScriptedBroker();

    /// Where it listens, with its key's pin.
    Endpoint endpoint() const;
    /// Waits for the scripts, for ten seconds before it cuts their connection. What went wrong in them, or nothing.
    std::string finish();

  private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace edge::agent
