#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <map>
#include <set>

#include "broker/api/api.hpp"
#include "real_broker.hpp"

using namespace edge;
using namespace edge::broker::test;

namespace {

link::TaskResult result_of(const link::Task& task, std::uint64_t n) {
    link::TaskResult result;
    result.n = n;
    result.rid.bytes[0] = 1;
    result.rid.bytes[15] = static_cast<std::uint8_t>(n);
    result.task_id = task.task_id;
    result.run_id = task.run_id;
    result.attempt = task.attempt;
    result.line = task.line;
    result.service = task.service;
    result.target = "198.51.100.10";
    result.status = Status::ok;
    result.started_us = result.ended_us = 1'763'802'000'125'000;
    return result;
}

/// Takes a task, does it, and waits until it is stored.
void work(LinkClient& client, std::uint64_t n) {
    const auto task = next<link::Task>(client);
    auto result = result_of(task, n);
    const std::string detail = R"({"sent":1,"rcvd":1})";
    result.detail_bytes = static_cast<std::uint32_t>(detail.size());
    client.write(
        link::encode_envelope(link::WorkAck{task.n}) + "\n" +
        link::encode_envelope(link::Progress{task.task_id, task.attempt, link::ProgressKind::started, Json::object()}));
    client.write(link::encode_envelope(result, detail));
    while (next<link::ResultAck>(client).n < n) {
    }
}

const std::string kJob = R"({"service":"ping","params":{"target":"198.51.100.10","count":1},"selector":"telecom"})";

}  // namespace

TEST_CASE("init makes a broker once, for its owner only") {
    Folder folder;
    const std::string dir = folder.path + "/made";
    const Ended made = init(dir);
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
    const Json told = parse_json(made.out.substr(0, made.out.size() - 1)).value();
    CHECK(told["pin"].get<std::string>().starts_with("sha256:"));
    CHECK(told["token"].get<std::string>().starts_with("edgep_"));
    CHECK(told["config"] == dir + "/broker.toml");
    CHECK(told["public_url"] == "https://127.0.0.1:7443");
    struct stat info {};
    CHECK((::stat(dir.c_str(), &info) == 0 && (info.st_mode & 0777) == 0700));
    for (const char* file : {"/gateway.key", "/edge.db", "/broker.toml"}) {
        CAPTURE(file);
        CHECK((::stat((dir + file).c_str(), &info) == 0 && (info.st_mode & 0777) == 0600));
    }
    const Ended checked = run_broker({"--check-config", "--config", dir + "/broker.toml"});
    CHECK(checked.code == 0);
    CHECK(checked.out == "ok\n");
    const Ended read =
        run_broker({"init", "--dir", folder.path + "/b", "--gateway", "127.0.0.1:7443", "--api", "0.0.0.0:8443"});
    for (const std::string& word : {std::string("gateway      https://127.0.0.1:7443"),
                                    std::string("export EDGE_URL=https://127.0.0.1:8443 EDGE_TOKEN=edgep_"),
                                    "EDGE_CA_FILE=" + folder.path + "/b/gateway.crt"}) {
        CAPTURE(read.out);
        CHECK(read.out.find(word) != std::string::npos);
    }
    const Ended again = init(dir);
    CHECK(again.code == 73);
    CHECK(again.out.empty());
    CHECK(std::count(again.err.begin(), again.err.end(), '\n') == 1);
}

TEST_CASE("an init that cannot finish leaves nothing") {
    Folder folder;
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"init", "--dir", folder.path + "/a", "--gateway", "nowhere"},
                                               {"init", "--dir", folder.path + "/a", "--public-url", "http://x"},
                                               {},
                                               {"--frobnicate"}}) {
        CHECK(run_broker(arguments).code == 64);
    }
    CHECK(std::filesystem::is_empty(folder.path));
    CHECK(run_broker({"init", "--dir", folder.path + "/no/such/parent"}).code == 73);
    CHECK(run_broker({"--config", folder.path + "/none.toml"}).code == 66);
}

TEST_CASE("what a start reads is checked by --check-config as well, all of it") {
    Folder folder;
    const std::string dir = folder.path + "/made";
    REQUIRE(init(dir).code == 0);
    const auto refused = [&](int code, const std::vector<std::string>& words) {
        for (const auto& mode : std::vector<std::vector<std::string>>{{}, {"--check-config"}}) {
            std::vector<std::string> arguments{"--config", dir + "/broker.toml"};
            arguments.insert(arguments.end(), mode.begin(), mode.end());
            const Ended ended = run_broker(arguments);
            CAPTURE(ended.err);
            CHECK(ended.code == code);
            CHECK(ended.out.empty());
            for (const auto& word : words) {
                if (!mode.empty() || &word == &words.front()) CHECK(ended.err.find(word) != std::string::npos);
            }
        }
    };
    std::filesystem::rename(dir + "/edge.db", dir + "/away.db");
    refused(66, {"edge.db: no store is there"});
    CHECK(!std::filesystem::exists(dir + "/edge.db"));
    std::filesystem::rename(dir + "/gateway.key", dir + "/away.key");
    refused(66, {"gateway.key", "edge.db"});
    std::filesystem::rename(dir + "/away.db", dir + "/edge.db");
    std::ofstream(dir + "/gateway.key") << "garbage\n";
    std::filesystem::permissions(dir + "/gateway.key", std::filesystem::perms(0644));
    refused(78, {"gateway.key: can be read by every user of this machine; run: chmod 600 "});
    std::filesystem::permissions(dir + "/gateway.key", std::filesystem::perms(0600));
    refused(78, {"gateway.key: holds no PEM key"});
    std::filesystem::rename(dir + "/away.key", dir + "/gateway.key");
    std::ofstream(dir + "/gateway.crt") << "garbage\n";
    refused(78, {"gateway.crt: holds no PEM certificate"});
}

TEST_CASE("a node joins, a run is made, its result is stored, and all of it outlives a restart") {
    Folder folder;
    const std::string dir = folder.path + "/broker";
    const Json told = made_broker(dir);
    const std::string token = told["token"];
    Agent agent;
    std::string run_id;
    {
        BrokerProcess broker(told["config"]);
        const Api api(broker.api_port(), token);
        CHECK(api.get("/readyz").status == 200);
        CHECK(Api(broker.api_port(), "edgep_bad").get("/api/v1/nodes").status == 401);
        CHECK(api.ask("POST", "/api/v1/jobs", kJob).status == 422);  // no line yet

        const Answer join = api.ask("POST", "/api/v1/join-tokens", R"({"node":"gz-1"})");
        REQUIRE(join.status == 201);
        agent.enroll(broker.gateway_port(), join.json["token"]);
        LinkClient client(broker.gateway_port());
        agent.join(client);

        auto waiting = std::async(std::launch::async,
                                  [&] { return api.ask("POST", "/api/v1/jobs", kJob, "Prefer: wait=120\r\n"); });
        work(client, 1);
        const Answer done = waiting.get();
        CAPTURE(done.text);
        REQUIRE(done.status == 200);
        CHECK(done.json["state"] == "finished");
        CHECK(done.json["results"][0]["detail"]["rcvd"] == 1);
        CHECK(done.json["results"][0]["node"]["name"] == "gz-1");
        run_id = done.json["id"];

        // Every operation that reads, with ids of what there is.
        const Answer webhook = api.ask("POST", "/api/v1/webhooks", R"({"url":"https://receiver.example/"})");
        CAPTURE(webhook.text);
        REQUIRE(webhook.status == 201);
        const std::string webhook_id = webhook.json["id"];
        const Answer told_it = api.ask("POST", "/api/v1/webhooks/" + webhook_id + "/test");
        REQUIRE(told_it.status == 202);
        const std::map<std::string, std::string> ids{{"/runs/", run_id},
                                                     {"/results/", done.json["results"][0]["id"]},
                                                     {"/jobs/", done.json["job_id"]},
                                                     {"/webhooks/", webhook_id},
                                                     {"/deliveries/", told_it.json["id"]}};
        for (const auto& route : broker::api::route_facts()) {
            if (route.method != "GET") continue;
            std::string path(route.pattern);
            const auto known =
                std::ranges::find_if(ids, [&](const auto& one) { return path.find(one.first) != std::string::npos; });
            const std::string id = known == ids.end() ? "gz-1" : known->second;
            if (const auto at = path.find('{'); at != std::string::npos) path.replace(at, path.find('}') - at + 1, id);
            const Answer answer = api.get(path);
            CAPTURE(path);
            CAPTURE(answer.text);
            const int expected = path.ends_with("/usage")                          ? 404  // this agent tells none
                                 : path == "/probe" || path == "/api/v1/selection" ? 400  // of what?
                                 : path == "/api/v1/stream"                        ? 426
                                                                                   : 200;
            CHECK(answer.status == expected);
        }
        CHECK(api.ask("POST", "/api/v1/runs/" + run_id + "/cancel").json["state"] == "finished");
        const Answer events = api.get("/api/v1/runs/" + run_id + "/events");
        CHECK(events.text.find("event: run\nid: 1\n") != std::string::npos);
        CHECK(events.text.find("event: result\nid: 2\n") != std::string::npos);
        CHECK(events.text.find("event: run\nid: 3\n") != std::string::npos);
        CHECK(api.get("/api/v1/nodes/gz-1").json["state"] == "connected");
#ifndef EDGE_SANITIZED
        CHECK(broker.resident_kib() < 30 * 1024);
#endif
        MESSAGE("resident with one node: " << broker.resident_kib() << " KiB");

        auto stopped = std::async(std::launch::async, [&] { return broker.stop(); });
        CHECK(next<link::Goaway>(client).reason == link::GoawayReason::maintenance);
        client.close();
        CHECK(stopped.get() == 0);
        CHECK(broker.log().find(token.substr(8)) == std::string::npos);
    }
    BrokerProcess broker(told["config"]);
    const Api api(broker.api_port(), token);
    CHECK(api.get("/api/v1/runs/" + run_id).json["tasks"]["succeeded"] == 1);
    CHECK(api.get("/api/v1/runs/" + run_id + "/results").json["items"].size() == 1);
    agent.hello.spool_last = 1;
    LinkClient client(broker.gateway_port());
    CHECK(agent.join(client).results_acked == 1);
    client.close();
    CHECK(broker.stop() == 0);
}
