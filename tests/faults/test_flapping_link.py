"""A link that is up for 3 s and down for 2, again and again. What progress is: results asked for in an up-time, or in one before it, are
acknowledged in it. Somebody else's agent, that dials 50 ms after each loss, gets some in every up-time. So does ours, where connections
outlive the 2 s. Where they do not, it dials less and less often after sessions that lasted less than a minute (docs/protocol.md): then
progress is asked for in each up-time in which it had a session, and how much of the time that is is said.

8 up-times, 40 s, and 2 where connections are kept; 720, an hour, and 180 with EDGE_FULL=1.
"""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import own_node  # noqa: E402
from broker_case import PROGRAMS, BrokerCase  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from own_node import OwnNode  # noqa: E402
from seen import seen  # noqa: E402
from steady_agent import SteadyAgent  # noqa: E402
from wait_for import wait_for  # noqa: E402

FLAPS = 720 if os.environ.get("EDGE_FULL") else 8
UP_S, DOWN_S = 3, 2
ENOUGH_S = 1  # of an up-time, for a session to get something through
EACH = 10  # tasks
LONGEST_WAIT_S = 60  # between two dials
JOB = {"service": "ping", "selector": "all", "repeat": EACH, "params": {"target": own_node.TARGET, "count": 1, "timeout_ms": 1000}}


def pause_until(moment):
    time.sleep(max(0, moment - time.monotonic()))


class FlappingLink(BrokerCase):
    def flap(self, proxy, times, cuts, progress, sessions):
        """Of each up-time: how much progress there was in it, and for how long a session. Work is asked for as soon as there is one, and
        again so shortly before the end that the link goes down over it. `progress` and `sessions` count from wherever they like."""
        up_times = []
        before = progress()
        met = sessions() - 1  # there is one
        for _ in range(times):
            proxy.come_up()
            ends = time.monotonic() + UP_S
            lasted = 0.0
            while (now := time.monotonic()) < ends - 0.1:
                if not lasted and (not cuts or sessions() > met):
                    lasted = ends - now
                    met = sessions()
                    self.ledger.ask(self.broker.api, JOB)
                pause_until(now + 0.05)
            if lasted:
                self.ledger.ask(self.broker.api, JOB)
            pause_until(ends)
            up_times.append((progress() - before, lasted))
            before += up_times[-1][0]
            proxy.go_down(cuts)
            pause_until(ends + DOWN_S)
        proxy.come_up()
        return up_times

    def stored(self):
        return sum(map(int, re.findall(r"^edge_broker_results_total(?:{.*})? (\d+)$", self.broker.metrics(), re.MULTILINE)))

    def settle_flaps(self, who, up_times, what):
        had = [(progress, lasted) for progress, lasted in up_times if lasted >= ENOUGH_S]
        share = sum(lasted for _, lasted in up_times) / (UP_S * len(up_times))
        self.settle(f"{who}, {UP_S} s up, {DOWN_S} s down, {what}: a session in {sum(lasted > 0 for _, lasted in up_times)} of "
                    f"{len(up_times)} up-times, for {share:.0%} of the time, at least {min((progress for progress, _ in had), default=0)} results "
                    f"acknowledged in each that lasted {ENOUGH_S} s", 60 + 2 * LONGEST_WAIT_S)
        self.assertTrue(all(progress > 0 for progress, _ in had), up_times)
        return had

    def test_an_agent_that_comes_back_at_once_makes_progress_in_each_up_time(self):
        self.broker.configure("gateway", "tls = false\n")
        self.start_broker()
        proxy = FaultProxy(self.broker.gateway)
        token = self.broker.api.post("/api/v1/join-tokens", {"node": "steady-1"})["token"]
        agent = SteadyAgent(self.broker.gateway, token, "steady-1", self.ledger)
        agent.move(proxy.address)
        self.addCleanup(agent.start().stop)
        wait_for(self.connected, 60, lambda: agent.ended)
        up_times = self.flap(proxy, FLAPS, True, lambda: agent.acked, lambda: agent.join_counter)
        self.assertEqual(len(self.settle_flaps("an agent that dials at once", up_times, "connections cut")), FLAPS, up_times)

    def test_our_agent_makes_progress_in_each_up_time_in_which_it_has_a_session(self):
        self.start_broker()
        proxy = FaultProxy(self.broker.gateway)
        node = OwnNode(PROGRAMS, self.folder, self.broker, "flap-1", proxy.address)
        self.addCleanup(node.start_launcher().stop)
        agent = node.start_agent()
        self.addCleanup(agent.stop)

        def sessions():
            return agent.said().count(" link_live ")

        wait_for(lambda: any(line["state"] == "up" for node in self.broker.api.items("/api/v1/nodes") for line in node["lines"]), 60,
                 agent.said)
        up_times = self.flap(proxy, FLAPS // 4, False, self.stored, sessions)
        self.assertEqual(len(self.settle_flaps("edge-agent", up_times, "connections kept")), FLAPS // 4, up_times)
        self.assertEqual(sessions(), 1, agent.said())
        up_times = self.flap(proxy, FLAPS, True, self.stored, sessions)
        self.assertGreaterEqual(len(self.settle_flaps("edge-agent", up_times, "connections cut")), 1, up_times)
        acked = [int(number) for number in re.findall(r" link_live .* results_acked=(\d+)", agent.said())]
        seen(f"edge-agent: {len(acked)} sessions, each began with no fewer results acknowledged than the one before: {acked[0]} … {acked[-1]}")
        self.assertEqual(acked, sorted(acked))
        self.assertGreater(len(acked), 1)


if __name__ == "__main__":
    own_node.enter_network()
    unittest.main(verbosity=2, warnings="ignore")  # the agents' sockets and keys go with the process
