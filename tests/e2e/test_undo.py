"""The site report, carried out: a node of the lab with a line of each kind, and nothing of EDGE's left by what the page says.
The broker locks the node when its old state is back, which is of no matter here."""
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import running_lab  # noqa: E402
from running_lab import AGENT, DIRECTORY, LAUNCHER, NODE, on_node, site_page_with, text_of, write  # noqa: E402

FOLDER = f"{DIRECTORY}/{NODE}"
CONFIG = f"{FOLDER}/agent.toml"
START_FILE = f"{DIRECTORY}/start/{LAUNCHER}"
UPLINK = "edge-uplink"  # the namespace that unicom's device is in
INSIDE = f"ip netns exec {UPLINK}"
RULES_AND_ROUTES = ("ip -4 rule", "ip -6 rule", "ip -4 route show table all", "ip -6 route show table all")


def said_by(command):
    return on_node("sh", "-c", command).stdout


def site_page(*options):
    return on_node("edge-agent", "site-report", "--config", CONFIG, *options, check=True).stdout


def of_each_kind(text):
    """lines.toml with telecom an address, unicom in a namespace, mobile's device the parent of a macvlan, and wan4 a device."""
    _, telecom, unicom, mobile = text.split("[[line]]")
    device = '\nname = "spare"\ncarrier = "edu"\ndevice = "wan4"\naddresses = ["100.68.1.2"]\ngateway4 = "100.68.1.1"\ntable = 104\nmark = 0x104\n'
    return "[[line]]".join([
        "", telecom.replace('device = "telecom"', 'kind = "address"\ndevice = "telecom"'),
        unicom.replace('device = "unicom"', f'kind = "netns"\nnetns = "{UPLINK}"\ndevice = "unicom"'),
        mobile.replace('device = "mobile"', 'kind = "macvlan"\ndevice = "edge-mobile"\nparent = "mobile"').replace(
            '.2", "', '.9/24", "').replace('::2"]', '::9/64"]'),
        device + 'routes = "managed"\n'])


class Undo(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.group = os.environ["EDGE_LAB_CGROUP"]
        start, kept = text_of(START_FILE), f"{DIRECTORY}/kept"
        groups = said_by("cat /proc/sys/net/ipv4/ping_group_range").strip()
        running_lab.stop(LAUNCHER)
        running_lab.stop(AGENT)
        subprocess.run(["cp", "-a", FOLDER, kept], check=True)

        def put_back():
            for program in (AGENT, LAUNCHER):
                if os.path.exists(f"/proc/{running_lab.pid(program)}/exe"):
                    running_lab.stop(program)
            shutil.rmtree(FOLDER, ignore_errors=True)
            os.rename(kept, FOLDER)
            write(START_FILE, start)
            said_by(f"ip -n {UPLINK} link set unicom netns {NODE}; ip netns del {UPLINK}; ip link del wan4; ip link del edge-mobile")
            said_by("ip addr add 100.66.1.2/24 dev unicom; ip addr add 2001:db8:2:1::2/64 dev unicom nodad; ip link set unicom up")
            said_by(f"sysctl -w net.ipv4.ping_group_range='{groups}' net.ipv4.conf.mobile.arp_ignore=0")
            running_lab.start(LAUNCHER)
            running_lab.start(AGENT)
            site_page_with("edge-launcher: pid ", "edge-agent: pid ")
        self.addCleanup(put_back)
        for command in (f"ip netns add {UPLINK}", f"ip link set unicom netns {UPLINK}", f"ip -n {UPLINK} addr add 100.66.1.2/24 dev unicom",
                        f"ip -n {UPLINK} addr add 2001:db8:2:1::2/64 dev unicom nodad", f"ip -n {UPLINK} link set unicom up",
                        f"{INSIDE} sysctl -w net.ipv4.ping_group_range='{groups}'", "sysctl -w net.ipv4.conf.mobile.arp_ignore=1",
                        "ip link add wan4 type veth peer name far4", "ip link set wan4 up", "ip link set far4 up", "ip addr add 100.68.1.2/24 dev wan4"):
            on_node("sh", "-c", command, check=True)
        write(f"{FOLDER}/lines.toml", of_each_kind(text_of(f"{FOLDER}/lines.toml")))
        # As a person starts it: from the folder above.
        programs = os.path.dirname(os.path.realpath(shutil.which("edge-launcher")))
        write(START_FILE, start.replace(f"--config {FOLDER} ", f"--config {NODE} ").replace(f"--state {FOLDER}/", f"--state {NODE}/").replace("exec nsenter", f"cd {DIRECTORY}\nexec nsenter").replace(
            " build/bin/", f" {programs}/"))
        running_lab.start(LAUNCHER)
        running_lab.start(AGENT)
        self.page = site_page_with("edge-launcher: pid ", "edge-agent: pid ", "dev edge-mobile table 103", "`edge-mobile`")
        for there in ("telecom", "unicom", "mobile", "spare"):
            self.assertIn(f"- `{there}`: ", self.page)

    def left(self):
        """All that can be found of EDGE's in the node, but for the build's programs."""
        found = [f"{where}{line}" for where in ("", f"{INSIDE} ") for command in RULES_AND_ROUTES
                 for line in said_by(where + command).splitlines() if " proto 237" in line]
        found += said_by("ip -o link show group 1162102597").splitlines()
        found += said_by(f"find /sys/fs/cgroup -path '*/{self.group}*'").splitlines()
        found += said_by(f"ls -d /run/edge-launcher; find {FOLDER}").splitlines()
        settings = {where: said_by(f"{where}cat /proc/sys/net/ipv4/ping_group_range").split() for where in ("", f"{INSIDE} ")}
        found += [f"{where}{value}" for where, value in settings.items() if value != ["1", "0"]]
        found += [value for value in said_by("cat /proc/sys/net/ipv4/conf/mobile/arp_ignore").split() if value != "0"]
        return found

    def carry_out(self, commands):
        for command in commands:
            ours = " ".join(word for word in command.split(" ") if not ("/bin/edge-" in word and command.startswith("rm ")))  # the build's
            if ours == "rm":
                continue
            done = on_node("sh", "-c", ours)
            self.assertEqual(done.returncode, 0, f"{ours}\n{done.stderr}")

    def test_all_at_once_leaves_nothing(self):
        self.assertGreater(len(self.left()), 40)
        self.carry_out(self.page.split("```")[1].strip().splitlines())
        self.assertEqual(self.left(), [])

    def test_each_command_in_the_order_of_the_page_does_its_part_where_the_launcher_was_killed(self):
        """The page that it told, and one that it could not tell any more, have the same to undo in the kernel."""
        running_lab.stop(AGENT)
        running_lab.stop(LAUNCHER, signal.SIGKILL)
        page = site_page()
        self.assertIn("edge-launcher: does not run here", page)
        for where in ("", f"{INSIDE} "):
            for command in re.findall(rf"undo: `({where}ip .*)`", self.page):
                self.assertIn(f"`{command}`", page)
        self.assertIn(f"undo: `{INSIDE} ip rule del pref ", page)
        self.assertIn(f"`{FOLDER}/lines.toml`", page)
        self.carry_out(re.findall(r"undo: `(.*)`", page))
        usage = f"{FOLDER}/usage"  # only its launcher knew this folder
        self.assertEqual([one for one in self.left() if one not in (FOLDER, usage) and not one.startswith(usage + "/")], [])

    def test_relative_folders_are_found(self):
        for file in ("lines.toml", "policy.toml"):
            self.assertIn(f"- `{FOLDER}/{file}`: configuration", self.page)
        self.assertIn(f"- `{FOLDER}/usage`: bytes of the lines' day and month", self.page)

    def test_both_languages_name_the_same(self):
        undo = re.findall(r"undo: `(.*)`", self.page)
        self.assertEqual(re.findall(r"撤销: `(.*)`", site_page("--lang", "zh")), undo)
        self.assertIn("net.ipv4.conf.mobile.arp_ignore=0", "\n".join(undo))
        self.assertIn(f"{INSIDE} sysctl -w net.ipv4.ping_group_range='1 0'", undo)


if __name__ == "__main__":
    unittest.main(verbosity=2)
