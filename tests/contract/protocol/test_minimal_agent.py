"""Another's agent against a real broker: what docs/protocol.md says is enough to write one, and what it forbids is refused."""
import concurrent.futures
import json
import os
import shutil
import socket
import sys
import tempfile
import time

from minimal_agent import Closed, MinimalAgent, Polls

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "e2e"))
from api import Refused  # noqa: E402
from own_broker import OwnBroker  # noqa: E402

PING = {"service": "ping", "params": {"target": "198.51.100.10"}, "selector": "node:mini-1"}


class World:
    def __init__(self, program, folder):
        self.broker = OwnBroker(program, folder)
        self.broker.configure("gateway", "tls = false\n")  # as loopback allows
        self.start()
        token = self.api.post("/api/v1/join-tokens", {"node": "mini-1"})["token"]
        self.agent = MinimalAgent(self.broker.gateway, token, "mini-1")

    def start(self):
        self.api = self.broker.start().api

    def do(self, command, file=None):
        """As docs/delivery.md writes it; with this broker's configuration, and this file."""
        with open(os.path.join(HERE, "..", "..", "..", "docs", "delivery.md")) as page:
            line = next(line for line in page if line.startswith("edge-broker ") and line.split()[3:3 + len(command.split())] == command.split())
        words = line.split()[3:]
        return self.broker.do(*(file if word.startswith("/var/backups/") else word for word in words))

    def file(self, name):
        return os.path.join(self.broker.folder, name)

    def copy_back(self, file):
        """As an operator does who has not read docs/delivery.md."""
        store = self.file("edge.db")
        for end in ("-wal", "-shm"):
            if os.path.exists(store + end):
                os.remove(store + end)
        shutil.copy(file, store)

    def restart(self, between):
        self.agent.leave()
        assert self.stop() == 0
        between()
        self.start()
        self.agent.move(self.broker.gateway)

    def run_of(self, run):
        return self.api.get(f"/api/v1/runs/{run['id']}")

    def results(self, run):
        return self.api.get(f"/api/v1/runs/{run['id']}/results")["items"]

    def stop(self):
        return self.broker.stop()


def close_code(agent):
    try:
        agent.next("nothing more")
    except Closed as closed:
        return closed.code


def a_task_is_done(world):
    agent = world.agent
    assert agent.connect()["results_acked"] == 0
    run = world.api.post("/api/v1/jobs", PING)
    agent.finish(agent.accept())
    agent.send()
    while agent.results:
        agent.next("rack")
    result, = world.results(run)
    assert result["summary"]["rtt_us"] == 1200 and result["detail"]["rcvd"] == 1 and not result["evidence"]["verified"]
    assert world.run_of(run)["tasks"]["succeeded"] == 1
    node = world.api.get("/api/v1/nodes/mini-1")
    assert node["state"] == "connected" and node["agent_version"] == "minimal" and node["labels"] == {"province": "guangdong"}


def what_was_not_acknowledged_comes_again_and_is_stored_once(world):
    agent = world.agent
    run = world.api.post("/api/v1/jobs", PING)
    task = agent.accept()
    agent.cut()  # accepted, and then the network went
    welcome = agent.connect()
    assert welcome["work_from"] == agent.work_last + 1 and not welcome["revoke"], welcome
    agent.finish(task)
    agent.send()
    agent.send()  # once more, in the same session
    while agent.results:
        agent.next("rack")
    agent.cut()
    assert agent.connect()["results_acked"] == agent.result_last
    assert len(world.results(run)) == 1 and world.run_of(run)["state"] == "finished"


def a_lost_disk_is_seen_and_the_task_tried_again(world):
    agent = world.agent
    run = world.api.post("/api/v1/jobs", PING)
    assert agent.accept()["attempt"] == 1
    agent.cut()
    agent.open, agent.results, agent.kept, agent.result_last, agent.work_last, agent.acked = {}, {}, {}, 0, 0, 0
    agent.spool_id = agent.spool_id[:-1] + ("1" if agent.spool_id[-1] != "1" else "2")
    assert agent.connect()["results_acked"] == 0
    again = agent.accept()
    assert again["attempt"] == 2 and world.run_of(run)["state"] == "running"
    agent.finish(again)
    agent.send()
    while agent.results:
        agent.next("rack")
    assert world.run_of(run)["tasks"]["succeeded"] == 1


def a_gap_ends_the_session_and_nothing_is_stored(world):
    agent = world.agent
    run = world.api.post("/api/v1/jobs", PING)
    task = agent.accept()
    agent.result_last += 1  # a number left out
    agent.finish(task)
    agent.send()
    assert agent.next("error")["code"] == "gap"
    assert agent.next("goaway")["reason"] == "rebalance"
    assert close_code(agent) == 1012
    assert not world.results(run)
    lines = agent.results.pop(agent.result_last)
    agent.result_last -= 1
    agent.results[agent.result_last] = [json.dumps({**json.loads(lines[0]), "n": agent.result_last})] + lines[1:]
    agent.connect()
    agent.send()
    while agent.results:
        agent.next("rack")
    assert len(world.results(run)) == 1


def three_malformed_messages_are_too_many(world):
    agent = world.agent
    for _ in range(3):
        agent.say("{")
    codes = [agent.next("error")["code"] for _ in range(3)]
    assert codes == ["bad_envelope"] * 3, codes
    assert close_code(agent) == 1002
    agent.connect()


def one_that_keeps_no_plans_is_not_asked(world):
    job = world.api.post("/api/v1/jobs", {**PING, "schedule": {"every_ms": 60_000}})
    assert job["state"] == "active" and job["lines"] == 0, job
    world.api.request("DELETE", f"/api/v1/jobs/{job['id']}")


def one_that_does_is_told_its_plan_and_tells_its_ticks(world):
    agent = world.agent
    agent.leave()
    agent.keeps_plans = True
    agent.connect()
    job = world.api.post("/api/v1/jobs", {**PING, "schedule": {"every_ms": 60_000, "jitter_ms": 1000}})
    assert job["lines"] == 1, job
    plan = agent.take_plan("plan_set")
    assert plan["job_id"] == job["id"] and plan["lines"] == ["telecom"] and plan["schedule"]["every_ms"] == 60_000, plan
    phase_us = plan["schedule"]["phase_ms"] * 1000
    tick = (time.time_ns() // 1000 - phase_us) // 60_000_000 * 60_000_000 + 60_000_000 + phase_us  # its clock is a little ahead
    agent.finish(agent.tick(plan, tick))
    agent.send()
    while agent.results:
        agent.next("rack")
    run, = world.api.get(f"/api/v1/jobs/{job['id']}/runs")["items"]
    assert run["tasks"]["succeeded"] == 1 and run["id"] == agent.tick(plan, tick)["run_id"], run
    agent.open.clear()
    agent.leave()
    agent.connect()  # the same digest: nothing is told
    again = world.api.post("/api/v1/jobs", {**PING, "schedule": {"cron": "*/5 * * * *"}})
    assert agent.take_plan("plan_set")["job_id"] == again["id"]
    agent.leave()
    agent.plans.clear()  # it lost them
    agent.connect()
    agent.take_plan("plan_reset")
    assert {agent.take_plan("plan_set")["job_id"], agent.take_plan("plan_set")["job_id"]} == {job["id"], again["id"]}
    for one in (job, again):
        world.api.request("DELETE", f"/api/v1/jobs/{one['id']}")
        assert agent.take_plan("plan_drop")["job_id"] == one["id"]


def another_key_is_refused(world):
    agent = world.agent
    agent.leave()
    signs, agent.key.sign = agent.key.sign, lambda text: bytes(64)
    try:
        agent.connect()
        raise AssertionError("taken in")
    except Closed as closed:
        assert closed.code == 1008, closed
    agent.key.sign = signs
    agent.connect()


def do_a_task(world):
    agent = world.agent
    run = world.api.post("/api/v1/jobs", PING)
    agent.finish(agent.accept())
    agent.send()
    while agent.results:
        agent.next("rack")
    return run


def a_restored_broker_is_given_what_it_lacks(world):
    """A backup while it runs; two runs more; the backup put back by hand, refused, and accepted: nothing is lost, nothing twice."""
    agent = world.agent
    before = do_a_task(world)
    waiting = world.api.post("/api/v1/jobs", PING)  # done after the backup
    task = agent.accept()
    file = world.file("backup.db")
    assert "checked" in world.do("backup", file)
    agent.finish(task)
    agent.send()
    while agent.results:
        agent.next("rack")
    lost = do_a_task(world)
    had, generation = agent.acked, agent.generation
    agent.connect()  # a join that the backup does not know

    world.restart(lambda: world.copy_back(file))
    try:
        agent.connect()
        raise AssertionError("taken in by a store that is behind")
    except Closed as closed:
        assert closed.code == 1008, closed
    assert world.api.get("/api/v1/nodes/mini-1")["state"] != "locked"
    world.api.wait(lambda: "store_behind" in [event["kind"] for event in world.api.get("/api/v1/nodes/mini-1/events")["items"]], 10,
                   "the node's event")
    ready = world.api.get("/readyz")
    assert ready["status"] == "ready" and [one["code"] for one in ready["warnings"]] == ["store_behind"], ready
    assert "edge_store_behind_joins_total 1" in world.broker.metrics(), world.broker.metrics()

    assert world.stop() == 0
    assert "generation" in world.do("restore --in-place")
    world.start()
    agent.move(world.broker.gateway)
    welcome = agent.connect()
    assert "warnings" not in world.api.get("/readyz")
    assert welcome["generation"] != generation and welcome["results_acked"] == had - 2 and len(agent.results) == 2, welcome
    agent.send()
    while agent.results:
        agent.next("rack")
    assert len(world.results(before)) == 1 and not world.run_of(before).get("recovered")
    for run, recovered in (waiting, None), (lost, True):
        again = world.run_of(run)
        assert again.get("recovered") == recovered and again["state"] == "finished", again
        assert again["tasks"]["total"] == again["tasks"]["succeeded"] == len(world.results(run)) == 1, again
    do_a_task(world)


def what_an_agent_does_not_keep_is_a_gap_that_is_said(world):
    agent = world.agent
    file = world.file("older.db")
    world.do("backup", file)
    lost, kept = do_a_task(world), do_a_task(world)
    number = agent.acked - 1
    agent.kept = {agent.acked: agent.kept[agent.acked]}
    world.restart(lambda: world.do("restore", file))
    agent.connect()
    agent.send()
    while agent.results:
        agent.next("rack")
    assert world.run_of(kept)["recovered"]
    try:
        world.run_of(lost)
        raise AssertionError("nobody could know of it")
    except Refused as refused:
        assert refused.status == 404
    gap, = [e for e in world.api.get("/api/v1/nodes/mini-1/events")["items"] if e["kind"] == "results_gap"]
    assert gap["was"] == gap["became"] == str(number), gap
    do_a_task(world)


def it_works_by_requests_too(world):
    agent = world.agent
    agent.leave()
    agent.polls = True
    agent.connect()
    assert world.api.get("/api/v1/nodes/mini-1")["state"] == "connected"
    assert len(world.results(do_a_task(world))) == 1


def a_request_whose_connection_broke_is_sent_again(world):
    agent = world.agent
    run = world.api.post("/api/v1/jobs", PING)
    status, headers, text = agent.link.get(agent.link.heard)
    assert status == 200 and int(headers["Edge-Message"]) == agent.link.heard + 1
    agent.cut()  # and so the answer was lost; the session stays
    again = agent.link.get(agent.link.heard)
    assert (again[0], again[2]) == (200, text), again
    agent.finish(agent.accept())
    (lines,) = agent.results.values()
    agent.link.said += 1
    for _ in range(3):
        agent.cut()
        assert agent.link.post("\n".join(lines), agent.link.said) == 204
    while agent.results:
        agent.next("rack")
    assert len(world.results(run)) == 1


def numbers_and_sessions_that_are_not_are_refused(world):
    link = world.agent.link
    assert link.post("", link.said + 2) == 409
    assert link.get(link.heard + 1)[0] == 409
    assert link.get("x")[0] == 400
    assert link.ask("GET", {})[0] == 400
    assert link.ask("PUT", {})[0] == 405
    assert link.ask("GET", {"Edge-Session": "0" * 64, "Edge-After": "0"})[0] == 404
    assert len(world.results(do_a_task(world))) == 1  # none of it did it harm


def the_next_session_takes_the_place_of_one_by_requests(world):
    agent = world.agent
    before = agent.link
    agent.connect()
    try:
        while True:
            before.receive()
    except Closed as closed:
        assert closed.code in (1012, 404), closed
    do_a_task(world)
    agent.polls = False
    agent.connect()
    do_a_task(world)


def sessions_that_nobody_goes_on_with_are_bounded_and_end(world):
    """64 of an address; one that is live does not count among them."""
    begun = Polls(world.broker.gateway)
    while (status := begun.ask("POST", {})[0]) == 201:
        begun.said += 1
    assert (status, begun.said) == (503, 63), (status, begun.said)
    do_a_task(world)
    world.api.wait(lambda: begun.ask("POST", {})[0] == 201, 20, "the end of those")
    assert begun.get(0)[0] == 404
    begun.cut()


def one_session_does_not_take_all_connections(world):
    """What comes over many is served; which of them stay is bounded as for one that nobody knows, but for a few."""
    link = world.agent.link
    connections = []
    for _ in range(150):
        connections.append(socket.create_connection(world.broker.gateway, timeout=10))
        connections[-1].sendall(f"GET {link.PATH} HTTP/1.1\r\nHost: b\r\nEdge-Session: {link.session}\r\n"
                                f"Edge-After: {link.heard + 1}\r\n\r\n".encode())
        assert connections[-1].recv(65536).startswith(b"HTTP/1.1 409 ")
    kept = 0
    for one in connections:
        one.setblocking(False)
        try:
            one.recv(1)
        except BlockingIOError:
            kept += 1
        one.close()
    assert 8 <= kept <= 64 + 8 + 4, kept
    do_a_task(world)


def a_broker_that_stops_says_so(world):
    """Whether the agent asks already or only then: it has just shown who it is, and asks over the connection it has."""
    agent = world.agent

    def hear(after_s):
        time.sleep(after_s)
        reason = agent.next("goaway")["reason"]
        code = close_code(agent)
        agent.cut()
        return reason, code

    for after_s in (0, 0.5):
        agent.leave()
        agent.polls = True
        agent.connect()
        with concurrent.futures.ThreadPoolExecutor() as threads:
            heard = threads.submit(hear, after_s)
            began = time.monotonic()
            assert world.stop() == 0
            assert time.monotonic() - began < 8
            said = heard.result(timeout=10)
            assert said == ("maintenance", 1012), (said, after_s)
        world.start()
        agent.move(world.broker.gateway)
        agent.polls = False
        agent.connect()


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(sys.argv[1], folder)
        tests = [a_task_is_done, what_was_not_acknowledged_comes_again_and_is_stored_once, a_lost_disk_is_seen_and_the_task_tried_again,
                 a_gap_ends_the_session_and_nothing_is_stored, three_malformed_messages_are_too_many,
                 it_works_by_requests_too, a_request_whose_connection_broke_is_sent_again,
                 numbers_and_sessions_that_are_not_are_refused, one_session_does_not_take_all_connections,
                 sessions_that_nobody_goes_on_with_are_bounded_and_end, a_broker_that_stops_says_so,
                 the_next_session_takes_the_place_of_one_by_requests,
                 one_that_keeps_no_plans_is_not_asked, one_that_does_is_told_its_plan_and_tells_its_ticks, another_key_is_refused,
                 a_restored_broker_is_given_what_it_lacks, what_an_agent_does_not_keep_is_a_gap_that_is_said]
        for test in tests:
            test(world)
            print(f"passed {test.__name__}", flush=True)
        assert world.stop() == 0
    print(f"{len(tests)} passed, 0 failed")


main()
