// Who is a node, by the real broker: revocation, tokens for many, approval, keys. Sockets, threads and a store on disk.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "real_broker.hpp"

using namespace edge;
using namespace edge::broker::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

std::string token_of(const Api& api, const std::string& body) {
    const Answer made = api.ask("POST", "/api/v1/join-tokens", body);
    CAPTURE(made.text);
    REQUIRE(made.status == 201);
    return made.json["token"];
}

link::RejectCode refusal(std::uint16_t port, const Agent& agent, const SigningKey& key) {
    LinkClient client(port);
    client.hello = agent.hello;
    REQUIRE(client.upgrade() == 101);
    const auto answer = client.join(key, agent.hello.node_id);
    REQUIRE(std::holds_alternative<link::Reject>(answer));
    return std::get<link::Reject>(answer).code;
}

}  // namespace

TEST_CASE("a revoked node's socket is closed, p99 of a hundred within 5 s of the order") {
    constexpr int kNodes = 100;
    Folder folder;
    const Json told = made_broker(folder.path + "/broker");
    BrokerProcess broker(told["config"]);
    const Api api(broker.api_port(), told["token"]);
    const std::string token = token_of(api, R"({"uses":100})");
    std::vector<std::unique_ptr<Agent>> agents;
    std::vector<std::unique_ptr<LinkClient>> links;
    for (int i = 0; i < kNodes; ++i) {
        agents.push_back(std::make_unique<Agent>());
        agents.back()->enroll(broker.gateway_port(), token, "n-" + std::to_string(i));
        links.push_back(std::make_unique<LinkClient>(broker.gateway_port()));
        agents.back()->join(*links.back());
    }
    std::vector<Clock::duration> took;
    for (int i = 0; i < kNodes; ++i) {
        const auto began = Clock::now();
        const Answer revoked = api.ask("POST", "/api/v1/nodes/n-" + std::to_string(i) + "/revoke");
        CHECK(revoked.json["state"] == "revoked");
        CHECK(next<link::Goaway>(*links[static_cast<std::size_t>(i)]).reason == link::GoawayReason::revoked);
        CHECK(links[static_cast<std::size_t>(i)]->read().empty());  // closed
        took.push_back(Clock::now() - began);
    }
    std::ranges::sort(took);
    const auto p99 = std::chrono::duration_cast<std::chrono::microseconds>(took[kNodes * 99 / 100 - 1]);
    MESSAGE("order to closed socket, p99 of " << kNodes << ": " << p99.count() << " us");
    CHECK(p99 <= 5s);
    CHECK(refusal(broker.gateway_port(), *agents[0], agents[0]->key) == link::RejectCode::revoked);
    CHECK(broker.stop() == 0);
    BrokerProcess again(told["config"]);
    CHECK(refusal(again.gateway_port(), *agents[0], agents[0]->key) == link::RejectCode::revoked);
    CHECK(again.stop() == 0);
}

TEST_CASE("many enrol at once by one token while the broker is killed: never more than it has uses") {
    constexpr int kAgents = 24;
    constexpr int kUses = 12;
    Folder folder;
    const Json told = made_broker(folder.path + "/broker");
    auto broker = std::make_unique<BrokerProcess>(told["config"]);
    const std::string token = token_of(Api(broker->api_port(), told["token"]), R"({"uses":12})");
    std::atomic<std::uint16_t> port = broker->gateway_port();
    std::atomic<int> enrolled = 0, denied = 0, tries = 0;
    std::atomic<bool> hangs = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < kAgents; ++i) {
        threads.emplace_back([&, i] {
            const Agent agent;
            const auto end = Clock::now() + 100s;
            while (Clock::now() < end) {
                std::string answer;
                try {
                    ++tries;
                    answer = agent.ask_to_enroll(port, token, "n-" + std::to_string(i));
                } catch (const std::exception&) {  // nobody listens there just now
                }
                if (answer.starts_with("HTTP/1.1 200 ")) return void(++enrolled);
                if (answer.starts_with("HTTP/1.1 403 ")) return void(++denied);
                std::this_thread::yield();
            }
            hangs = true;
        });
    }
    const auto end = Clock::now() + 100s;
    while (enrolled < kUses / 3 && Clock::now() < end) std::this_thread::yield();
    broker.reset();  // SIGKILL
    broker = std::make_unique<BrokerProcess>(told["config"]);
    port = broker->gateway_port();
    for (auto& thread : threads) thread.join();
    CHECK(!hangs);
    CHECK(enrolled == kUses);
    CHECK(denied == kAgents - kUses);
    const Api api(broker->api_port(), told["token"]);
    CHECK(api.get("/api/v1/nodes").json["total"] == kUses);
    const Json item = api.get("/api/v1/join-tokens").json["items"][0];
    CHECK(item["used"] == kUses);
    CHECK(api.get("/api/v1/nodes?q=token:" + item["id"].get<std::string>()).json["total"] == kUses);
    CHECK(broker->stop() == 0);
}

TEST_CASE("a token for other addresses than this one's is of no use here, and one for these is") {
    Folder folder;
    const Json told = made_broker(folder.path + "/broker");
    BrokerProcess broker(told["config"]);
    const Api api(broker.api_port(), told["token"]);
    const Agent agent;
    const std::string elsewhere = token_of(api, R"({"cidrs":["192.0.2.0/24","2001:db8::/32"],"ttl_ms":2592000000})");
    const std::string refused = agent.ask_to_enroll(broker.gateway_port(), elsewhere, "n-1");
    CHECK(refused.starts_with("HTTP/1.1 403 "));
    CHECK(refused.find("127.0.0.1") != std::string::npos);
    const std::string here = token_of(api, R"({"cidrs":["127.0.0.0/8"]})");
    CHECK(agent.ask_to_enroll(broker.gateway_port(), here, "n-1").starts_with("HTTP/1.1 200 "));
    CHECK(api.ask("POST", "/api/v1/join-tokens", R"({"ttl_ms":86400001})").status == 422);
    CHECK(broker.stop() == 0);
}

TEST_CASE("a node that needs approval joins once it has it; a batch of them is made in one request") {
    Folder folder;
    const Json told = made_broker(folder.path + "/broker");
    BrokerProcess broker(told["config"]);
    const Api api(broker.api_port(), told["token"]);
    const Answer batch =
        api.ask("POST", "/api/v1/join-tokens:batch", R"({"nodes":[{"name":"gz-1"},{"name":"gz-2"}],"approve":true})");
    CAPTURE(batch.text);
    REQUIRE(batch.status == 201);
    Agent agent;
    agent.enroll(broker.gateway_port(), batch.json["items"][0]["token"]);
    CHECK(api.get("/api/v1/nodes/gz-1").json["state"] == "pending");
    CHECK(refusal(broker.gateway_port(), agent, agent.key) == link::RejectCode::pending);
    CHECK(api.ask("POST", "/api/v1/nodes/gz-1/approve").status == 200);
    LinkClient client(broker.gateway_port());
    agent.join(client);
    CHECK(next<link::Pins>(client).pin == told["pin"].get<std::string>());
    CHECK(broker.stop() == 0);
}

TEST_CASE("a key is replaced over the link; the old one is refused as soon as the new one was used") {
    Folder folder;
    const Json told = made_broker(folder.path + "/broker");
    BrokerProcess broker(told["config"]);
    const Api api(broker.api_port(), told["token"]);
    Agent agent;
    agent.enroll(broker.gateway_port(), token_of(api, R"({"node":"gz-1"})"));
    SigningKey fresh = SigningKey::generate();
    {
        LinkClient client(broker.gateway_port());
        agent.join(client);
        REQUIRE(api.ask("POST", "/api/v1/nodes/gz-1/rotate-key").status == 200);
        next<link::RotateKey>(client);
        const PublicKey& bytes = fresh.public_key();
        const std::string input = link::new_key_signing_input(
            agent.hello.node_id, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        client.write(link::NewKey{to_base64(bytes), to_base64(agent.key.sign(as_bytes(input))),
                                  to_base64(fresh.sign(as_bytes(input)))});
        CHECK(next<link::KeyTaken>(client).public_key == to_base64(bytes));
        client.close();
    }
    std::swap(agent.key, fresh);
    LinkClient client(broker.gateway_port());
    agent.join(client);
    CHECK(refusal(broker.gateway_port(), agent, fresh) == link::RejectCode::bad_signature);
    CHECK(broker.stop() == 0);
}
