#!/usr/bin/python3 -B
"""Runs inside a lab: `tests/lab/run --no-edge -- tests/lab/test_network.py`."""
import json
import os
import re
import subprocess
import unittest

LINES = {"telecom": 1, "unicom": 2, "mobile": 3}
NODE = "gz-1"


def on(network, *command, check=True):
    done = subprocess.run(["lab-in", network, *command], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def address(line, family):
    return f"100.{64 + LINES[line]}.1.2" if family == 4 else f"2001:db8:{LINES[line]}:1::2"


def setUpModule():
    """What the launcher does for a line, as far as an address of it is concerned."""
    for line, index in LINES.items():
        for family, gateway in ((4, f"100.{64 + index}.1.1"), (6, f"2001:db8:{index}:1::1")):
            table = str(1000 + index)
            on(NODE, "ip", f"-{family}", "route", "replace", "default", "via", gateway, "dev", line, "table", table)
            on(NODE, "ip", f"-{family}", "rule", "add", "from", address(line, family), "lookup", table)


class Ping:
    def __init__(self, line, target, count, interval):
        family = 6 if ":" in target else 4
        out = on(NODE, "ping", "-c", str(count), "-i", str(interval), "-W", "2", "-I", address(line, family), target, check=False)
        self.times = sorted(float(time) for time in re.findall(r"time=([0-9.]+) ms", out))
        self.lost = count - len(self.times)


class Wires(unittest.TestCase):
    """A machine busy with other work adds to round trips, so the shortest ones are looked at; nothing takes from them."""

    def test_telecom_takes_12_ms_by_ipv4_and_ipv6(self):
        for target in ("198.51.100.20", "2001:db8:ffff::20"):
            ping = Ping("telecom", target, 50, 0.02)
            self.assertTrue(12.0 <= ping.times[0] < 14.0, ping.times)
            self.assertEqual(ping.lost, 0)

    def test_unicom_takes_26_ms_and_loses_one_in_a_hundred(self):
        ping = Ping("unicom", "198.51.100.20", 1000, 0.005)
        self.assertTrue(26.0 <= ping.times[0] < 28.0, ping.times[:20])
        self.assertTrue(2 <= ping.lost <= 25, f"{ping.lost} of 1000 lost")  # outside: less than 1 in 1000 runs

    def test_mobile_takes_41_ms_give_or_take_8(self):
        ping = Ping("mobile", "198.51.100.20", 200, 0.05)
        self.assertTrue(33.0 <= ping.times[0] < 37.0, ping.times[:20])
        self.assertGreater(ping.times[100], 40.0)
        self.assertGreater(ping.times[-10] - ping.times[10], 6.0)

    def test_a_pulled_cable_is_seen_by_the_node_and_heals(self):
        subprocess.run(["lab-cable", "pull", NODE, "telecom"], check=True)
        self.assertIn("NO-CARRIER", on(NODE, "ip", "link", "show", "telecom"))
        self.assertEqual(Ping("telecom", "198.51.100.20", 1, 1).lost, 1)
        subprocess.run(["lab-cable", "plug", NODE, "telecom"], check=True)
        for target in ("198.51.100.20", "2001:db8:ffff::20"):
            self.assertLess(Ping("telecom", target, 10, 0.3).lost, 10)  # the kernel may take a second to notice


class Resolvers(unittest.TestCase):
    def ask(self, line, name, kind, *options):
        return on(NODE, "/usr/bin/python3", "-B", f"{os.path.dirname(os.path.abspath(__file__))}/ask.py", *options,
                  "--from", address(line, 4), f"100.{64 + LINES[line]}.255.53", name, kind).split("\n")[:-1]

    def test_cdn_answers_each_carrier_differently(self):
        for line, index in LINES.items():
            self.assertEqual(self.ask(line, "cdn.lab.test", "A"), ["NOERROR", f"203.0.113.1{index}"])
            self.assertEqual(self.ask(line, "cdn.lab.test", "AAAA"), ["NOERROR", f"2001:db8:ffff:1::1{index}"])

    def test_they_resolve_lab_test_and_nothing_else(self):
        self.assertEqual(self.ask("mobile", "www.lab.test", "A"), ["NOERROR", "198.51.100.10"])
        self.assertEqual(self.ask("mobile", "nowhere.lab.test", "A"), ["NXDOMAIN"])
        self.assertEqual(self.ask("mobile", "example.com", "A"), ["NXDOMAIN"])

    def test_an_answer_too_long_for_udp_comes_whole_by_tcp(self):
        self.assertEqual(self.ask("telecom", "many.lab.test", "A")[0], "NOERROR TC")
        self.assertEqual(len(self.ask("telecom", "many.lab.test", "A", "--tcp")), 1 + 120)

    def test_unusual_records_are_served(self):
        self.assertEqual(self.ask("telecom", "odd.lab.test", "65400"), ["NOERROR", r"0102030405ff"])
        self.assertEqual(len(bytes.fromhex(self.ask("telecom", "long-text.lab.test", "TXT", "--tcp")[1])), 256 + 256 + 5)


class Web(unittest.TestCase):
    def fetch(self, line, family, url, *options):
        target = "198.51.100.10" if family == 4 else "[2001:db8:ffff::10]"
        return on(NODE, "curl", "-sS", "--interface", address(line, family), "--resolve", f"www.lab.test:443:{target}",
                  "--resolve", f"www.lab.test:80:{target}", *options, url)

    def test_it_answers_and_logs_the_lines_own_address(self):
        for scheme in ("http", "https"):
            for family in (4, 6):
                for line in LINES:
                    url = f"{scheme}://www.lab.test/?{line}{family}"
                    self.assertEqual(self.fetch(line, family, url), f"client {address(line, family)}\n")
        with open(os.environ["EDGE_LAB_NGINX_LOG"], encoding="utf-8") as log:
            logged = {(entry["scheme"], entry["uri"]): entry["remote_addr"] for entry in map(json.loads, log)}
        for scheme in ("http", "https"):
            for line in LINES:
                for family in (4, 6):
                    self.assertEqual(logged[scheme, f"/?{line}{family}"], address(line, family))

    def test_a_megabyte_survives_a_lossy_line(self):
        size = self.fetch("unicom", 4, "https://www.lab.test/1m", "--output", "/dev/null", "--write-out", "%{size_download}")
        self.assertEqual(size, "1048576")


class Targets(unittest.TestCase):
    def test_unreachable_is_said_and_silent_is_not(self):
        source = address("telecom", 4)
        said = on(NODE, "ping", "-c", "1", "-W", "1", "-I", source, "198.51.100.253", check=False)
        self.assertIn("Destination Host Unreachable", said)
        silent = on(NODE, "ping", "-c", "1", "-W", "1", "-I", source, "198.51.100.254", check=False)
        self.assertNotIn("Unreachable", silent)
        self.assertIn("100% packet loss", silent)

    def test_the_management_link_leads_to_the_broker_and_not_to_the_internet(self):
        on(NODE, "ping", "-c", "1", "-W", "2", "10.90.0.1")
        leaked = on(NODE, "ping", "-c", "1", "-W", "1", "198.51.100.20", check=False)
        self.assertIn("100% packet loss", leaked)


if __name__ == "__main__":
    unittest.main(verbosity=2)
