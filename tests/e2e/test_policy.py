"""A node's policy, at the broker and at the node, and what a node tells of itself: in the lab."""
import json
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import running_lab  # noqa: E402
from api import Api, Refused  # noqa: E402

LINES = {"telecom", "unicom", "mobile"}


def edgectl(*arguments, expect=0):
    done = subprocess.run(["edgectl", *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != expect:
        raise AssertionError(f"edgectl {' '.join(arguments)}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
    return done


class ThePolicyIsKnownUpstream(unittest.TestCase):
    def setUp(self):
        self.api = Api()
        self.policy = self.api.wait(lambda: self.api.get(f"/api/v1/nodes/{running_lab.NODE}").get("policy"), 30, "the node's policy")

    def test_the_node_tells_what_it_lends_and_where_its_broker_is(self):
        self.assertEqual(self.policy["services"], ["dns", "http", "ping"])
        self.assertEqual(self.policy["targets"]["ports"], [53, 80, 443])
        self.assertIn("198.51.100.0/24", self.policy["targets"]["allow"])
        gateway = self.api.wait(
            lambda: self.api.get(f"/api/v1/nodes/{running_lab.NODE}")["policy"]["targets"]["deny"], 30, "the broker's address")
        self.assertEqual(gateway, ["10.90.0.1/32"])
        self.assertIn("dns, http, ping", edgectl("describe", "node", running_lab.NODE).stdout)

    def test_what_every_node_would_refuse_makes_no_task(self):
        runs = len(list(self.api.items("/api/v1/runs")))
        for service, params, why in (("http", {"target": "http://www.lab.test:8080/"}, "port 8080"),
                                     ("ping", {"target": "192.168.7.7"}, "a private network"),
                                     ("dns", {"target": "www.lab.test", "server": "127.0.0.1"}, "127.0.0.")):
            with self.assertRaises(Refused) as refused:
                self.api.start(service, "all", **params)
            self.assertEqual((refused.exception.status, refused.exception.problem["code"]), (422, "not_lent"))
            self.assertIn(why, refused.exception.problem["detail"])
            self.assertIn(f"{running_lab.NODE}/", refused.exception.problem["detail"])
        self.assertEqual(len(list(self.api.items("/api/v1/runs"))), runs)
        self.assertIn("192.168.7.7", edgectl("ping", "192.168.7.7", "from", "all", expect=8).stderr)

    def test_a_level_that_the_lines_have_is_met(self):
        answers = json.loads(edgectl("http", "http://www.lab.test/", "from", "all", "--require-level", "bpf-guard", "-o", "json").stdout)
        self.assertEqual({answer["line"]["name"] for answer in answers}, LINES)

    def test_usage_is_told_by_node_and_by_line(self):
        edgectl("ping", "198.51.100.10", "from", "telecom", "--count", "20", "--interval-ms", "10")
        usage = self.api.wait(lambda: self.usage(), 90, "usage of what was sent")
        self.assertGreater(usage["host"]["memory_bytes"], usage["host"]["memory_free_bytes"])
        self.assertEqual({line["name"] for line in usage["lines"]}, LINES)
        self.assertTrue(all(box["cpu_us"] > 0 for box in usage["sandboxes"]), usage["sandboxes"])
        nodes = json.loads(edgectl("top", "nodes", "-o", "json").stdout)
        self.assertEqual([one["node"]["name"] for one in nodes], [running_lab.NODE])
        lines = json.loads(edgectl("top", "lines", "--sort", "day", "-o", "json").stdout)
        day = [line["day_bytes"] for line in lines]  # the others ask how they do meanwhile, and send as well
        self.assertEqual(day, sorted(day, reverse=True))
        telecom, = [line for line in lines if line["name"] == "telecom"]
        self.assertGreaterEqual(telecom["day_bytes"], 20 * 84)
        self.assertIn("TODAY", edgectl("top", "lines").stdout)

    def usage(self):
        """Once a whole interval with the pings in it was told."""
        try:
            usage = self.api.get(f"/api/v1/nodes/{running_lab.NODE}/usage")
        except Refused:
            return None
        telecom = [line for line in usage["lines"] if line["name"] == "telecom"]
        return usage if telecom and telecom[0]["day_bytes"] >= 20 * 84 and usage["sandboxes"] else None


class TheHostComesFirst(unittest.TestCase):
    def setUp(self):
        self.api = Api()

    def node(self):
        return self.api.get(f"/api/v1/nodes/{running_lab.NODE}")

    def set_threshold(self, percent):
        """The lab's policy has none, so that a busy machine fails no other test."""
        path = f"{running_lab.DIRECTORY}/{running_lab.NODE}/policy.toml"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"cpu_pressure_percent = \d+", f"cpu_pressure_percent = {percent}", text))
        running_lab.restart(running_lab.LAUNCHER, signal.SIGTERM)
        self.api.wait(lambda: self.node().get("policy", {}).get("host", {}).get("cpu_pressure_percent") == percent
                      and all(line["state"] == "up" for line in self.node()["lines"]), 60, "the new policy and its lines")

    def test_past_the_threshold_new_tasks_are_refused_as_busy_and_later_taken_again(self):
        burners = [subprocess.Popen(["nice", sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]
        try:
            self.set_threshold(1)
            busy = self.api.wait(lambda: self.node().get("busy"), 60, "the host to be busy")
            self.assertIn("cpu pressure", busy)
            self.assertIn("connected, busy", edgectl("get", "nodes").stdout)
            answers = json.loads(edgectl("ping", "198.51.100.10", "from", "all", "--count", "1", "-o", "json", expect=3).stdout)
            self.assertEqual({(answer["status"], answer["failure"]["source"], answer["failure"]["code"]) for answer in answers},
                             {("refused", "agent", "busy")})
        finally:
            for burner in burners:
                burner.kill()
                burner.wait()
        self.set_threshold(0)
        self.api.wait(lambda: "busy" not in self.node(), 90, "the host to be free")
        edgectl("http", "http://www.lab.test/", "from", "all")


if __name__ == "__main__":
    unittest.main(verbosity=2)
