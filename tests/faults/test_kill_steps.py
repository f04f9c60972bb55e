"""kill -9 at the k-th call that makes something durable or sends it, for k = 1, 2, …, by strace; and at random moments under load. A
ledger compares what was acknowledged with what the API tells in the end.

40 steps of each program, 20 random kills and 6 failing syncs; 300, 300 and 30 with EDGE_FULL=1.
"""
import collections
import http.client
import itertools
import os
import random
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import own_node  # noqa: E402
from broker_case import PROGRAMS, BrokerCase  # noqa: E402
from own_node import STRACE, OwnNode  # noqa: E402
from seen import seen  # noqa: E402
from steady_agent import SteadyAgent  # noqa: E402
from wait_for import wait_for  # noqa: E402

FULL = bool(os.environ.get("EDGE_FULL"))
STEPS = 300 if FULL else 40
RUNS = 12 if FULL else 2  # of a round, so that there are as many steps
RANDOM_KILLS = 300 if FULL else 20
SYNCS = 30 if FULL else 6
OTHERS = 20 if FULL else 4
CALLS = ["write", "pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "renameat", "unlink", "unlinkat", "sendmsg", "sendto"]


def killed_at(call, k):
    return [*STRACE, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={k}"]


def failing_at(call, k):
    return [*STRACE, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={k}"]


def counting(log):
    return [*STRACE, "-o", log, "-e", "trace=" + ",".join(CALLS)]


def steps_of(log, wanted):
    """(call, k), at most so many: of each call as many as of any other, spread over all that a thread made in one round."""
    counts = collections.Counter()
    with open(log, encoding="ascii", errors="replace") as lines:
        for line in lines:
            thread, _, rest = line.partition(" ")
            if (call := rest.lstrip().partition("(")[0]) in CALLS:
                counts[thread, call] += 1
    most = collections.Counter()
    for (_, call), times in counts.items():
        most[call] = max(most[call], times)
    steps = []
    for place, (call, times) in enumerate(sorted(most.items(), key=lambda one: one[1])):  # what a rare call leaves is for the others
        share = min(times, (wanted - len(steps)) // (len(most) - place))
        steps += [(call, 1 + i * times // share) for i in range(share)]
    return steps


class Kills(BrokerCase):
    def end(self, program):
        if program.is_running():
            program.stop()

    def start_node(self):
        """The program's own agent, and all it needs."""
        self.broker.start()
        self.addCleanup(self.end, self.broker)
        self.node = OwnNode(PROGRAMS, self.folder, self.broker, "own-1")
        launcher = self.node.start_launcher()
        self.addCleanup(self.end, launcher)

    def start_others(self):
        """Agents of somebody else's, who keep a ledger; they speak without TLS."""
        self.broker.configure("gateway", "tls = false\n")
        self.broker.start()
        self.addCleanup(self.end, self.broker)
        for i in range(OTHERS):
            name = f"other-{i + 1}"
            token = self.broker.api.post("/api/v1/join-tokens", {"node": name})["token"]
            agent = SteadyAgent(self.broker.gateway, token, name, self.ledger).start()
            self.addCleanup(agent.stop)

    def is_up(self, nodes):
        items = self.broker.api.get("/api/v1/nodes")["items"]
        return sum(node["state"] == "connected" and any(line["state"] == "up" for line in node["lines"]) for node in items) >= nodes

    def work(self, victim, nodes, runs=RUNS, repeat=3, begun=lambda: None):
        """Jobs for all nodes, one after the other, until the victim is killed or they are done. `begun`: called with each."""
        run = None

        def over():
            nonlocal run, runs
            if not victim.is_running():
                return True
            try:
                if run is None and self.is_up(nodes):
                    run = self.ledger.ask(self.broker.api, {"service": "ping", "selector": "all", "repeat": repeat,
                                                            "params": {"target": own_node.TARGET, "count": 1, "timeout_ms": 1000}})
                    begun()
                if run is not None and self.broker.api.get(f"/api/v1/runs/{run}")["state"] == "finished":
                    self.ledger.note(self.broker.api, run)
                    run, runs = None, runs - 1
            except (OSError, http.client.HTTPException):
                pass  # killed meanwhile
            return runs == 0

        wait_for(over, 60, lambda: f"{run}, {victim.said()}")

    def at_each_step(self, start, nodes):
        """`start(under)` starts the victim. Returns how often it was killed, and at which calls."""
        log = f"{self.folder}/calls"
        with open(log, "w", encoding="ascii"):
            os.chmod(log, 0o666)  # the agent's user traces it
        for _ in range(2):  # the second start finds what the first left
            victim = start(counting(log))
            self.work(victim, nodes)
            self.assertEqual(victim.stop(), 0, victim.said())
        steps = steps_of(log, STEPS)
        kills, calls = 0, collections.Counter()
        for call, k in itertools.islice(itertools.cycle(steps), 3 * STEPS):
            victim = start(killed_at(call, k))
            self.work(victim, nodes)
            code = victim.stop() if victim.is_running() else victim.ended()
            self.assertIn(code, (0, -signal.SIGKILL), f"at {call} {k}: {victim.said()}")
            kills += code == -signal.SIGKILL
            calls[call] += code == -signal.SIGKILL
            if kills == len(steps):
                break
        self.assertGreaterEqual(kills, len(steps), calls)
        return kills, dict(calls)

    def test_an_agent_that_is_killed_at_each_durable_step_loses_nothing_and_runs_nothing_twice(self):
        before = own_node.pings_that_arrived(NEIGHBOUR)
        self.start_node()
        kills, calls = self.at_each_step(self.node.start_agent, 1)
        agent = self.node.start_agent()
        self.addCleanup(self.end, agent)
        told = self.settle(f"agent: {kills} kills {calls}")
        sent = own_node.pings_that_arrived(NEIGHBOUR) - before
        succeeded = sum(status == "ok" for _, _, status in told.values())
        self.assertTrue(succeeded <= sent <= len(told), (succeeded, sent, len(told)))
        self.assertGreater(succeeded, kills)

    def test_a_broker_that_is_killed_at_each_durable_step_has_all_that_it_acknowledged(self):
        self.start_others()
        self.assertEqual(self.broker.stop(), 0)
        kills, calls = self.at_each_step(self.broker.start_or_die, OTHERS)
        self.broker.start()
        self.settle(f"broker with {OTHERS} agents: {kills} kills {calls}")
        self.assertGreater(len(self.ledger.produced), kills)

    def with_failing_syncs(self, start, nodes):
        """How often the victim ended by itself, because fdatasync(2) said EIO, of how many starts."""
        ends = 0
        for k in range(1, SYNCS + 1):
            victim = start(failing_at("fdatasync", k))
            self.work(victim, nodes)
            if victim.is_running():
                self.assertGreaterEqual(victim.stop(), 0, victim.said())
            else:
                self.assertGreater(victim.ended(), 0, victim.said())  # it says so, and is not killed
                ends += 1
        self.assertGreaterEqual(ends, SYNCS // 2)  # the others were not reached
        return f"{SYNCS} failed syncs, ended by {ends}"

    def test_an_agent_whose_disk_fails_tells_nothing_that_is_not_there(self):
        self.start_node()
        what = self.with_failing_syncs(self.node.start_agent, 1)
        agent = self.node.start_agent()
        self.addCleanup(self.end, agent)
        self.settle(f"agent: {what}")

    def test_a_broker_whose_disk_fails_acknowledges_nothing_that_is_not_there(self):
        self.start_others()
        self.assertEqual(self.broker.stop(), 0)
        what = self.with_failing_syncs(self.broker.start_or_die, OTHERS)
        self.broker.start()
        self.settle(f"broker: {what}")

    def test_broker_and_agent_are_killed_at_random_under_load(self):
        seed = int(os.environ.get("EDGE_SEED", "11"))
        chance = random.Random(seed)
        self.start_node()
        agent = self.node.start_agent()
        self.addCleanup(lambda: self.end(agent))
        kills = collections.Counter()
        for _ in range(RANDOM_KILLS):
            victim = chance.choice(("agent", "broker", "both"))
            moment = threading.Timer(chance.uniform(0, 0.6), lambda victim=victim: self.kill(victim, agent))
            self.work(self.broker if victim != "agent" else agent, 1, runs=1000, repeat=20,
                      begun=lambda moment=moment: moment.ident or moment.start())
            moment.join()
            kills[victim] += 1
            if victim != "agent":
                self.broker.ended()
                self.broker.start()
            if victim != "broker":
                agent.ended()
                agent = self.node.start_agent()
        told = self.settle(f"seed {seed}: {RANDOM_KILLS} kills {dict(kills)}")
        self.assertGreater(len(told), RANDOM_KILLS)  # they came while it was at work

    def kill(self, victim, agent):
        if victim != "broker":
            agent.process.kill()
        if victim != "agent":
            self.broker.kill()


if __name__ == "__main__":
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")  # it uses ptrace, as strace does
    NEIGHBOUR = own_node.enter_network()
    unittest.main(verbosity=2, warnings="ignore")  # the agents' sockets and keys go with the process
