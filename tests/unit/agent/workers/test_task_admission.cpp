#include "agent/workers/task_admission.hpp"

#include <doctest/doctest.h>

#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

link::Policy lends(std::vector<std::string> services, std::uint32_t per_s = 0, std::uint32_t burst = 0) {
    link::Policy policy;
    policy.services = std::move(services);
    policy.destination = {per_s, burst};
    return policy;
}

struct AdmissionRig {
    TaskAdmission admission;
    Line line = line_from(line_info(0, "telecom")).value();
    Moment now{Time{} + 100s, 1'000};

    explicit AdmissionRig(std::uint32_t per_s = 1, std::uint32_t burst = 3) {
        admission.policy(lends({"dns", "ping"}, per_s, burst));
    }
    std::string ask(Service service, Json params) {
        link::Task task;
        task.service = service;
        task.params = std::move(params);
        const auto refused = admission.refusal(task, line, now);
        if (!refused) return "taken";
        CHECK(refused->status == Status::refused);
        return refused->failure->code;
    }
    std::string ping(const char* target) { return ask(Service::ping, {{"target", target}}); }
};

}  // namespace

TEST_CASE("a service that the policy does not lend is denied before a worker hears of it") {
    AdmissionRig rig;
    CHECK(rig.ask(Service::http, {{"target", "http://example.test/"}}) == "denied");
    CHECK(rig.ping("example.test") == "taken");
    rig.admission.policy(lends({"http"}));
    CHECK(rig.ping("example.test") == "denied");
    TaskAdmission untold;
    link::Task task;
    task.params = {{"target", "example.test"}};
    CHECK_FALSE(untold.refusal(task, rig.line, rig.now));
}

TEST_CASE("a destination is probed its burst and then its rate, however it is spelled and by whatever service") {
    AdmissionRig rig;
    CHECK(rig.ping("198.51.100.10") == "taken");
    CHECK(rig.ask(Service::dns, {{"target", "a.test"}, {"server", "198.51.100.10"}}) == "taken");
    CHECK(rig.ping("198.51.100.10") == "taken");
    CHECK(rig.ping("198.51.100.10") == "rate_limited");
    CHECK(rig.ping("198.51.100.11") == "taken");
    rig.now.steady += 1s;
    CHECK(rig.ping("198.51.100.10") == "taken");
    CHECK(rig.ping("198.51.100.10") == "rate_limited");
    for (const char* spelling : {"Example.test", "example.test.", "EXAMPLE.TEST"}) CHECK(rig.ping(spelling) == "taken");
    CHECK(rig.ping("example.test") == "rate_limited");
}

TEST_CASE("a line's own resolvers may be asked as often as one likes") {
    AdmissionRig rig;
    for (int i = 0; i < 50; ++i) {
        CHECK(rig.ask(Service::dns, {{"target", "a.test"}}) == "taken");
        CHECK(rig.ask(Service::dns, {{"target", "a.test"}, {"server", "100.64.1.53"}}) == "taken");
    }
}

TEST_CASE("a policy that is told again forgets nothing, another rate begins anew") {
    AdmissionRig rig(1, 1);
    CHECK(rig.ping("a.test") == "taken");
    rig.admission.policy(lends({"ping"}, 1, 1));
    CHECK(rig.ping("a.test") == "rate_limited");
    rig.admission.policy(lends({"ping"}));
    for (int i = 0; i < 50; ++i) CHECK(rig.ping("a.test") == "taken");
}

TEST_CASE("while the host is busy no new task is taken, and none counts for its destination") {
    AdmissionRig rig(1, 1);
    rig.admission.busy("the host has other things to do: cpu pressure 90 %");
    CHECK(rig.ping("a.test") == "busy");
    rig.admission.busy({});
    CHECK(rig.ping("a.test") == "taken");
}
