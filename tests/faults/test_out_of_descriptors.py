"""More connections than the broker has descriptors for: it waits for room without spinning, who was connected goes on, what it stores can be
read and copied, and when the crowd goes the next one gets in."""
import os
import socket
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "contract", "protocol")]
from api import Api  # noqa: E402
from broker_case import BrokerCase  # noqa: E402
from seen import seen_by  # noqa: E402
from steady_agent import SteadyAgent  # noqa: E402
from wait_for import wait_for  # noqa: E402

DESCRIPTORS = 256
CROWD = 400
OF_AN_ADDRESS = 40  # fewer than the gateway and the API refuse
WATCHED_S = 5  # the gateway lets nobody be silent for longer than 10
AGENTS = 4


def crowd_at(address):
    """From some ten addresses; the kernel takes those that the broker does not."""
    made = []
    for i in range(CROWD):
        one = socket.socket()
        one.bind((f"127.0.2.{1 + i // OF_AN_ADDRESS}", 0))
        one.connect(address)
        made.append(one)
    return made


class OutOfDescriptors(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker.configure("gateway", "tls = false\n")
        self.broker.start(under=("prlimit", f"--nofile={DESCRIPTORS}"))
        self.addCleanup(self.broker.stop)
        self.agents = []
        self.addCleanup(lambda: [agent.stop() for agent in self.agents])
        for i in range(AGENTS):
            self.join(f"steady-{i}")

    def join(self, name):
        token = self.broker.api.post("/api/v1/join-tokens", {"node": name})["token"]
        agent = SteadyAgent(self.broker.gateway, token, name, self.ledger).start()
        self.agents.append(agent)
        self.broker.api.wait(lambda: agent.generation, 10, f"{name} to be welcome")
        return agent

    def ask_all(self):
        """A task for each agent, and an answer for each."""
        run = self.ledger.ask(self.broker.api, {"service": "ping", "params": {"target": "198.51.100.10"}, "selector": "all"})
        return self.broker.api.wait_run(run, 10)["tasks"]["succeeded"]

    def outlives(self, name, address):
        api = self.broker.api
        self.assertEqual(self.ask_all(), AGENTS)
        crowd = crowd_at(address)
        wait_for(lambda: self.broker.descriptors() == DESCRIPTORS, 10, lambda: f"{self.broker.descriptors()} descriptors\n{self.broker.said()}")
        busy, began, rounds = self.broker.processor_seconds(), time.monotonic(), 0
        time.sleep(WATCHED_S)
        share = (self.broker.processor_seconds() - busy) / (time.monotonic() - began)
        held = self.broker.descriptors()
        while time.monotonic() - began < WATCHED_S + 2:
            self.assertEqual(self.ask_all(), AGENTS)
            rounds += 1
        self.broker.do("backup", os.path.join(self.folder, "backup.db"))
        held = min(held, self.broker.descriptors())
        self.assertIn(f"http.accept_failed server={name} ", self.broker.said())
        gone_at = time.monotonic()
        for one in crowd:
            one.close()
        late = self.join("late-1")
        Api(self.broker.url, self.broker.token, timeout_s=10).get("/api/v1/nodes")  # a connection of its own
        took = time.monotonic() - gone_at
        api.wait_run(self.ledger.ask(api, {"service": "ping", "params": {"target": "198.51.100.10"}, "selector": "node:late-1"}), 10)
        told, lost, duplicated = self.ledger.check(api)
        ended = sum(sum(agent.ended.values()) for agent in self.agents)
        seen_by(self, f"{CROWD} connections, {held} of {DESCRIPTORS} descriptors in use, processor {share:.1%}; {rounds} runs meanwhile, {len(told)} results, "
                      f"{len(lost)} lost, {len(duplicated)} duplicated, {ended} sessions ended; the next agent and the API were there {took:.1f} s after")
        self.assertEqual(held, DESCRIPTORS)
        self.assertLess(share, 0.05)  # a spin on a machine that is busy gets no more than 20 %
        self.assertGreater(rounds, 1)
        self.assertEqual((lost, duplicated, ended), ([], [], 0))
        self.assertLess(took, 5)
        self.assertTrue(late.open == {} and self.broker.is_running())

    def test_a_crowd_at_the_gateway(self):
        self.outlives("gateway", self.broker.gateway)

    def test_a_crowd_at_the_api(self):
        host, port = self.broker.url.rsplit("/", 1)[1].split(":")
        self.outlives("api", (host, int(port)))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")  # the agents' keys go with the process
