"""Programs killed again and again under load: every task ends once, and in the end nothing is left that was not there before.

1,200 tasks and 12 kills; 100,000 and 100 with EDGE_FULL=1.
"""
import collections
import ctypes
import glob
import os
import random
import re
import signal
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402
from api import Api  # noqa: E402
from running_lab import AGENT, LAUNCHER, NODE  # noqa: E402
from seen import seen  # noqa: E402

FULL = bool(os.environ.get("EDGE_FULL"))
KILLS = 100 if FULL else 12
TASKS = 100_000 if FULL else 1_200
LINES = 3
GROUP = os.environ["EDGE_LAB_CGROUP"]


class Bpf:
    """The machine's BPF programs, by bpf(2); numbers of linux/bpf.h."""
    SYSCALL, NEXT_ID, QUERY = 321, 11, 16
    CGROUP_TYPES = range(48)

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)

    def call(self, command, attributes):
        buffer = ctypes.create_string_buffer(attributes, 128)
        return self.libc.syscall(self.SYSCALL, command, buffer, 128), buffer.raw

    def of_groups(self):
        """Ids of the programs that hang on the node's groups."""
        ids = set()
        for top, _, _ in os.walk(os.path.join(cgroup2(), GROUP)):
            try:
                fd = os.open(top, os.O_RDONLY)
            except OSError:
                continue  # gone meanwhile
            for kind in self.CGROUP_TYPES:
                found = (ctypes.c_uint32 * 64)()
                failed, raw = self.call(self.QUERY, struct.pack("=IIIIQI", fd, kind, 0, 0, ctypes.addressof(found), 64))
                if not failed:
                    ids.update(found[:struct.unpack_from("=I", raw, 24)[0]])
            os.close(fd)
        return ids

    def loaded(self):
        """Ids of all that the machine has."""
        ids, last = set(), 0
        while True:
            failed, raw = self.call(self.NEXT_ID, struct.pack("=II", last, 0))
            if failed:
                return ids
            last = struct.unpack_from("=I", raw, 4)[0]
            ids.add(last)


def cgroup2():
    with open("/proc/mounts", encoding="ascii") as mounts:
        return next(line.split()[1] for line in mounts if line.split()[2] == "cgroup2")


def processes(name):
    """Pids of this lab whose program is `name`."""
    found = []
    for path in glob.glob("/proc/[0-9]*/exe"):
        try:
            if os.path.basename(os.readlink(path)) == name:
                found.append(int(path.split("/")[2]))
        except OSError:
            continue  # ended meanwhile
    return sorted(found)


def namespaces():
    """How many of each kind the lab's processes live in."""
    kinds = collections.defaultdict(set)
    for path in glob.glob("/proc/[0-9]*/ns/*"):
        try:
            kinds[os.path.basename(path)].add(os.readlink(path))
        except OSError:
            continue
    return {kind: len(names) for kind, names in sorted(kinds.items())}


def groups():
    """Control groups of the node, a worker's number taken out of its name, with how often each stands there."""
    found = collections.Counter()
    for root in glob.glob("/sys/fs/cgroup/*/") + ["/sys/fs/cgroup/"]:
        for top, _, _ in os.walk(os.path.join(root, GROUP)):
            found[re.sub(r"\d+$", "N", os.path.relpath(top, "/sys/fs/cgroup"))] += 1
    return dict(found)


def network():
    """Rules, routes, devices' addresses and nft tables of the node."""
    shown = running_lab.on_node("sh", "-c", "for f in -4 -6; do ip $f rule; ip $f route show table all; done; "
                                            "ip -o addr | sed 's/ *valid_lft.*//'; nft list tables").stdout
    # A cached or just renewed route tells its age.
    return sorted(re.sub(r" (expires|age) \w+", "", line).strip() for line in shown.splitlines())


def open_files(program):
    return len(os.listdir(f"/proc/{running_lab.pid(program)}/fd"))


class Kills(unittest.TestCase):
    def setUp(self):
        self.api = Api()
        self.bpf = Bpf()
        self.programs = set()  # that ever held a line here
        self.random = random.Random(int(os.environ.get("EDGE_SEED", "7")))

    def wait_all_up(self):
        node = {}

        def all_up():
            node.update(self.api.get("/api/v1/nodes")["items"][0])
            return node["state"] == "connected" and [line["state"] for line in node["lines"]] == ["up"] * LINES

        try:
            self.api.wait(all_up, 60, "three lines up")
        except TimeoutError:
            self.fail(f"not up again: {node}")

    def at_rest(self):
        """What is there when all lines are up and nothing runs: the same again and again, or something was left."""
        self.wait_all_up()
        self.api.probe("dns", "all", target="www.lab.test", timeout_ms=5000)
        self.api.wait(lambda: len(processes("edge-probe")) == LINES, 30, "a worker a line")
        return {"processes": {name: len(processes(name)) for name in ("edge-launcher", "edge-agent", "edge-probe")},
                "groups": groups(), "network": network(), "namespaces": namespaces(),
                "programs": len(self.bpf.of_groups()),
                "open files": {name: open_files(name) for name in (LAUNCHER, AGENT)}}

    def has_lines(self):
        node = self.api.get("/api/v1/nodes")["items"][0]
        return node["state"] == "connected" and len(node["lines"]) == LINES

    def kill(self):
        what = self.random.choice((LAUNCHER, AGENT, "worker"))
        if what == "worker":
            workers = processes("edge-probe")
            if workers:
                os.kill(self.random.choice(workers), signal.SIGKILL)
        else:
            running_lab.restart(what, signal.SIGKILL)
        return what

    def test_nothing_is_left(self):
        before = self.at_rest()
        self.assertGreater(before["programs"], 0)
        states, kills, ran, lost, duplicated = collections.Counter(), collections.Counter(), 0, 0, 0
        for _ in range(KILLS):
            repeat = -(-TASKS // (KILLS * LINES))
            run = self.api.post("/api/v1/jobs", {"service": "dns", "selector": "all", "repeat": repeat,
                                                 "params": {"target": "www.lab.test", "timeout_ms": 3000}})
            kills[self.kill()] += 1
            run = self.api.wait_run(run["id"], 120)
            counted = [result["task_id"] for result in self.api.items(f"/api/v1/runs/{run['id']}/results")
                       if not result["superseded"]]
            lost += repeat * LINES - len(set(counted))
            duplicated += len(counted) - len(set(counted))
            for state, number in run["tasks"].items():
                states[state] += number
            ran += repeat * LINES
            self.programs |= self.bpf.of_groups()
            # The next kill may meet any moment of a start, but tasks need a line to be given to.
            self.api.wait(self.has_lines, 60, "the node with its lines")
        seen(f"{sum(kills.values())} kills ({dict(kills)}): {ran} tasks ({states['succeeded']} succeeded), {lost} lost, {duplicated} duplicated")
        self.assertEqual((lost, duplicated), (0, 0))
        after = self.at_rest()
        for what, there in before.items():
            self.assertEqual(after[what], there, what)

        bare = self.stopped()
        seen(f"what launcher and agent leave when they are stopped: {bare}")
        self.assertEqual(set(bare.values()), {0}, bare)

    def stopped(self):
        """What is left when launcher and agent have been told to stop; they are started again."""
        for program in (AGENT, LAUNCHER):
            running_lab.stop(program)
        left = {"processes": sum(len(processes(name)) for name in ("edge-launcher", "edge-agent", "edge-probe")),
                "groups": len(groups()),
                "rules and routes": sum("proto 237" in line for line in network()),
                "nft tables": sum("edge_launcher" in line for line in network()),
                "programs": self.programs_left()}
        for program in (LAUNCHER, AGENT):
            running_lab.start(program)
        self.wait_all_up()
        return left

    def programs_left(self):
        """The kernel frees them a moment after the last socket that they hold."""
        try:
            self.api.wait(lambda: not self.bpf.loaded() & self.programs, 20, "no program")
        except TimeoutError:
            return len(self.bpf.loaded() & self.programs)
        return 0


if __name__ == "__main__":
    unittest.main(verbosity=2)
