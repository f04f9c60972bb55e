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


def doctor():
    return json.loads(on_node("edge-agent", "doctor", "--json", "--config", f"{DIRECTORY}/{NODE}/agent.toml").stdout)["findings"]


def must_all(test, *commands):
    for command in commands:
        done = on_node("sh", "-c", command)
        test.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")


def each_leaves_by_its_own_address(test, sources):
    """HTTP, DNS and ping of every line: `sources` are the addresses of the one that is looked at, "mobile"."""
    before = len(running_lab.nginx_requests())
    http = probe("http", "http://www.lab.test/", "all")
    logged = [request["remote_addr"] for request in running_lab.nginx_requests()[before:]]
    test.assertEqual(sorted(answer["evidence"]["src_addr"] for answer in http.values()), sorted(logged))
    for answers in (http, probe("dns", "www.lab.test", "all"), probe("ping", "198.51.100.10", "all"), probe("ping", "2001:db8:ffff::20", "all")):
        test.assertEqual(set(answers), LINES)
        for answer in answers.values():
            test.assertIn(answer["status"], ("ok", "partial"), answer)  # the lab's wires lose a packet now and then
            test.assertTrue(answer["evidence"]["verified"], answer["evidence"])
        test.assertIn(answers["mobile"]["evidence"]["src_addr"], sources)


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
        self.assertIn("- `edge-mobile`: a macvlan that EDGE made on mobile\n  undo: `ip link del edge-mobile`", report)
        findings = doctor()
        said = [finding["what"] for finding in findings if finding["about"] == "line mobile"]
        self.assertIn("a macvlan of EDGE's on mobile", said)
        self.assertEqual([finding for finding in findings if finding["level"] == "fail"], [])


class TwoAddressesOfOneDevice(unittest.TestCase):
    def test_either_leaves_from_its_own_and_doctor_finds_nothing(self):
        must_all(self, "ip addr add 100.65.1.9/24 dev telecom", "ip addr add 2001:db8:1:1::9/64 dev telecom nodad")
        self.addCleanup(must_all, self, "ip addr del 100.65.1.9/24 dev telecom", "ip addr del 2001:db8:1:1::9/64 dev telecom")

        def change(text):
            telecom, unicom, mobile = text.split("[[line]]")[1:]
            telecom = telecom.replace('device = "telecom"', 'kind = "address"\ndevice = "telecom"')
            second = telecom.replace('name = "telecom"', 'name = "mobile"').replace('carrier = "ct"', 'carrier = "cm"').replace(
                "100.65.1.2", "100.65.1.9").replace("2001:db8:1:1::2", "2001:db8:1:1::9").replace("101", "103")
            self.assertIn('name = "mobile"', mobile)
            return "[[line]]".join(["", telecom, unicom, second])
        rewritten(self, LINES_FILE, change)
        wait_for_lines(mobile="telecom")
        each_leaves_by_its_own_address(self, {"100.65.1.9", "2001:db8:1:1::9"})
        self.assertEqual([finding for finding in doctor() if finding["level"] == "fail"], [])


class ANetworkNamespace(unittest.TestCase):
    def test_the_line_in_it_is_as_any_other(self):
        assign = "addr add 100.67.1.2/24 dev mobile", "addr add 2001:db8:3:1::2/64 dev mobile nodad", "link set mobile up"
        must_all(self, "ip netns add edge-uplink", "ip netns exec edge-uplink sysctl -qw net.ipv4.ping_group_range='0 2147483647'",
                 "ip link set mobile netns edge-uplink", *(f"ip -n edge-uplink {one}" for one in assign))

        def change(text):
            return text.replace('device = "mobile"', 'kind = "netns"\nnetns = "edge-uplink"\ndevice = "mobile"')
        rewritten(self, LINES_FILE, change)
        self.addCleanup(must_all, self, f"ip -n edge-uplink link set mobile netns {NODE}", *(f"ip {one}" for one in assign),
                        "ip netns del edge-uplink")
        wait_for_lines()
        each_leaves_by_its_own_address(self, {"100.67.1.2", "2001:db8:3:1::2"})
        findings = doctor()
        self.assertEqual([finding for finding in findings if finding["level"] == "fail"], [])
        self.assertIn("line mobile", [finding["about"] for finding in findings])
        report = on_node("edge-agent", "site-report", "--config", f"{DIRECTORY}/{NODE}/agent.toml", check=True).stdout
        self.assertIn("edge-uplink", report)


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
                self.assertIn(answer["status"], ("ok", "partial") if service == "ping" else ("ok",), answer)  # unicom loses 1 %
                self.assertEqual(answer["evidence"]["enforced_by"], "cooperative")
                self.assertEqual(answer["evidence"]["ifname"], line)
                self.assertTrue(answer["evidence"]["verified"], answer["evidence"])
        edgectl("ping", "198.51.100.10", "from", "all", "--require-level", "nft-guard", expect=8)


if __name__ == "__main__":
    unittest.main(verbosity=2)
