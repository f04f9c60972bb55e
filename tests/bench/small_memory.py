"""A broker that may have 512 MiB, EDGE_NODES (10,000) idle nodes, and 20 that come back at once with 100 MiB of results: it takes them as it
can, by the credit that it gives, is not killed for its memory, and nobody else is sent away."""
# lab: --no-edge
import contextlib
import json
import os
import re
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, *part) for part in (("idle_nodes",), ("..", "e2e"), ("..", "faults"), ("..", "contract", "protocol"))]
from fleets import add_fleet, joined  # noqa: E402
from ledger import Ledger  # noqa: E402
from minimal_agent import MinimalAgent  # noqa: E402
from own_broker import OwnBroker  # noqa: E402

NODES = int(os.environ.get("EDGE_NODES", "10000"))
LIMIT_MIB = 512
LADEN = 20
RESULTS = 80  # of each
DETAIL = json.dumps({"padding": "x" * (64 << 10)})


def job(number):
    """For each of the laden; of so many probes no target may have all."""
    return {"service": "ping", "params": {"target": f"198.51.100.{number}"}, "selector": "guangdong", "start_within_ms": 600_000}


@contextlib.contextmanager
def memory_group():
    """The folder of a new cgroup of LIMIT_MIB, of either version, which the lab takes away if we cannot."""
    is_v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    group = f"{'/sys/fs/cgroup' if is_v2 else '/sys/fs/cgroup/memory'}/{os.environ['EDGE_LAB_CGROUP']}-memory"
    try:
        os.mkdir(group)
    except OSError as why:
        print(f"skipped: no cgroup that bounds memory: {why}")
        sys.exit(77)
    try:
        with open(f"{group}/{'memory.max' if is_v2 else 'memory.limit_in_bytes'}", "w", encoding="ascii") as limit:
            limit.write(str(LIMIT_MIB << 20))
        yield group
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(group)


def killed_in(group):
    for name in ("memory.events", "memory.oom_control"):
        with contextlib.suppress(FileNotFoundError), open(f"{group}/{name}", encoding="ascii") as file:
            return int(re.search(r"^oom_kill (\d+)$", file.read(), re.MULTILINE)[1])
    sys.exit("small_memory: the kernel does not tell who it killed")


class Laden(MinimalAgent):
    """Takes its tasks, is away, and comes back with all their results; sends no more than it is given credit for."""

    def load(self, ledger):
        while len(self.open) < RESULTS:
            self.accept()
            self.say({"t": "credit", "upto_n": self.work_last + 64, "bytes": 1 << 20})
        self.cut()
        for task in list(self.open.values()):
            self.finish(task, detail=DETAIL)
            ledger.produced.add(json.loads(self.results[self.result_last][0])["rid"])

    def unload(self):
        credit = self.connect()["credit"]
        sent = self.acked
        while self.acked < self.result_last:
            size = lambda n: sum(map(len, self.results[n]))  # noqa: E731
            on_the_way = sum(size(n) for n in self.results if n <= sent)
            while sent < min(credit["upto_n"], self.result_last) and (not on_the_way or on_the_way + size(sent + 1) <= credit["bytes"]):
                sent += 1
                on_the_way += size(sent)
                self.say(*self.results[sent])
            one = self.take()
            if one["t"] == "credit":
                credit = one


def laden(broker, number):
    """A node that is there, so that it can be asked."""
    name = f"laden-{number}"
    agent = Laden(broker.gateway, broker.api.post("/api/v1/join-tokens", {"node": name})["token"], name)
    agent.connect()
    return agent


def side_by_side(agents, what):
    threads = [threading.Thread(target=what, args=[agent], daemon=True) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
        if thread.is_alive():
            sys.exit("small_memory: an agent got stuck")


def main():
    with tempfile.TemporaryDirectory() as folder, memory_group() as group, contextlib.ExitStack() as fleet:
        broker = OwnBroker("edge-broker", folder)
        broker.configure("gateway", "tls = false\n")
        add_fleet(broker, NODES)
        broker.start(under=("sh", "-ec", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh"))
        fleet.callback(broker.stop)
        fleet.enter_context(joined(broker, "plain", 1, NODES))
        ledger = Ledger()
        agents = [laden(broker, i) for i in range(LADEN)]
        for number in range(RESULTS):
            ledger.ask(broker.api, job(number))
        side_by_side(agents, lambda agent: agent.load(ledger))
        before = broker.resident_kib()
        began = time.monotonic()
        side_by_side(agents, Laden.unload)
        took = time.monotonic() - began
        told, lost, duplicated = ledger.check(broker.api)
        there = len(re.findall(r"^edge_agent_up\{.*\} 1$", broker.metrics(), re.MULTILINE))
        print(f"small_memory.results {len(told)} - ={LADEN * RESULTS}")
        print(f"small_memory.backlog {len(told) * len(DETAIL) / (1 << 20):.0f} MiB -")
        print(f"small_memory.taken_in {took:.1f} s -")
        print(f"small_memory.resident_before {before / 1024:.0f} MiB -")
        print(f"small_memory.resident_peak {broker.resident_peak_kib() / 1024:.0f} MiB <={LIMIT_MIB}")
        print(f"small_memory.killed {killed_in(group)} - =0")
        print(f"small_memory.lost {len(lost)} - =0")
        print(f"small_memory.duplicated {len(duplicated)} - =0")
        print(f"small_memory.nodes_there {there} - ={NODES + LADEN}")
        if killed_in(group) or lost or duplicated or there != NODES + LADEN:
            sys.exit("small_memory: the broker did not hold")


main()
