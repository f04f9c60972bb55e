// The real edge-broker with its API, and agents that speak to it, for tests of the program.
#pragma once
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "broker_process.hpp"
#include "link_client.hpp"
#include "plain_client.hpp"

namespace edge::broker::test {

struct Folder {
    std::string path;
    Folder() {
        char made[] = "/tmp/edge-broker-test-XXXXXX";
        if (!::mkdtemp(made)) throw std::runtime_error("mkdtemp");
        path = std::string(made);
    }
    ~Folder() { std::filesystem::remove_all(path); }
};

inline Ended init(const std::string& dir) {
    return run_broker({"init", "--dir", dir, "--gateway", "127.0.0.1:0", "--api", "127.0.0.1:0", "--public-url",
                       "https://127.0.0.1:7443", "--json"});
}

struct Answer {
    int status = 0;
    std::string text;
    Json json;
};

/// The API as curl would use it: a connection a request.
class Api {
  public:
    Api(std::uint16_t port, std::string token) : port_(port), token_(std::move(token)) {}

    Answer ask(const std::string& method, const std::string& path, const std::string& body = "",
               const std::string& more = "") const {
        PlainClient client(port_);
        std::string text = method + " " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " +
                           token_ + "\r\n" + more;
        if (!body.empty())
            text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
        client.send(text + "\r\n" + body);
        Answer answer;
        answer.text = client.read_all();
        if (answer.text.size() > 12) answer.status = std::stoi(answer.text.substr(9, 3));
        auto json = parse_json(answer.text.substr(std::min(answer.text.size(), answer.text.find("\r\n\r\n") + 4)),
                               {.bytes = 1 << 20});
        if (json) answer.json = std::move(json.value());
        return answer;
    }
    Answer get(const std::string& path) const { return ask("GET", path); }

  private:
    std::uint16_t port_;
    std::string token_;
};

/// What an agent keeps: its key, its id, its counters.
struct Agent {
    SigningKey key = SigningKey::generate();
    link::Hello hello;

    Agent() {
        hello.agent_version = "0.1.0";
        hello.spool_id.bytes[3] = 9;
        hello.boot_id = "boot";
        hello.policy_hash = "ab";
        hello.labels = {{"city", "guangzhou"}};
        link::LineReport line;
        line.name = LineName::parse("telecom").value();
        line.carrier = "ct";
        line.state = link::LineState::up;
        line.enforced_by = EnforcedBy::bpf;
        hello.lines = {line};
    }
    /// The gateway's answer, as it came.
    std::string ask_to_enroll(std::uint16_t port, const std::string& token, const std::string& name = "") const {
        const PublicKey& bytes = key.public_key();
        const std::string input =
            link::enroll_signing_input(token, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        const std::string body = link::encode_enroll_request(
            {token, to_base64(bytes), to_base64(key.sign(as_bytes(input))), name, {}, "0.1.0"});
        return LinkClient(port).post(link::kEnrollPath, body);
    }
    void enroll(std::uint16_t port, const std::string& token, const std::string& name = "") {
        const std::string answer = ask_to_enroll(port, token, name);
        REQUIRE(answer.starts_with("HTTP/1.1 200 "));
        hello.node_id = link::decode_enroll_reply(answer.substr(answer.find("\r\n\r\n") + 4)).value().node_id;
    }
    link::Welcome join(LinkClient& client) {
        client.hello = hello;
        REQUIRE(client.upgrade() == 101);
        const auto answer = client.join(key, hello.node_id);
        REQUIRE(std::holds_alternative<link::Welcome>(answer));
        const auto welcome = std::get<link::Welcome>(answer);
        hello.join_counter = welcome.join_counter;
        return welcome;
    }
};

/// Reads until an envelope of this type comes; heartbeats are answered.
template <class T>
T next(LinkClient& client) {
    while (true) {
        const auto envelopes = client.read();
        REQUIRE_FALSE(envelopes.empty());
        std::optional<T> found;
        for (const auto& envelope : envelopes) {
            if (const auto* beat = std::get_if<link::Heartbeat>(&envelope); beat && !beat->echo_us)
                client.write(link::Heartbeat{beat->at_us, beat->at_us});
            if (const auto* one = std::get_if<T>(&envelope)) found = *one;
        }
        if (found) return *found;
    }
}

/// A broker in a folder of its own that was just made: what init told of it.
inline Json made_broker(const std::string& dir) {
    std::string out = init(dir).out;
    out.pop_back();
    return parse_json(out).value();
}

}  // namespace edge::broker::test
