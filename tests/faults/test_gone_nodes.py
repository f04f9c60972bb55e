"""Nodes that go and come back: what a job says of tasks that such a node has, and results that wait behind a backlog. L7: while a node
drains what it kept, what it measures meanwhile is shown within seconds."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "contract", "protocol"))
import own_node  # noqa: E402
from api import Refused  # noqa: E402
from broker_case import PROGRAMS, BrokerCase  # noqa: E402
from minimal_agent import MinimalAgent  # noqa: E402
from own_node import OwnNode  # noqa: E402
from seen import seen, seen_by  # noqa: E402
from wait_for import wait_for  # noqa: E402

LEASE_S = 2
PING = {"service": "ping", "params": {"target": "198.18.9.1", "count": 1, "timeout_ms": 1000}}


class GoneNodes(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker.configure("gateway", "tls = false\n")
        self.broker.configure("broker", f"lease_ms = {LEASE_S * 1000}\n")
        self.broker.start()
        self.addCleanup(lambda: self.broker.is_running() and self.broker.stop())
        self.first = self.join("first-1")

    def join(self, name):
        agent = MinimalAgent(self.broker.gateway, self.broker.api.post("/api/v1/join-tokens", {"node": name})["token"], name)
        agent.connect()
        self.addCleanup(lambda: agent.cut())
        return agent

    def ask(self, **more):
        return self.broker.api.post("/api/v1/jobs", {**PING, "selector": "all limit:1", **more})["id"]

    def counts(self, run):
        return self.broker.api.get(f"/api/v1/runs/{run}")["tasks"]

    def gone_with_a_task(self, when):
        run = self.ask(when_unknown=when)
        task = self.first.accept()
        self.first.cut()
        return run, task

    def results_of(self, run):
        return list(self.broker.api.items(f"/api/v1/runs/{run}/results"))

    def see(self, run, unanswered=0):
        """What became of the run's tasks, each with one result that counts but for those of a node that stays away."""
        tasks = {task["id"] for task in self.broker.api.items(f"/api/v1/runs/{run}/tasks")}
        counted = [result["task_id"] for result in self.results_of(run) if not result["superseded"]]
        lost, duplicated = len(tasks - set(counted)) - unanswered, len(counted) - len(set(counted))
        seen_by(self, f"{len(tasks)} tasks, {unanswered} of a node that stays away, {len(counted)} results, {lost} lost, {duplicated} duplicated")
        return lost, duplicated

    def test_it_fails_after_the_lease_and_a_late_result_counts(self):
        began = time.monotonic()
        run, task = self.gone_with_a_task("fail")
        ended = self.broker.api.wait_run(run, 30)
        self.assertEqual(ended["tasks"]["lost"], 1)
        self.assertGreaterEqual(time.monotonic() - began, LEASE_S)
        self.first.finish(task)
        welcome = self.first.connect()
        self.assertEqual(welcome["revoke"], [])  # it says that nothing runs
        self.first.send()
        self.first.next("rack")
        self.assertEqual((self.counts(run)["lost"], self.counts(run)["succeeded"]), (0, 1))
        self.assertEqual(self.see(run), (0, 0))

    def test_another_node_is_asked_and_both_results_are_kept(self):
        run, task = self.gone_with_a_task("elsewhere")
        second = self.join("second-1")
        other = second.accept()
        self.assertEqual(other["run_id"], run)
        self.assertNotEqual(other["task_id"], task["task_id"])
        second.finish(other)
        second.send()
        second.next("rack")
        self.assertEqual(self.broker.api.wait_run(run, 30)["tasks"] | {"total": 2, "lost": 1, "succeeded": 1}, self.counts(run))
        self.first.finish(task)
        self.first.connect()
        self.first.send()
        self.first.next("rack")
        self.assertEqual(self.counts(run)["succeeded"], 2)
        self.assertEqual({result["node"]["name"] for result in self.results_of(run)}, {"first-1", "second-1"})
        self.assertEqual(self.see(run), (0, 0))

    def test_what_goes_elsewhere_survives_a_killed_broker(self):
        run, _ = self.gone_with_a_task("elsewhere")
        second = self.join("second-1")
        other = second.accept()
        self.broker.kill()
        self.broker.start()
        second.move(self.broker.gateway)
        second.finish(other)
        second.connect()
        second.send()
        second.next("rack")
        self.assertEqual((self.counts(run)["total"], self.counts(run)["succeeded"]), (2, 1))
        self.assertEqual(self.see(run, unanswered=1), (0, 0))

    def test_it_waits_if_nothing_is_said(self):
        run, task = self.gone_with_a_task("wait")
        time.sleep(LEASE_S * 2)
        self.assertEqual(self.counts(run)["running"], 1)
        self.first.finish(task)
        self.first.connect()
        self.first.send()
        self.first.next("rack")
        self.assertEqual(self.counts(run)["succeeded"], 1)
        self.assertEqual(self.see(run), (0, 0))

    def test_what_cannot_be_is_refused_with_its_place(self):
        places = []
        for more, where in (({"when_unknown": "perhaps"}, "/when_unknown"), ({"run_within_ms": 10}, "/run_within_ms"),
                            ({"when_unknown": "fail", "schedule": {"every_ms": 60_000}}, "/when_unknown")):
            with self.assertRaises(Refused) as refused:
                self.ask(**more)
            self.assertEqual(refused.exception.status, 422)
            self.assertIn(where, str(refused.exception.problem))
            places.append(where)
        seen_by(self, f"{len(places)} refused with 422")


class Backlog(BrokerCase):
    def test_new_results_are_shown_while_the_backlog_drains(self):
        """200 wait, 5 a second may go: 40 s. What is asked meanwhile is answered within 5."""
        kept, rate = 200, 5
        self.broker.configure("gateway", f"node_results_per_s = {rate}\n")
        self.broker.start()
        self.addCleanup(lambda: self.broker.is_running() and self.broker.stop())
        node = OwnNode(PROGRAMS, self.folder, self.broker, "own-1")
        self.addCleanup(node.start_launcher().stop)
        agent = node.start_agent()
        self.addCleanup(agent.stop)
        api = lambda: self.broker.api  # noqa: E731
        wait_for(lambda: any(line["state"] == "up" for line in api().get("/api/v1/nodes/own-1")["lines"]), 60, agent.said)
        jobs = [{**PING, "selector": "all", "repeat": kept, "start_within_ms": 300_000}]
        self.assertTrue(self.ledger.ask(api(), jobs[0]))
        time.sleep(2)
        self.broker.kill()
        time.sleep(10)  # it goes on by itself
        self.broker.start()
        wait_for(lambda: api().get("/api/v1/nodes/own-1")["state"] == "connected", 60, agent.said)
        waits = []
        while (run := api().get("/api/v1/runs")["items"][-1])["tasks"]["succeeded"] < kept - 5 * rate:
            began = time.monotonic()
            asked = self.ledger.ask(api(), {**PING, "selector": "all", "start_within_ms": 300_000})
            api().wait_run(asked, 60)
            waits.append(time.monotonic() - began)
            time.sleep(0.5)
            self.assertLess(len(waits), 500, run)
        told, lost, duplicated = self.ledger.check(api(), 180)
        seen(f"{len(waits)} asked while {kept} drained: the slowest shown after {max(waits):.1f} s; "
             f"{len(told)} results, {len(lost)} lost, {len(duplicated)} duplicated")
        self.assertGreater(len(waits), 3)
        self.assertLess(max(waits), 5)
        self.assertEqual((lost, duplicated), ([], []))


if __name__ == "__main__":
    own_node.enter_network()
    unittest.main(verbosity=2, warnings="ignore")  # the agents' sockets and keys go with the process
