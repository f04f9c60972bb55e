"""`edge-agent doctor` and `site-report` on a node of the lab: what is well, what is broken on purpose, and the commands they print."""
import json
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import running_lab  # noqa: E402
from running_lab import AGENT, DIRECTORY, LAUNCHER, NODE, on_node, site_page_with, text_of, write  # noqa: E402

CONFIG = f"{DIRECTORY}/{NODE}/agent.toml"


def doctor():
    """Its exit code and what it found."""
    done = subprocess.run(["lab-in", NODE, "edge-agent", "doctor", "--json", "--config", CONFIG], capture_output=True, text=True,
                          timeout=300, check=False)  # measured 15 s; sanitizers on a busy machine take more than a minute
    return done.returncode, json.loads(done.stdout)


def of_level(diagnosis, level):
    return [finding for finding in diagnosis["findings"] if finding["level"] == level]


class Doctor(unittest.TestCase):
    maxDiff = None

    def test_a_node_that_works_is_well_and_nothing_escapes(self):
        code, diagnosis = doctor()
        self.assertEqual(of_level(diagnosis, "fail"), [])
        self.assertEqual(code, 0)
        self.assertEqual(diagnosis["level"], "bpf-guard")
        escape = [finding["what"] for finding in diagnosis["findings"] if finding["about"] == "escape"]
        tried, blocked = re.fullmatch(r"(1\d\d) tried, (\d+) blocked, 0 not held at level bpf-guard, 0 escaped", escape[0]).groups()
        self.assertEqual(tried, blocked)
        policy = [finding for finding in of_level(diagnosis, "info") if finding["about"] == "line telecom"]
        self.assertEqual([one.get("fix", "") for one in policy], ["", ""])  # it is well so
        self.assertIn("its gateway is not pinged, since policy denies it: 100.65.1.1 is in 100.64.0.0/10, ", policy[0]["what"])
        about = {finding["about"] for finding in diagnosis["findings"]}
        self.assertLessEqual({"kernel", "broker", "agent", "launcher", "ping", "line telecom", "line unicom", "line mobile"}, about)

    def test_what_it_says_to_run_mends_it(self):
        """Ping forbidden, a link down: each is found, and its own command repairs it."""
        on_node("sysctl", "-qw", "net.ipv4.ping_group_range=1 0", check=True)
        on_node("ip", "link", "set", "mobile", "down", check=True)
        code, diagnosis = doctor()
        failed = {finding["about"]: finding for finding in of_level(diagnosis, "fail")}
        self.assertEqual((code, set(failed)), (1, {"ping", "line mobile"}), diagnosis)
        for finding in failed.values():
            on_node("sh", "-c", finding["fix"], check=True)
        code, diagnosis = doctor()
        self.assertEqual((code, of_level(diagnosis, "fail")), (0, []))

    def test_a_lost_address_and_a_device_that_is_gone_are_said_as_that(self):
        """Nothing of routes: what routes want is an address and a device."""
        addresses = ("addr add 100.66.1.2/24 dev unicom", "addr add 2001:db8:2:1::2/64 dev unicom nodad")

        def put_back():
            for words in ("link set elsewhere name unicom", "link set unicom up", *addresses, "addr add 100.67.1.2/24 dev mobile"):
                on_node("ip", *words.split())
        self.addCleanup(put_back)
        for words in ("addr del 100.67.1.2/24 dev mobile", "link set unicom down", "link set unicom name elsewhere"):
            on_node("ip", *words.split(), check=True)
        code, diagnosis = doctor()
        failed = {finding["about"]: (finding["what"], finding["fix"]) for finding in of_level(diagnosis, "fail")}
        self.assertEqual((code, failed), (1, {
            "line mobile": ("its address 100.67.1.2 is not on mobile", "ip address add 100.67.1.2/PREFIX dev mobile"),
            "line unicom": ("its device unicom is not there", "ip link show")}))
        self.assertIn('line_incomplete line=mobile todo="ip address add 100.67.1.2/PREFIX dev mobile"', running_lab.log(LAUNCHER))
        on_node("sh", "-c", failed["line mobile"][1].replace("PREFIX", "24"), check=True)
        put_back()
        self.assertEqual(of_level(doctor()[1], "fail"), [])

    def test_what_policy_allows_is_no_escape(self):
        file = f"{DIRECTORY}/{NODE}/policy.toml"
        before = text_of(file)

        def started_with(text):
            write(file, text)
            running_lab.restart(LAUNCHER, signal.SIGTERM)
            site_page_with("edge-launcher: pid ")
        self.addCleanup(started_with, before)
        started_with(before.replace("allow = [", 'allow = ["100.64.0.0/10", '))
        code, diagnosis = doctor()
        self.assertEqual((code, of_level(diagnosis, "fail")), (0, []))
        told = [finding["what"] for finding in of_level(diagnosis, "info") if finding["about"] == "escape"]
        self.assertEqual(told, ["metadata4 reaches 100.100.100.200: policy.toml allows 100.64.0.0/10",
                                "own-gateway reaches 100.65.1.1: policy.toml allows 100.64.0.0/10",
                                "other-gateway reaches 100.66.1.1: policy.toml allows 100.64.0.0/10"])
        (told,) = [finding["what"] for finding in of_level(diagnosis, "ok") if finding["about"] == "escape"]
        tried, blocked = re.fullmatch(r"(1\d\d) tried, (\d+) blocked, 3 allowed by policy.toml, 0 not held at level bpf-guard, 0 escaped", told).groups()
        self.assertEqual(int(tried), int(blocked) + 3)

    def test_a_state_that_is_not_there_is_not_a_matter_of_root(self):
        text = text_of(CONFIG)
        cases = ((re.sub("state_dir = .*", "", text), "/var/lib/edge-agent is not there, and agent.toml names no other state_dir"),
                 (re.sub("state_dir = .*", 'state_dir = "/nowhere/state"', text), "/nowhere/state is not there\n"))
        for config, what in cases:
            write(f"{DIRECTORY}/other.toml", re.sub("launcher = .*", 'launcher = "/nowhere/launcher.sock"', config))
            done = on_node("unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /var/lib && edge-agent doctor --config {DIRECTORY}/other.toml")
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(f"fail  broker: {what}", done.stdout)
            self.assertIn("      run: set [agent] state_dir of agent.toml to ", done.stdout)

    def test_a_stopped_agent_and_a_disabled_line_are_said(self):
        """Nothing else of the node is wrong then, and it does no work all the same."""
        with open(CONFIG, encoding="utf-8") as file:
            before = file.read()

        def put_back():
            with open(CONFIG, "w", encoding="utf-8") as file:
                file.write(before)
        self.addCleanup(running_lab.start, AGENT)
        self.addCleanup(put_back)
        self.assertNotIn("[lines]", before)
        with open(CONFIG, "a", encoding="utf-8") as file:
            file.write('\n[lines]\ndisabled = ["mobile", "telecm"]\n')
        running_lab.stop(AGENT)
        code, diagnosis = doctor()
        self.assertEqual((code, [finding["about"] for finding in of_level(diagnosis, "fail")]), (1, ["agent"]), diagnosis)
        said = {finding["about"]: finding["what"] for finding in of_level(diagnosis, "warn")}
        self.assertIn("takes no tasks: [lines] disabled", said["line mobile"])
        self.assertIn('lines.toml does not; did you mean "telecom"?', said["line telecm"])

    def test_without_a_launcher_it_says_so(self):
        done = on_node("sh", "-c", f"sed 's/^launcher = .*/launcher = \"\\/nowhere\\/launcher.sock\"/' {CONFIG} > {DIRECTORY}/other.toml && "
                                   f"edge-agent doctor --config {DIRECTORY}/other.toml")
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stdout, r"fail  launcher: /nowhere/launcher.sock.*\n      run: start edge-launcher")


class SiteReport(unittest.TestCase):
    maxDiff = None

    def page(self, language="en"):
        done = on_node("edge-agent", "site-report", "--lang", language, "--config", CONFIG)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def page_when_it_runs(self):
        return site_page_with("edge-agent: pid ", "edge-launcher: pid ")

    def test_every_rule_and_route_that_it_brought_is_there_and_its_command_undoes_it(self):
        def ours():
            shown = [on_node("ip", *words, check=True).stdout for words in (("-4", "rule"), ("-6", "rule"), ("-4", "route", "show", "table", "all"),
                                                                            ("-6", "route", "show", "table", "all"))]
            return [line for text in shown for line in text.splitlines() if " proto 237" in line]

        before = ours()
        page = self.page()
        undo = re.findall(r"undo: `(ip .*)`", page)
        self.assertEqual(len(undo), len(before), page)
        self.assertGreaterEqual(len(before), 12)  # for each of three lines and both families two rules by mark
        launcher = running_lab.pid(LAUNCHER)
        os.kill(launcher, signal.SIGSTOP)  # it puts back what somebody removes
        try:
            for command in undo:
                done = on_node("sh", "-c", command)
                self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
            self.assertEqual(ours(), [])
        finally:
            os.kill(launcher, signal.SIGCONT)
        for _ in range(200):  # each is a process, so this waits
            if sorted(ours()) == sorted(before):
                break
        self.assertEqual(sorted(ours()), sorted(before))

    def test_the_page_names_what_is_there_in_both_languages(self):
        group = os.environ["EDGE_LAB_CGROUP"]
        for language, word in (("en", "What EDGE has put on"), ("zh", "EDGE 在本机上的全部内容")):
            page = self.page(language)
            self.assertIn(word, page)
            for fact in ("telecom", "unicom", "mobile", "100.65.1.2", f"/{group}/line-telecom", "https://", f"{DIRECTORY}/{NODE}/state",
                         f"pid {running_lab.pid(LAUNCHER)}, `/", f"pid {running_lab.pid(AGENT)}, `/", f"`kill {running_lab.pid(AGENT)} ",
                         f"`{DIRECTORY}/{NODE}/lines.toml`", f"`{DIRECTORY}/{NODE}/policy.toml`", f"`{CONFIG}`",
                         f"`{DIRECTORY}/{NODE}/usage`", f"`{DIRECTORY}/{NODE}/run/launcher.sock`", f"`rmdir {DIRECTORY}/{NODE}/run`"):
                self.assertIn(fact, page)
            self.assertNotIn("systemctl", page)  # the lab has none
            self.assertNotIn("edge_launcher", page)  # BPF holds the lines

    def test_the_table_of_nftables_is_named_where_it_holds_the_lines_and_its_command_removes_it(self):
        start = f"{DIRECTORY}/start/{LAUNCHER}"
        before = text_of(start)

        def started_as(text):
            write(start, text)
            running_lab.restart(LAUNCHER, signal.SIGTERM)
            return self.page_when_it_runs()
        self.addCleanup(started_as, before)
        page = started_as(before.replace(" --state ", " --guard nft --state "))
        self.assertIn("held by nft", page)
        (undo,) = re.findall(r"- `table inet edge_launcher`.*\n  undo: `(.*)`", page)
        on_node("sh", "-c", undo, check=True)
        self.assertNotIn("edge_launcher", on_node("/usr/sbin/nft", "list", "tables", check=True).stdout)

    def test_what_it_says_to_stop_them_with_ends_and_what_is_left_to_remove_is_all_there(self):
        """The lab collects no dead process, as a container without an init does not."""
        self.addCleanup(self.page_when_it_runs)
        self.addCleanup(running_lab.start, AGENT)
        self.addCleanup(running_lab.start, LAUNCHER)
        done = on_node("sh", "-c", re.findall(r"^kill .*$", self.page(), re.M)[0])
        self.assertEqual(done.returncode, 0, done.stderr)
        page = self.page()
        for program in ("edge-agent", "edge-launcher"):
            self.assertIn(f"- {program}: does not run here", page)
        (remove,) = re.findall(r"^rm -f .*$", page, re.M)
        for program in ("edge-agent", "edge-launcher", "edge-probe"):
            self.assertRegex(remove, f"/{program}( |$)")
        self.assertIn("sysctl -w net.ipv4.ping_group_range='1 0'", page.split("Everything at once")[1])

    def test_of_a_launcher_that_was_killed_it_says_what_it_left_and_how_that_goes(self):
        running_lab.stop(LAUNCHER, signal.SIGKILL)
        self.addCleanup(self.page_when_it_runs)
        self.addCleanup(running_lab.start, LAUNCHER)
        page = self.page()
        self.assertIn("edge-launcher: does not run here", page)
        self.assertIn(f"no edge-launcher listens at {DIRECTORY}/{NODE}/run/launcher.sock", page)
        self.assertNotIn("held by", page)
        self.assertIn("ip rule del pref 10000 ", page)
        group = os.environ["EDGE_LAB_CGROUP"]
        self.assertIn(f"/unified/{group}/line-telecom", page)
        (cleanup,) = re.findall(rf"^edge-launcher --cleanup --cgroup {group}$", page, re.M)
        done = on_node("sh", "-c", cleanup)
        self.assertEqual(done.returncode, 0, done.stderr)
        page = self.page()
        self.assertNotIn("proto 237", page)
        self.assertNotIn("line-telecom", page)


if __name__ == "__main__":
    unittest.main()
