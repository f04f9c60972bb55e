"""How lines do, end to end: what is broken in the lab, what the broker then says, and who is still served."""
import json
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import running_lab  # noqa: E402
from api import Api, Refused  # noqa: E402

CONFIG = f"{running_lab.DIRECTORY}/{running_lab.NODE}/agent.toml"
SOCKET = f"{running_lab.DIRECTORY}/{running_lab.NODE}/run/launcher.sock"
PREFIXES = f"{running_lab.DIRECTORY}/{running_lab.NODE}/prefixes.txt"
RIGHT = """# As the lab's carriers are.
100.65.0.0/16 AS4134 ct
100.66.0.0/16 AS4837 cu
100.67.0.0/16 AS9808 cm
2001:db8:1::/48 AS4134 ct
2001:db8:2::/48 AS4837 cu
2001:db8:3::/48 AS9808 cm
"""
# Three questions of two seconds, and a second until the first; a machine that is busy with other things.
SOON_S = 40
api = Api()


def write_prefixes(text):
    """Replaced whole, as an operator should."""
    with open(f"{PREFIXES}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(f"{PREFIXES}.new", PREFIXES)


def setUpModule():
    """The lab's interval is what a node in the field has; nobody waits so long here."""
    write_prefixes(RIGHT)
    with open(CONFIG, encoding="utf-8") as file:
        text = file.read()
    with open(CONFIG, "w", encoding="utf-8") as file:
        file.write(text.replace("[health]\n", f'[health]\ninterval_ms = 1000\nprefix_file = "{PREFIXES}"\n'))
    running_lab.restart(running_lab.AGENT, signal.SIGTERM)
    api.wait(lambda: all(line.get("health", {}).get("identity") == "match" and all_ok(line) for line in lines().values()),
             SOON_S, f"every check of every line to be answered: {json.dumps(lines())}")


def lines():
    return {line["name"]: line for line in api.items("/api/v1/lines")}


def all_ok(line):
    return all(check["state"] == "ok" for check in line["health"]["checks"])


def until(name, within_s=SOON_S, **wanted):
    """The line, once it has these members; how it was otherwise."""
    def found():
        line = lines()[name]
        return all(line.get(key) == value for key, value in wanted.items()) and line
    try:
        return api.wait(found, within_s, f"{name} to have {wanted}")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {json.dumps(lines()[name], indent=1)}\n{running_lab.log(running_lab.AGENT)[-3000:]}") from error


def check(line, what, target=None):
    return next(c for c in line["health"]["checks"] if c["what"] == what and target in (None, c["target"]))


def events(name, kind):
    """Of a line, oldest first, as (was, became, reason)."""
    found = [e for e in api.items(f"/api/v1/nodes/{running_lab.NODE}/events") if e.get("line") == name and e["kind"] == kind]
    return [(e.get("was"), e["became"], e["reason"]) for e in reversed(found)]


def wait_for_event(name, kind, event):
    """A state is told at once, its event when it is stored."""
    try:
        api.wait(lambda: event in events(name, kind), SOON_S, f"{event}")
    except TimeoutError as error:
        raise AssertionError(f"{error} among {events(name, kind)}") from error


def probe(name):
    return api.probe("ping", name, target="ping.lab.test", count=1)["results"][0]


class Healthy(unittest.TestCase):
    def test_every_line_tells_what_was_asked_of_it_and_the_address_it_leaves_by(self):
        line = api.wait(lambda: (now := lines()["telecom"])["health"]["egress"] == now["addresses"] and now, SOON_S,
                        "both egress addresses of telecom")
        self.assertEqual((line["state"], line["reason"]), ("up", ""))
        asked = [(c["what"], c["how"]) for c in line["health"]["checks"]]
        # A gateway is asked by ping until it has refused one, and from then on looked up among the neighbours.
        self.assertEqual(sorted(set(asked) - {("gateway", "ping"), ("gateway", "neighbour")}),
                         [("anchor", "ping"), ("egress", "http over IPv4"), ("egress", "http over IPv6"), ("resolver", "dns"), ("route", "lookup")])
        self.assertEqual(len(asked), 10)  # of each family one
        self.assertEqual(line["health"]["origin"], "AS4134 ct")

    def test_none_of_it_is_a_run_of_the_brokers(self):
        self.assertEqual({run["target"] for run in api.items("/api/v1/runs")} - {"ping.lab.test"}, set())


class Broken(unittest.TestCase):
    def assert_others_serve(self, broken):
        for name in sorted({"telecom", "unicom", "mobile"} - {broken}):
            answer = probe(name)
            self.assertNotIn(answer.get("failure", {}).get("source"), ("line", "agent"), answer)
            self.assertTrue(answer["evidence"]["verified"], answer)

    def test_a_pulled_cable_is_down_at_once_and_back_at_once(self):
        running_lab.cable("pull", "telecom")
        try:
            line = until("telecom", within_s=5, state="down")
            self.assertEqual(line["reason"], "no carrier on the device")
            answer = probe("telecom")
            self.assertEqual((answer["failure"]["source"], answer["failure"]["code"]), ("line", "link_down"))
            by_hand = json.loads(running_lab.on_node("edge-probe", "ping", "198.51.100.20", "--line", "telecom", "--launcher", SOCKET, "-o", "json").stdout)
            self.assertEqual(by_hand["failure"]["text"], "line telecom is down: no carrier on the device")
            self.assert_others_serve("telecom")
        finally:
            running_lab.cable("plug", "telecom")
        until("telecom", state="up", reason="")
        wait_for_event("telecom", "line_state", ("up", "down", "no carrier on the device"))

    def test_an_address_that_goes_is_told_at_once(self):
        address = lines()["mobile"]["addresses"][0]
        running_lab.on_node("ip", "addr", "del", f"{address}/24", "dev", "mobile", check=True)
        try:
            self.assertEqual(until("mobile", state="degraded")["reason"], f"address {address} is not on mobile")
        finally:
            running_lab.on_node("ip", "addr", "add", f"{address}/24", "dev", "mobile", check=True)
        until("mobile", state="up", reason="")

    def test_a_resolver_that_stops_degrades_its_line_and_no_other(self):
        resolver = running_lab.pid("resolver-unicom")
        os.kill(resolver, signal.SIGSTOP)
        try:
            line = until("unicom", state="degraded")
            self.assertRegex(line["reason"], r"^resolver \S+ does not answer: timeout")
            self.assertEqual(check(line, "anchor")["state"], "ok")
            self.assertEqual({n: l["state"] for n, l in lines().items()}, {"telecom": "up", "mobile": "up", "unicom": "degraded"})
            self.assert_others_serve("unicom")
        finally:
            os.kill(resolver, signal.SIGCONT)
            until("unicom", state="up", reason="")
        api.wait(lambda: [became for _, became, _ in events("unicom", "line_state")[-2:]] == ["degraded", "up"], SOON_S,
                 "both events")

    def test_a_line_behind_which_nothing_answers_is_down_though_its_link_is_up(self):
        resolver = running_lab.pid("resolver-mobile")
        os.kill(resolver, signal.SIGSTOP)
        running_lab.in_network("mobile", "ip", "link", "set", "core", "down", check=True)
        try:
            line = until("mobile", state="down")
            self.assertIn("does not answer", line["reason"])
            self.assertEqual(check(line, "gateway")["state"], "ok")
            began = time.monotonic()
            answer = probe("mobile")
            self.assertLess(time.monotonic() - began, 2, "refused at once, not after a timeout")
            self.assertEqual((answer["failure"]["source"], answer["failure"]["code"]), ("line", "line_down"))
            self.assert_others_serve("mobile")
        finally:
            os.kill(resolver, signal.SIGCONT)
            running_lab.in_network("mobile", "sh", "-c", "ip link set core up; ip route replace default via 100.67.254.2; "
                                   "ip -6 route replace default via 2001:db8:3:fffe::2", check=True)
        until("mobile", state="up", reason="")
        self.assertEqual(probe("mobile")["status"], "ok")

    def test_a_line_that_leaves_by_another_carrier_is_a_mismatch_and_degraded(self):
        write_prefixes(RIGHT.replace("AS4837 cu", "AS9808 cm"))
        try:
            line = until("unicom", state="degraded")
            self.assertEqual(line["health"]["identity"], "mismatch")
            self.assertRegex(line["reason"], r"^should leave by cu, leaves by AS9808 cm as (100\.66\.1\.2|2001:db8:2:1::2)$")
            wait_for_event("unicom", "line_identity", ("match", "mismatch", "AS9808 cm"))
            self.assertEqual(lines()["telecom"]["health"]["identity"], "match")
            self.assertEqual(probe("unicom")["evidence"]["verified"], True)  # it still serves
        finally:
            write_prefixes(RIGHT)
            until("unicom", state="up", reason="")
        self.assertIn("line_degraded line=unicom", running_lab.log(running_lab.AGENT))
        self.assertIn("line.identity", running_lab.log(running_lab.BROKER))

    def test_a_line_that_is_disabled_drains_and_comes_back_when_it_is_enabled(self):
        def reload(disabled):
            with open(CONFIG, encoding="utf-8") as file:
                text = file.read().replace('\n[lines]\ndisabled = ["mobile"]\n', "")
            with open(CONFIG, "w", encoding="utf-8") as file:
                file.write(text + ('\n[lines]\ndisabled = ["mobile"]\n' if disabled else ""))
            os.kill(running_lab.pid(running_lab.AGENT), signal.SIGHUP)

        run = api.start("ping", "mobile", target="ping.lab.test", count=20, interval_ms=100)
        api.wait(lambda: api.get(f"/api/v1/runs/{run['id']}/tasks")["items"][0]["state"] == "running", SOON_S, "the task to run")
        reload(True)
        try:
            self.assertEqual(until("mobile", state="draining")["reason"], "agent.toml says so; 1 task is still running")
            with self.assertRaises(Refused) as refused:
                probe("mobile")
            self.assertEqual(refused.exception.problem["code"], "not_lent")
            self.assertIn("gz-1/mobile: the line is draining: agent.toml says so", refused.exception.problem["detail"])
            others = api.post("/api/v1/jobs", {"service": "ping", "params": {"target": "ping.lab.test", "count": 1}, "selector": "all"})
            self.assertEqual([one["line"]["name"] for one in others["left_out"]["lines"]], ["mobile"])
            until("mobile", state="disabled")
            ended = api.wait_run(run["id"])
            self.assertEqual(ended["tasks"]["succeeded"], 1, ended)
        finally:
            reload(False)
        until("mobile", state="up", reason="")
        self.assertIn(probe("mobile")["status"], ("ok", "partial"))

    def test_a_reload_of_a_file_that_is_wrong_changes_nothing_and_is_told(self):
        with open(CONFIG, encoding="utf-8") as file:
            good = file.read()
        with open(CONFIG, "a", encoding="utf-8") as file:
            file.write("\n[lynes]\n")
        try:
            os.kill(running_lab.pid(running_lab.AGENT), signal.SIGHUP)
            api.wait(lambda: "not_reloaded" in running_lab.log(running_lab.AGENT), SOON_S, "the mistake to be told")
        finally:
            with open(CONFIG, "w", encoding="utf-8") as file:
                file.write(good)
        self.assertEqual(lines()["telecom"]["state"], "up")

    def test_a_broker_that_restarts_makes_no_line_worse_and_keeps_what_it_knew(self):
        before = api.wait(lambda: events("telecom", "line_identity"), SOON_S, "whose network the line is in")
        running_lab.restart(running_lab.BROKER)
        api.wait(lambda: api.get(f"/api/v1/nodes/{running_lab.NODE}")["state"] == "connected", SOON_S, "the agent to come back")
        until("telecom", state="up", reason="")
        self.assertEqual(events("telecom", "line_identity"), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
