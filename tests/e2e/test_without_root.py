"""A launcher that an ordinary user starts beside its agent, end to end in the lab: its user does as he is told, and each result is honest."""
import json
import os
import re
import select
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import running_lab  # noqa: E402
from api import Api  # noqa: E402
from running_lab import AGENT, DIRECTORY, LAUNCHER, NODE, on_node, text_of, write  # noqa: E402

FOLDER = f"{DIRECTORY}/{NODE}"
CONFIG = f"{FOLDER}/agent.toml"
LINES_FILE = f"{FOLDER}/lines.toml"
START_FILE = f"{DIRECTORY}/start/{LAUNCHER}"
LINES = {"telecom", "unicom", "mobile"}


def probe(service, target, *more):
    done = subprocess.run(["edgectl", service, target, "from", "all", *more, "-o", "json"], capture_output=True, text=True, timeout=60, check=False)
    return {answer["line"]["name"]: answer for answer in json.loads(done.stdout)}


def lines_up(enforced_by):
    lines = Api().get(f"/api/v1/nodes/{NODE}").get("lines", [])
    return {line["name"] for line in lines if line["state"] == "up" and line["enforced_by"] == enforced_by}


def wait_for_lines(enforced_by):
    Api().wait(lambda: lines_up(enforced_by) == LINES, 60, f"all lines up, held by {enforced_by}")


def processes_of(uid):
    """Those that live: pid, name."""
    shown = subprocess.run(["ps", "-o", "pid=,stat=,comm=", "-u", str(uid)], capture_output=True, text=True, check=False).stdout
    words = [line.split() for line in shown.splitlines()]
    return {int(pid): name for pid, state, name in words if not state.startswith("Z")}


class WithoutRoot(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        """The node's launcher is its agent's user's from here on; what it prints is typed in, by root."""
        start, lines = text_of(START_FILE), text_of(LINES_FILE)
        cls.uid = int(re.search(r" --agent-uid (\d+) ", start)[1])
        os.chown(f"{FOLDER}/run", cls.uid, cls.uid)
        command = re.sub(r" --agent-uid .*? --probe ", " --guard cooperative --cgroup none --probe ", start)
        command = re.sub(r" --state \S+", "", command).replace(
            " -- ", f" -- setpriv --reuid={cls.uid} --regid={cls.uid} --clear-groups --bounding-set=-all -- ", 1)
        running_lab.stop(LAUNCHER)
        write(START_FILE, command)
        write(LINES_FILE, lines.replace('routes = "managed"\n', ""))
        told = len(running_lab.log(LAUNCHER))
        running_lab.start(LAUNCHER)
        Api().wait(lambda: " ready " in running_lab.log(LAUNCHER)[told:], 60, "the launcher")
        cls.said = running_lab.log(LAUNCHER)[told:]
        cls.commands = re.findall(r'line_incomplete line=.* todo="(ip .*)"', cls.said)

        def back():
            running_lab.stop(LAUNCHER)
            for one in cls.commands:
                on_node("sh", "-c", one.replace(" add ", " del "))
            os.chown(f"{FOLDER}/run", 0, 0)
            write(START_FILE, start)
            write(LINES_FILE, lines)
            running_lab.start(LAUNCHER)
            wait_for_lines("bpf")
        cls.addClassCleanup(back)
        for one in cls.commands:
            on_node("sh", "-c", one, check=True)

    def setUp(self):
        wait_for_lines("cooperative")

    def test_probers_leave_by_their_line_and_every_result_says_what_held_them(self):
        self.assertRegex(self.said, 'limits_absent why="not root" not_held="cpu, memory, processes"')
        before = len(running_lab.nginx_requests())
        answers = probe("http", "http://www.lab.test/", "--require-level", "cooperative")
        logged = [request["remote_addr"] for request in running_lab.nginx_requests()[before:]]
        self.assertEqual(sorted(answer["evidence"]["src_addr"] for answer in answers.values()), sorted(logged))
        for service, target in (("http", "http://www.lab.test/"), ("ping", "198.51.100.20"), ("ping", "2001:db8:ffff::20"), ("dns", "www.lab.test")):
            answers = probe(service, target)
            self.assertEqual(set(answers), LINES)
            for line, answer in answers.items():
                evidence = answer["evidence"]
                self.assertIn(answer["status"], ("ok", "partial"), answer)  # the lab's wires lose a packet now and then
                self.assertEqual((evidence["enforced_by"], evidence["fwmark"], evidence["ifname"]), ("cooperative", 0, line))
                self.assertTrue(evidence["verified"], evidence)

    def test_a_way_that_is_not_the_lines_is_told_at_once_fails_results_and_doctor_finds_it(self):
        rule = next(one for one in self.commands if re.match(r"ip rule add oif unicom ", one))
        on_node("ip", "route", "add", "default", "dev", "unicom", "metric", "4000", check=True)
        self.addCleanup(on_node, "ip", "route", "del", "default", "dev", "unicom", "metric", "4000")
        on_node("sh", "-c", rule.replace(" add ", " del "), check=True)
        self.addCleanup(on_node, "sh", "-c", rule, check=True)
        def unicom():
            return next(line for line in Api().get(f"/api/v1/nodes/{NODE}")["lines"] if line["name"] == "unicom")
        Api().wait(lambda: unicom()["state"] == "degraded", 5, "the line, without IPv4")  # it is asked every 30 s otherwise
        self.assertIn("by unicom from table 254, not unicom from 102", unicom()["reason"])
        answer = probe("ping", "198.51.100.20")["unicom"]
        self.assertEqual((answer["status"], answer.get("failure", {}).get("source")), ("failed", "line"), answer)
        self.assertFalse(answer["evidence"]["verified"])
        failed = self.failed()
        self.assertEqual([(one["about"], one["fix"]) for one in failed], [("line unicom", rule)], failed)
        self.assertEqual(failed[0]["what"], "IPv4 does not go by table 102: a rule is missing")

    def test_what_is_missing_doctor_says_with_the_launchers_command_which_mends_it(self):
        """A rule by device, a rule by address, a default route: of another line and family each."""
        missing = {"line unicom": next(one for one in self.commands if one.startswith("ip rule add oif unicom ")),
                   "line mobile": next(one for one in self.commands if one.startswith("ip -6 rule add from ") and one.endswith(" 103")),
                   "line telecom": next(one for one in self.commands if one.startswith("ip route add default ") and one.endswith(" 101"))}
        told = len(running_lab.log(LAUNCHER))
        for command in missing.values():
            undo = command.replace(" add ", " del ")
            on_node("sh", "-c", undo, check=True)
            self.addCleanup(on_node, "sh", "-c", f"{undo}; {command}")  # the kernel takes a rule twice
        Api().wait(lambda: all(f'todo="{one}"' in running_lab.log(LAUNCHER)[told:] for one in missing.values()), 30, "line_incomplete")
        failed = self.failed()
        self.assertEqual({one["about"]: one["fix"] for one in failed}, missing, failed)
        self.assertEqual(len(failed), 3, failed)
        for finding in failed:
            on_node("sh", "-c", finding["fix"], check=True)
        self.assertEqual(self.failed(), [])

    def test_wider_rules_and_routes_that_have_the_same_effect_lack_nothing(self):
        swaps = {next(one for one in self.commands if one.startswith("ip rule add from 100.65.1.2 ")): ["ip rule add from 100.65.1.0/24 lookup 101 pref 900"],
                 next(one for one in self.commands if re.match(r"ip route add default .* table 101$", one)):
                     [one.replace("default", half) for one in self.commands if re.match(r"ip route add default .* table 101$", one) for half in ("0.0.0.0/1", "128.0.0.0/1")]}
        for exact, wider in swaps.items():
            for one in wider:
                on_node("sh", "-c", one, check=True)
                self.addCleanup(on_node, "sh", "-c", one.replace(" add ", " del "))
            on_node("sh", "-c", exact.replace(" add ", " del "), check=True)
            self.addCleanup(on_node, "sh", "-c", exact, check=True)
        told = len(running_lab.log(LAUNCHER))
        self.assertEqual(self.failed(), [])
        self.assertNotIn("line_incomplete", running_lab.log(LAUNCHER)[told:])
        self.assertTrue(probe("http", "http://www.lab.test/")["telecom"]["evidence"]["verified"])

    def failed(self):
        return [finding for finding in self.doctor()["findings"] if finding["level"] == "fail"]

    def doctor(self):
        done = on_node("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "edge-agent", "doctor", "--json", "--config", CONFIG)
        return json.loads(done.stdout)

    def test_doctor_and_the_site_report_say_what_it_holds(self):
        diagnosis = self.doctor()
        self.assertEqual([finding for finding in diagnosis["findings"] if finding["level"] == "fail"], [])
        self.assertEqual(diagnosis["level"], "cooperative")
        said = " | ".join(f"{finding['about']}: {finding['what']}" for finding in diagnosis["findings"])
        for fact in ("launcher: an ordinary user's, without a capability", "nothing limits the cpu, memory and processes of its workers",
                     "attempts to use up the machine were not tried", "level cooperative does not hold a prober"):
            self.assertIn(fact, said)
        tried, blocked, not_held = map(int, re.search(r"escape: (\d+) tried, (\d+) blocked, (\d+) not held at level cooperative, 0 escaped", said).groups())
        self.assertEqual(tried, blocked + not_held)
        self.assertGreater(not_held, 5)
        self.assertIn(f"escape: {not_held} attempts to leave the line", said)
        page = self.page()
        for fact in ("- `telecom`: telecom 100.65.1.2 2001:db8:1:1::2, table 101, cooperative: held by routes, and by edge-probe", f"- uid {self.uid}: edge-launcher's and each worker's as well",
                     f"pid {running_lab.pid(LAUNCHER)}, `/"):
            self.assertIn(fact, page)
        for claim in ("held by cooperative", "userdel", "--cleanup", "MiB", "mark 0x", "proto 237", "/run/edge-launcher"):
            self.assertNotIn(claim, page)

    def page(self):
        return on_node("setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "edge-agent", "site-report", "--config", CONFIG,
                       check=True).stdout

    def test_what_root_added_the_site_report_undoes_and_says_that_it_takes_root(self):
        def added():
            return [line for table in (101, 102, 103) for words in (f"-4 rule show table {table}", f"-6 rule show table {table}",
                                                                    f"-4 route show table {table}", f"-6 route show table {table}")
                    for line in on_node("ip", *words.split()).stdout.splitlines()]
        self.assertEqual(len(added()), len(self.commands))
        others = ("rule add fwmark 7 lookup 101", "route add 203.0.113.0/24 dev telecom table 101")
        for one in others:
            on_node("ip", *one.split(), check=True)
            self.addCleanup(on_node, "ip", *one.replace(" add ", " del ").split())
        page = self.page()
        for one in others:
            on_node("ip", *one.replace(" add ", " del ").split(), check=True)
        undo = re.findall(r"undo, as root: `(ip .*)`", page)
        self.assertEqual(len(undo), len(self.commands), page)
        at_once = page.split("```")[1].strip().splitlines()
        self.assertEqual([f"# {one}" for one in undo], at_once[at_once.index("# as root, each that was added for EDGE alone:") + 1:])
        self.assertFalse([one for one in at_once if one.startswith("ip ")])
        self.assertFalse([one for one in at_once[:at_once.index("# as root:")] if one.startswith("sysctl ")])
        self.assertIn("undo, as root: `rm ", page)  # the programs, which are another's
        self.assertIn(f"  undo, as root: `rm {LINES_FILE}`", page)  # the lab's folder is root's
        for command in self.commands:
            self.addCleanup(on_node, "sh", "-c", command, check=True)
        for command in undo:
            done = on_node("sh", "-c", command)
            self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
        self.assertEqual(added(), [])

    def test_a_launcher_that_is_killed_leaves_nothing_that_runs(self):
        launcher, agent = running_lab.pid(LAUNCHER), running_lab.pid(AGENT)
        self.addCleanup(running_lab.start, LAUNCHER)
        handles = [os.pidfd_open(pid) for pid in processes_of(self.uid) if pid != agent]
        self.assertGreaterEqual(len(handles), 5)  # launcher, spawner, a worker on each line
        os.kill(launcher, signal.SIGKILL)
        for handle in handles:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            self.assertTrue(poll.poll(30_000))
            os.close(handle)
        self.assertEqual(set(processes_of(self.uid)), {agent})
        Api().wait(lambda: not lines_up("cooperative"), 60, "lines without a launcher")


if __name__ == "__main__":
    unittest.main(verbosity=2)
