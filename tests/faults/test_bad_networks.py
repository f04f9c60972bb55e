"""The link on a bad network: half-open, one-way, slow, cut again and again, messages twice, out of order, again, and lost with their
connection. Whoever is left alone notices within 45 s; nothing is lost, nothing comes twice.

9 half-open links, 30 cuts, 300 tasks by messages; 100, 300 and 100,000 with EDGE_FULL=1.
"""
import collections
import datetime
import itertools
import os
import random
import select
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import own_node  # noqa: E402
from broker_case import PROGRAMS, BrokerCase  # noqa: E402
from fault_proxy import DOWN, UP, FaultProxy, FrameProxy  # noqa: E402
from own_node import OwnNode  # noqa: E402
from seen import seen  # noqa: E402
from steady_agent import SteadyAgent  # noqa: E402
from wait_for import wait_for  # noqa: E402

FULL = bool(os.environ.get("EDGE_FULL"))
BATCHES, AT_ONCE = (4, 25) if FULL else (1, 9)
CUTS = 300 if FULL else 30
HANDSHAKE_CUTS = 3  # after each it waits longer
LONGEST_WAIT_S = 60  # between two dials, where nothing but cuts came before
AGENTS, EACH, TASKS = (20, 100, 100_000) if FULL else (3, 10, 300)
NOTICED_S = 45
BUSY_S = 0.25  # what a busy machine may need to run a timer
SEED = int(os.environ.get("EDGE_SEED", "5"))


def pause(seconds):
    select.select([], [], [], seconds)


def moment_of(line):
    return datetime.datetime.fromisoformat(line.split()[0]).timestamp()


class BadNetworks(BrokerCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    def job(self, repeat):
        return {"service": "ping", "selector": "all", "repeat": repeat, "params": {"target": own_node.TARGET, "count": 1, "timeout_ms": 1000}}

    def test_a_half_open_link_is_noticed_by_both_sides_and_resumes(self):
        self.start_broker()
        took = collections.defaultdict(list)
        for batch in range(BATCHES):
            # Three of each kind of cut, one of them by requests.
            links = [self.link(f"half-{batch}-{i}", 'transport = "poll"\n' if i % 9 < 3 else "") for i in range(AT_ONCE)]
            wait_for(lambda: len(self.connected()) == AT_ONCE, 60, self.connected)
            ids = self.connected()
            for drops, (node, proxy, agent) in zip(itertools.cycle(({UP, DOWN}, {UP}, {DOWN})), links):
                pause(self.random.uniform(0, 15 / AT_ONCE))  # heartbeats come each 15 s; not all are cut at the same place
                proxy.drops = frozenset(drops)
                proxy.since = time.time()
            pending = {(side, *link) for link in links for side in ("broker", "agent")}
            while pending:
                for one in list(pending):
                    side, node, proxy, agent = one
                    log = self.broker.log if side == "broker" else agent.said().splitlines()
                    sign = f"gateway.session_ended node={ids[node.name]}" if side == "broker" else " link_down "
                    if noticed := [moment_of(line) for line in log if sign in line and moment_of(line) > proxy.since]:
                        took[side, "+".join(sorted(proxy.drops))].append(noticed[0] - proxy.since)
                        pending.remove(one)
                    self.assertLess(time.time() - proxy.since, NOTICED_S + 15, f"{side} of {node.name}, {sorted(proxy.drops)}")
                pause(0.2)
            for _, proxy, _ in links:
                proxy.drops = frozenset()
            wait_for(lambda: len(self.connected()) == AT_ONCE, 120, self.connected)
            for _, _, agent in links:
                agent.stop()
        worst = max(max(times) for times in took.values())
        seen(f"{BATCHES * AT_ONCE} half-open links, noticed by both sides within {worst:.2f} s; "
             + ", ".join(f"{side} {drops} {max(times):.1f} s" for (side, drops), times in sorted(took.items())))
        self.assertLessEqual(worst, NOTICED_S + BUSY_S)

    def link(self, name, link):
        """A node whose agent runs alone, without a launcher, behind a proxy of its own."""
        proxy = FaultProxy(self.broker.gateway)
        node = OwnNode(PROGRAMS, self.folder, self.broker, name, proxy.address, link=link)
        agent = node.start_agent()
        self.addCleanup(agent.stop)
        return node, proxy, agent

    def test_a_link_that_is_slow_and_cut_again_and_again_loses_nothing(self):
        self.start_broker()
        proxy = FaultProxy(self.broker.gateway)
        node = OwnNode(PROGRAMS, self.folder, self.broker, "cut-1", proxy.address)
        self.addCleanup(node.start_launcher().stop)
        agent = node.start_agent()
        self.addCleanup(agent.stop)

        def is_up():
            return "cut-1" in self.connected() and any(line["state"] == "up" for line in self.broker.api.get("/api/v1/nodes/cut-1")["lines"])

        for i in range(CUTS):
            wait_for(lambda i=i: agent.said().count(" link_live ") > i and is_up(), LONGEST_WAIT_S + 30, agent.said)
            self.assertTrue(self.ledger.ask(self.broker.api, self.job(20)))
            proxy.delay_s = self.random.choice((0, 0.005, 0.05))
            pause(self.random.uniform(0, 0.5))
            if i == CUTS - 1:
                proxy.cut_at_once = HANDSHAKE_CUTS
            proxy.cut()
        wait_for(lambda: proxy.cut_at_once == 0, HANDSHAKE_CUTS * LONGEST_WAIT_S + 30, agent.said)
        proxy.delay_s = 0
        self.settle(f"{CUTS} cuts and {HANDSHAKE_CUTS} of handshakes, seed {SEED}")
        self.assertGreaterEqual(agent.said().count(" link_down "), CUTS + HANDSHAKE_CUTS)

    def test_a_link_by_requests_is_one_session_over_connections_that_are_cut_all_the_time(self):
        self.start_broker()
        proxy = FaultProxy(self.broker.gateway)
        node = OwnNode(PROGRAMS, self.folder, self.broker, "polls-1", proxy.address, link='transport = "poll"\n')
        self.addCleanup(node.start_launcher().stop)
        agent = node.start_agent()
        self.addCleanup(agent.stop)
        wait_for(lambda: any(line["state"] == "up" for line in self.broker.api.get("/api/v1/nodes/polls-1")["lines"]), 60, agent.said)
        self.assertEqual(self.broker.api.get("/api/v1/nodes/polls-1")["uplink"]["transport"], "poll")
        for _ in range(CUTS):
            self.assertTrue(self.ledger.ask(self.broker.api, self.job(20)))
            proxy.delay_s = self.random.choice((0, 0.005, 0.05))
            pause(self.random.uniform(0, 1))
            proxy.cut()
        proxy.delay_s = 0
        self.settle(f"by requests, {CUTS} cuts, seed {SEED}")
        self.assertEqual(agent.said().count(" link_live "), 1, agent.said())

    def test_messages_that_come_twice_out_of_order_again_or_not_at_all_are_stored_once(self):
        self.broker.configure("gateway", "tls = false\n")
        self.start_broker()
        proxy = FrameProxy(self.broker.gateway, SEED)
        agents = []
        for i in range(AGENTS):
            token = self.broker.api.post("/api/v1/join-tokens", {"node": f"twice-{i}"})["token"]
            agents.append(SteadyAgent(self.broker.gateway, token, f"twice-{i}", self.ledger))
            agents[-1].move(proxy.address)
            agents[-1].patience_s = 0.5
            self.addCleanup(agents[-1].start().stop)
        for _ in range(TASKS // (EACH * len(agents))):
            wait_for(lambda: len(self.connected()) == len(agents), 60, lambda: [agent.ended for agent in agents])
            run = self.ledger.ask(self.broker.api, self.job(EACH))
            self.broker.api.wait_run(run, 180)
        for agent in agents:
            agent.stop()
        refused = sum((collections.Counter(agent.refused) for agent in agents), collections.Counter())
        ended = sum((collections.Counter(agent.ended) for agent in agents), collections.Counter())
        self.settle(f"messages {proxy.done}, refused {dict(refused)}, sessions ended {dict(ended)}")
        self.assertLessEqual(set(refused), {"gap", "bad_envelope", "wack", "credit"})
        self.assertTrue(refused, "the broker noticed nothing")
        self.assertTrue(all(proxy.done.values()), proxy.done)


if __name__ == "__main__":
    own_node.enter_network()
    unittest.main(verbosity=2, warnings="ignore")  # the agents' sockets and keys go with the process
