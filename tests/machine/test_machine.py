"""On a real systemd, a pure cgroup v2 tree and Debian's own kernel. Set EDGE_BIN to a build's programs."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import image
from machine import Machine

BIN = os.environ.get("EDGE_BIN", "")
REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
MEMORY_MB = 512 if os.environ.get("EDGE_SANITIZED") else 64  # a sanitizer's shadow needs room
CARRIED = tempfile.TemporaryDirectory(prefix="edge-machine-programs-")
ASAN = {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0"}

LINES = """[[line]]
name = "telecom"
carrier = "ct"
device = "wan0"
addresses = ["100.64.1.2", "fd64:1::2"]
gateway4 = "100.64.1.1"
gateway6 = "fd64:1::1"
table = 101
mark = 0x101
resolvers = ["100.64.1.1"]
routes = "managed"
"""
POLICY = f"""services = ["dns", "http", "ping"]
[targets]
allow = ["198.51.100.0/24"]
[worker]
cpu_percent = 50
memory_mb = {MEMORY_MB}
pids = 4
"""
# The far end of the line, in a network namespace: a gateway behind which one target answers.
CARRIER = """set -e
sysctl -qw net.ipv4.ping_group_range='70000 70255'
ip netns add carrier
ip link add wan0 type veth peer name node netns carrier
ip addr add 100.64.1.2/24 dev wan0
ip addr add fd64:1::2/64 dev wan0 nodad
ip link set wan0 up
ip -n carrier addr add 100.64.1.1/24 dev node
ip -n carrier addr add fd64:1::1/64 dev node nodad
ip -n carrier addr add 198.51.100.10/32 dev lo
ip -n carrier link set lo up
ip -n carrier link set node up
"""
# Two more lines: on a macvlan of wan1, and on wan2 in a network namespace of its own.
MORE_LINES = LINES + """
[[line]]
name = "unicom"
carrier = "cu"
kind = "macvlan"
device = "edge-unicom"
parent = "wan1"
addresses = ["100.64.2.9/24", "fd64:2::9/64"]
gateway4 = "100.64.2.1"
gateway6 = "fd64:2::1"
table = 102
mark = 0x102
resolvers = ["100.64.2.1"]
routes = "managed"

[[line]]
name = "mobile"
carrier = "cm"
kind = "netns"
netns = "uplink"
device = "wan2"
addresses = ["100.64.3.2", "fd64:3::2"]
gateway4 = "100.64.3.1"
gateway6 = "fd64:3::1"
table = 103
mark = 0x103
resolvers = ["100.64.3.1"]
routes = "managed"
"""
MORE_CARRIERS = """set -e
for n in 1 2; do
  ip link add wan$n type veth peer name node$n netns carrier
  ip -n carrier addr add 100.64.$((n + 1)).1/24 dev node$n
  ip -n carrier addr add fd64:$((n + 1))::1/64 dev node$n nodad
  ip -n carrier link set node$n up
done
ip link set wan1 up
sysctl -qw net.ipv4.conf.wan1.arp_ignore=1
ip netns add uplink
ip link set wan2 netns uplink
ip -n uplink addr add 100.64.3.2/24 dev wan2
ip -n uplink addr add fd64:3::2/64 dev wan2 nodad
ip -n uplink link set wan2 up
ip netns exec uplink sysctl -qw net.ipv4.ping_group_range='70000 70255'
"""
# As docs/lines.md has them.
DROP_IN = """[Service]
ReadWritePaths=/proc/sys/net/ipv6/conf
CapabilityBoundingSet=CAP_SYS_ADMIN
"""
# Microseconds that three have of one processor: who is in a line's group, who is where the agent is, and who is in a service of the host's,
# which spins if $1 is `busy` and sleeps if it is `quiet`.
SPIN = """set -e
declare -A work=([busy]='while :; do :; done' [quiet]='exec sleep 600')
line=/sys/fs/cgroup/edge.slice/edge-lines.slice/edge-launcher.service/lines/line-telecom/spinner
agent=/sys/fs/cgroup/edge.slice/agents-place.service
spinner=/sys/fs/cgroup/system.slice/spinner.service
mkdir $line
systemd-run -q --unit=spinner -p CPUAccounting=yes taskset -c 0 sh -c "${work[$1]}"
systemd-run -q --unit=agents-place --slice=edge.slice -p CPUAccounting=yes taskset -c 0 sh -c 'while :; do :; done'
sh -c "echo \\$\\$ > $line/cgroup.procs; exec taskset -c 0 sh -c 'while :; do :; done'" &
disown
until grep -q . $line/cgroup.procs && grep -q . $agent/cgroup.procs && grep -q . $spinner/cgroup.procs; do sleep 0.1; done
used() { awk '$1 == "usage_usec" { print $2 }' $1/cpu.stat; }
line_before=$(used $line) agent_before=$(used $agent) host_before=$(used $spinner)
sleep 4
echo $(($(used $line) - line_before)) $(($(used $agent) - agent_before)) $(($(used $spinner) - host_before))
echo 1 > $line/cgroup.kill
systemctl stop spinner agents-place
until rmdir $line 2>/dev/null; do sleep 0.1; done
"""


def programs(folder, *names):
    """To put in the machine: path there → path here. Stripped, as a package has them: a tenth of the bytes to carry and hash."""
    stripped = tempfile.mkdtemp(dir=CARRIED.name)
    for name in names:
        subprocess.run(["strip", "-o", f"{stripped}/{os.path.basename(name)}", name], check=True)
    return {f"{folder}/{name}": f"{stripped}/{name}" for name in os.listdir(stripped)}


class OnARealMachine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()

    @classmethod
    def tearDownClass(cls):
        cls.machine.__exit__()

    def test_1_the_launchers_promises_hold_on_the_oldest_kernel(self):
        self.assertTrue(self.machine.check("uname", "-r").startswith("6.1."))
        self.machine.put(programs("/opt/edge", f"{BIN}/contract_launcher", f"{BIN}/edge-launcher", os.environ["EDGE_PAYLOAD"]))
        status, output = self.machine.run("/opt/edge/contract_launcher", timeout_s=2400, EDGE_LAUNCHER="/opt/edge/edge-launcher",
                                          EDGE_PAYLOAD="/opt/edge/launcher_payload", **ASAN)
        self.assertEqual(status, 0, output[-6000:])
        print("machine: contract_launcher:", re.search(r"test cases:.*", output).group(), flush=True)

    def test_2_no_escape_attempt_gets_out(self):
        self.machine.put(programs("/opt/edge", f"{BIN}/escape", f"{BIN}/edge-launcher", f"{BIN}/edge-probe"))
        status, output = self.machine.run("/opt/edge/escape", "-v", timeout_s=2400, EDGE_LAUNCHER="/opt/edge/edge-launcher",
                                          EDGE_PROBE="/opt/edge/edge-probe", **ASAN)
        self.assertEqual(status, 0, output[-6000:])
        print("machine: escape:", output.splitlines()[-1], flush=True)

    def test_3_the_units_run_a_probe_in_a_limited_sandbox(self):
        machine = self.machine
        machine.check("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "edge-agent")
        units = {f"/etc/systemd/system/{name}": f"{REPOSITORY}/systemd/{name}" for name in ("edge.slice", "edge-lines.slice", "edge-launcher.service")}
        machine.put(units | programs("/usr/sbin", f"{BIN}/edge-launcher") | programs("/usr/bin", f"{BIN}/edge-probe") |
                    {"/etc/edge/lines.toml": LINES.encode(), "/etc/edge/policy.toml": POLICY.encode()})
        machine.check("bash", "-c", CARRIER)
        machine.check("systemctl", "daemon-reload")
        machine.check("systemctl", "start", "edge-launcher.service")
        self.addCleanup(lambda: print(machine.run("journalctl", "-u", "edge-launcher", "-o", "cat", "-n", "30")[1]))
        self.wait_for_launcher()
        self.assertEqual(self.source_of_a_ping("telecom"), "100.64.1.2")

    def test_4_the_hosts_own_work_comes_first_at_the_processor(self):
        """After test_3, whose launcher runs: one spins in a line's group, one in the agent's place, one in a unit of the host's, on one processor.
        Beside a busy host the two have next to nothing: which of them has more is seen when the host is quiet."""
        machine = self.machine
        line_us, agent_us, host_us = self.spin_beside("busy")
        self.assertLess(line_us + agent_us, host_us // 20)
        line_us, agent_us, _ = self.spin_beside("quiet")
        self.assertLess(line_us, agent_us // 4)
        machine.put({"/etc/edge/policy.toml": (POLICY + "[host]\ncpu_first = false\n").encode()})
        machine.check("systemctl", "restart", "edge-launcher.service")
        self.wait_for_launcher()
        line_us, agent_us, host_us = self.spin_beside("busy")
        self.assertGreater(line_us + agent_us, host_us // 2)
        self.assertGreater(line_us, host_us // 8)

    def test_5_lines_that_ask_for_more_of_the_unit_have_it_by_its_drop_in(self):
        """After test_3, whose launcher runs."""
        machine = self.machine
        machine.check("bash", "-c", MORE_CARRIERS)
        machine.put({"/etc/edge/lines.toml": MORE_LINES.encode()})
        machine.run("systemctl", "restart", "edge-launcher.service")
        machine.check("bash", "-c", "for i in $(seq 300); do journalctl -u edge-launcher -o cat | grep -q CapabilityBoundingSet && exit; sleep 0.1; done; exit 1")
        machine.put({"/etc/systemd/system/edge-launcher.service.d/more.conf": DROP_IN.encode()})
        machine.check("systemctl", "daemon-reload")
        machine.check("systemctl", "restart", "edge-launcher.service")
        self.wait_for_launcher()
        for line, source in (("telecom", "100.64.1.2"), ("unicom", "100.64.2.9"), ("mobile", "100.64.3.2")):
            self.assertEqual(self.source_of_a_ping(line), source)
        self.assertIn("edge-unicom", machine.check("ip", "-o", "link", "show", "group", "1162102597"))
        machine.check("systemctl", "stop", "edge-launcher.service")
        self.assertEqual(machine.check("ip", "-o", "link", "show", "group", "1162102597"), "")

    def wait_for_launcher(self):
        self.machine.check("bash", "-c", "for i in $(seq 300); do [ -S /run/edge/launcher.sock ] && exit; sleep 0.1; done; exit 1")

    def source_of_a_ping(self, line):
        """Of one that came back, and is verified under BPF."""
        status, output = self.machine.run("edge-probe", "ping", "198.51.100.10", "--line", line, "--count", "2", "-o", "json", **ASAN)
        self.assertEqual(status, 0, output)
        result = json.loads(output[output.index("{"):])
        evidence = result["evidence"]
        self.assertEqual((result["status"], evidence["enforced_by"], evidence["verified"]), ("ok", "bpf", True), output)
        return evidence["src_addr"]

    def spin_beside(self, host):
        """Processor time of line, agent and host in the same four seconds."""
        used = [int(us) for us in self.machine.check("bash", "-c", SPIN, "spin", host).split()]
        print("machine: of one processor, host {}: line {} us, agent {} us, host {} us".format(host, *used), flush=True)
        return used


if __name__ == "__main__":
    why = image.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    unittest.main(verbosity=2)
