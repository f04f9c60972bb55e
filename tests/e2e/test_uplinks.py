"""The agent's link over its lines, end to end: it leaves by the line that it names, goes over another when that is cut, and back; what the
node's kernel counted on each device is the oracle."""
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import running_lab  # noqa: E402
from api import Api  # noqa: E402
from running_lab import AGENT, BROKER, DIRECTORY, NODE, in_network, on_node, text_of, write  # noqa: E402

CONFIG = f"{DIRECTORY}/{NODE}/agent.toml"
BROKER_CONFIG = f"{DIRECTORY}/broker/broker.toml"
LINES = ("telecom", "unicom", "mobile")
ADDRESSES = {"telecom": "100.65.1.2", "unicom": "100.66.1.2", "mobile": "100.67.1.2"}
PORT = 7443
WITHIN_S = 45
STEADY_S = 6
api = Api()

COUNTERS = "table inet link_seen {\n" + "".join(
    f"  counter {device} {{ }}\n" for device in (*LINES, "mgmt")) + "  chain out {\n    type filter hook postrouting priority 0;\n" + "".join(
    f"    oifname {device} tcp dport {PORT} counter name {device}\n" for device in (*LINES, "mgmt")) + "  }\n}\n"
HOLE = f"""table inet hole {{
  chain through {{
    type filter hook forward priority 0
    tcp dport {PORT} drop
    tcp sport {PORT} drop
  }}
}}
"""


def setUpModule():
    write(BROKER_CONFIG, re.sub(r'(?<=\[gateway\]\n)((?:.*\n)*?)listen = "[^"]*"', rf'\1listen = "[::]:{PORT}"', text_of(BROKER_CONFIG), count=1))
    running_lab.restart(BROKER, signal.SIGTERM)
    write(CONFIG, text_of(CONFIG) + f'''[link]
first_retry_ms = 500
brokers = ["https://echo.lab.test:{PORT}"]
uplinks = {json.dumps(LINES)}
better_steady_ms = {STEADY_S * 1000}
better_every_ms = 0
''')
    on_node("nft", "-f", "-", input=COUNTERS, check=True)
    running_lab.restart(AGENT, signal.SIGTERM)
    until(lambda: uplink() == "telecom", "telecom carries the link")


def uplink():
    node = api.get(f"/api/v1/nodes/{NODE}")
    return node.get("uplink", {}).get("name") if node["state"] == "connected" else None


def until(condition, what, within_s=90):
    try:
        return api.wait(condition, within_s, what)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{running_lab.log(AGENT)[-4000:]}") from error


def counted():
    """Packets of the link that left by each device."""
    told = json.loads(on_node("nft", "-j", "list", "counters", "table", "inet", "link_seen", check=True).stdout)
    return {one["counter"]["name"]: one["counter"]["packets"] for one in told["nftables"] if "counter" in one}


def uplink_events():
    return [event for event in api.items(f"/api/v1/nodes/{NODE}/events") if event["kind"] == "uplink"]


def disconnections():
    return sum(event["kind"] == "disconnected" for event in api.items(f"/api/v1/nodes/{NODE}/events"))


def peers():
    """Where the broker's sessions come from."""
    shown = in_network("broker", "ss", "-Htn", "state", "established", "sport", f"= :{PORT}").stdout
    return {re.sub(r"^\[?(?:::ffff:)?([^\]]*)\]?:\d+$", r"\1", line.split()[3]) for line in shown.splitlines()}


class Uplinks(unittest.TestCase):
    def setUp(self):
        until(lambda: uplink() == "telecom", "telecom carries the link", 120)

    def ask(self):
        """Tasks on the lines that are not cut, begun now."""
        return [api.start("ping", f"node:{NODE} line:{line}", target="198.51.100.20", count=1, timeout_ms=3000)["id"]
                for line in ("unicom", "mobile") for _ in range(10)]

    def settle(self, runs):
        lost = doubled = told = 0
        for run in runs:
            finished = api.wait_run(run, 120)
            results = list(api.items(f"/api/v1/runs/{run}/results"))
            tasks = [result["task_id"] for result in results]
            told += len(results)
            lost += finished["tasks"]["total"] - len(set(tasks))
            doubled += len(tasks) - len(set(tasks))
        print(f"{told} results, {lost} lost, {doubled} doubled", flush=True)
        self.assertEqual((lost, doubled), (0, 0))

    def test_it_leaves_by_the_named_line_and_is_told_everywhere(self):
        before = counted()
        api.probe("ping", f"node:{NODE} line:unicom", target="198.51.100.20", count=1)
        after = counted()
        self.assertGreater(after["telecom"], before["telecom"])
        self.assertEqual({name: after[name] - before[name] for name in ("unicom", "mobile", "mgmt")}, {"unicom": 0, "mobile": 0, "mgmt": 0})
        self.assertEqual(peers(), {ADDRESSES["telecom"]})
        node = api.get(f"/api/v1/nodes/{NODE}")["uplink"]
        self.assertEqual((node["broker"], node["bound"]), (f"echo.lab.test:{PORT}", "launcher"))
        shown = subprocess.run(["edgectl", "describe", "node", NODE], capture_output=True, text=True, check=True).stdout
        self.assertRegex(shown, rf"uplink +telecom to echo\.lab\.test:{PORT}, bound by edge-launcher")
        self.assertRegex(subprocess.run(["edgectl", "get", "nodes", "-o", "wide"], capture_output=True, text=True, check=True).stdout, "UPLINK")
        doctor = json.loads(on_node("edge-agent", "doctor", "--json", "--config", CONFIG).stdout)
        self.assertIn(f"the link's last session is over telecom to echo.lab.test:{PORT}, bound: launcher",
                      " | ".join(finding["what"] for finding in doctor["findings"] if finding["about"] == "uplink"))

    def failover(self, cut, mend, what, within_s):
        events, gone = len(uplink_events()), disconnections()
        runs = self.ask()
        cut()
        began = time.monotonic()
        runs += self.ask()
        until(lambda: uplink() not in (None, "telecom"), f"another line carries the link after {what}")
        took = time.monotonic() - began
        now = uplink()
        before = counted()
        runs += self.ask()
        self.settle(runs)
        after = counted()
        self.assertGreater(after[now], before[now])
        self.assertEqual(after["mgmt"], before["mgmt"])
        self.assertIn(ADDRESSES[now], peers())
        print(f"{what}: over {now} after {took:.1f} s", flush=True)
        self.assertLessEqual(took, within_s)
        event = until(lambda: len(told := uplink_events()) > events and told[0], "an event")
        self.assertEqual((event["was"], event["became"]), ("telecom", now))
        self.assertTrue(event["reason"].startswith("telecom: "), event)
        lost = disconnections()
        mend()
        healed = time.monotonic()
        runs = self.ask()
        until(lambda: uplink() == "telecom", "telecom carries the link again", 150)
        back = time.monotonic() - healed
        self.settle(runs + self.ask())
        print(f"{what}: back over telecom {back:.1f} s after it was mended", flush=True)
        self.assertGreaterEqual(back, STEADY_S)
        self.assertEqual(disconnections(), lost)  # the new session came first
        self.assertLessEqual(lost, gone + 1)

    def test_a_black_hole_behind_the_gateway_is_left_within_45_s(self):
        def cut():
            self.addCleanup(in_network, "telecom", "nft", "delete", "table", "inet", "hole")
            in_network("telecom", "nft", "-f", "-", input=HOLE, check=True)
        self.failover(cut, lambda: in_network("telecom", "nft", "delete", "table", "inet", "hole", check=True), "a black hole", WITHIN_S)

    def test_a_line_that_goes_down_is_left_at_once(self):
        self.addCleanup(running_lab.cable, "plug", "telecom")
        self.failover(lambda: on_node("ip", "link", "set", "telecom", "down", check=True),
                      lambda: on_node("ip", "link", "set", "telecom", "up", check=True), "a device that went down", 15)


if __name__ == "__main__":
    unittest.main(verbosity=2)
