"""Lines of other kinds and of the lowest level, end to end in the lab: what comes back, and which address really came."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import running_lab  # noqa: E402
from api import Api  # noqa: E402
from running_lab import DIRECTORY, LAUNCHER, NODE, on_node  # noqa: E402

LINES = {"telecom", "unicom", "mobile"}
LINES_FILE = f"{DIRECTORY}/{NODE}/lines.toml"
START_FILE = f"{DIRECTORY}/start/{LAUNCHER}"


def edgectl(*arguments, expect=0):
    done = subprocess.run(["edgectl", *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != expect:
        raise AssertionError(f"edgectl {' '.join(arguments)}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
    return done


def probe(service, target, selector, *more):
    answers = json.loads(edgectl(service, target, "from", selector, *more, "-o", "json").stdout)
    return {answer["line"]["name"]: answer for answer in answers}


def rewritten(test, file, change):
    """`file` is another one until the test ends; the launcher is started with it, and with the old one at the end."""
    with open(file, encoding="utf-8") as old:
        before = old.read()
    after = change(before)
    test.assertNotEqual(after, before)

    def write(text):
        with open(file, "w", encoding="utf-8") as new:
            new.write(text)
        running_lab.restart(LAUNCHER)

    test.addCleanup(wait_for_lines)
    test.addCleanup(write, before)
    write(after)


def wait_for_lines(enforced_by="bpf", mobile="mobile"):
    """Up at the broker, held by that, and the third on this device."""
    def there():
        lines = {line["name"]: line for line in Api().get(f"/api/v1/nodes/{NODE}").get("lines", [])}
        return set(lines) == LINES and lines["mobile"]["device"] == mobile and all(
            line["state"] in ("up", "degraded") and line["enforced_by"] == enforced_by for line in lines.values())
    Api().wait(there, 60, "all lines")


class AMacvlan(unittest.TestCase):
    def test_it_leaves_by_its_own_address_and_the_site_report_says_how_to_undo_it(self):
        on_node("sysctl", "-qw", "net.ipv4.conf.mobile.arp_ignore=1", check=True)
        self.addCleanup(on_node, "sysctl", "-qw", "net.ipv4.conf.mobile.arp_ignore=0", check=True)

        def change(text):
            head, mobile = text.split('name = "mobile"')
            return head + 'name = "mobile"' + mobile.replace(
                'device = "mobile"', 'kind = "macvlan"\ndevice = "edge-mobile"\nparent = "mobile"').replace(
                '.2", "', '.9/24", "').replace('::2"]', '::9/64"]')
        rewritten(self, LINES_FILE, change)
        wait_for_lines(mobile="edge-mobile")
        before = len(running_lab.nginx_requests())
        answers = probe("http", "http://www.lab.test/", "mobile") | probe("dns", "www.lab.test", "telecom")
        logged = [request["remote_addr"] for request in running_lab.nginx_requests()[before:]]
        evidence = answers["mobile"]["evidence"]
        self.assertEqual(answers["mobile"]["status"], "ok", answers)
        self.assertTrue(evidence["verified"], evidence)
        self.assertEqual(evidence["ifname"], "edge-mobile")
        self.assertEqual(logged, [evidence["src_addr"]])
        self.assertRegex(evidence["src_addr"], r"\.9$|::9$")
        report = on_node("edge-agent", "site-report", "--config", f"{DIRECTORY}/{NODE}/agent.toml", check=True).stdout
        self.assertIn("macvlan `edge-mobile` (mobile), undo: `ip link del edge-mobile`", report)
        doctor = json.loads(on_node("edge-agent", "doctor", "--json", "--config", f"{DIRECTORY}/{NODE}/agent.toml").stdout)
        said = [finding for finding in doctor["findings"] if finding["about"] == "line mobile"]
        self.assertIn("a macvlan of EDGE's on mobile", [finding["what"] for finding in said], said)
        self.assertEqual([finding for finding in doctor["findings"] if finding["level"] == "fail"], [])


class Cooperative(unittest.TestCase):
    def test_probers_bind_themselves_and_every_result_says_so(self):
        rewritten(self, START_FILE, lambda text: text.replace(" --state ", " --guard cooperative --state "))
        wait_for_lines("cooperative")
        before = len(running_lab.nginx_requests())
        answers = probe("http", "http://www.lab.test/", "all", "--require-level", "cooperative")
        logged = [request["remote_addr"] for request in running_lab.nginx_requests()[before:]]
        self.assertEqual(sorted(answer["evidence"]["src_addr"] for answer in answers.values()), sorted(logged))
        for service, target in (("http", "http://www.lab.test/"), ("ping", "198.51.100.10"), ("dns", "www.lab.test")):
            for line, answer in (answers if service == "http" else probe(service, target, "all")).items():
                self.assertEqual(answer["status"], "ok", answer)
                self.assertEqual(answer["evidence"]["enforced_by"], "cooperative")
                self.assertEqual(answer["evidence"]["ifname"], line)
                self.assertTrue(answer["evidence"]["verified"], answer["evidence"])
        edgectl("ping", "198.51.100.10", "from", "all", "--require-level", "nft-guard", expect=8)


if __name__ == "__main__":
    unittest.main(verbosity=2)
