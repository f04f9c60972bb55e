"""What three bombs in a sandbox of one line do to the rest of the node: how late the agent answers, and pings of another line, without
and with them in turn.

The agent is asked for a line that is down, which it refuses by itself: the way there and back is a heartbeat's, and no worker's.
Run in the lab without wires."""
# lab: --cpu-first
import contextlib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402
from api import Api  # noqa: E402

BOMBS = ("fork-bomb", "memory-bomb", "spin")
BOMBED, DOWN, OTHER = "telecom", "mobile", "unicom"
TARGET = "198.51.100.10"
ROUNDS = int(os.environ.get("EDGE_ROUNDS", "2"))
PINGS = {"count": 100, "interval_ms": 20}
QUESTIONS = 50


@contextlib.contextmanager
def exploding(bomb):
    """The bomb again and again, each time in a sandbox made anew."""
    socket = f"{running_lab.DIRECTORY}/{running_lab.NODE}/run/launcher.sock"
    process = subprocess.Popen(["lab-in", running_lab.NODE, "guard-cost", "bomb", socket, BOMBED, bomb], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "lit\n":
        sys.exit(f"bombs: {bomb} did not begin")
    try:
        yield
        if process.poll() is not None:
            sys.exit(f"bombs: {bomb} ended by itself")
    finally:
        process.stdin.close()
        process.wait(30)


def pings(api):
    """Round trips from the other line, in ms."""
    run = api.probe("ping", OTHER, target=TARGET, **PINGS)
    result, = run["results"]
    if result["status"] != "ok":
        sys.exit(f"bombs: a probe of another line ended {result['status']}: {result.get('failure')}")
    whole = api.get(f"/api/v1/results/{result['id']}")
    return [reply["rtt_us"] / 1000 for reply in whole["detail"]["replies"]]


def answers(api):
    """How long the agent takes to answer, in ms."""
    took = []
    for _ in range(QUESTIONS):
        began = time.monotonic()
        run = api.probe("ping", DOWN, target=TARGET)
        took.append((time.monotonic() - began) * 1000)
        if (failure := run["results"][0].get("failure", {})).get("source") != "line":
            sys.exit(f"bombs: {DOWN} is down, and its probe failed otherwise: {failure}")
    return took


def p95(values):
    return sorted(values)[len(values) * 95 // 100]


def main():
    api = Api()
    running_lab.on_node("ip", "link", "set", DOWN, "down", check=True)
    api.wait(lambda: [line for line in api.items("/api/v1/lines") if line["name"] == DOWN and line["state"] == "down"], 20,
             f"{DOWN} to be down")
    rtt, answer = {None: []}, {None: []}
    for _ in range(ROUNDS):
        for bomb in BOMBS:
            rtt[None] += pings(api)
            answer[None] += answers(api)
            with exploding(bomb):
                rtt.setdefault(bomb, []).extend(pings(api))
                answer.setdefault(bomb, []).extend(answers(api))
    print(f"bombs.agent_p95_quiet {p95(answer[None]):.2f} ms -")
    print(f"bombs.ping_p95_quiet {p95(rtt[None]):.2f} ms -")
    for bomb in BOMBS:
        print(f"bombs.{bomb}_agent_late {p95(answer[bomb]) - p95(answer[None]):.2f} ms <=50")
        print(f"bombs.{bomb}_ping_more {p95(rtt[bomb]) - p95(rtt[None]):.2f} ms <=1")


main()
