"""The packages on a real machine, as docs/install.md says: installed, enrolled, used, killed, upgraded, rebooted, purged. Set EDGE_PACKAGES, and
EDGE_BUILD where they are to be made first.

One machine, and its story in the order of the tests; what docs/install.md and docs/operations.md tell to type is typed. With EDGE_FULL=1 ten minutes of idling, and in the end a second kernel.
"""
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "package"))
import image  # noqa: E402
import pages  # noqa: E402
import traces  # noqa: E402
import uplinks  # noqa: E402
from machine import Machine  # noqa: E402
from repacked import repacked  # noqa: E402

PACKAGES = os.environ.get("EDGE_PACKAGES", "")
FULL = bool(os.environ.get("EDGE_FULL"))
IDLE_S = 600 if FULL else 40
UNITS = ("edge-broker", "edge-launcher", "edge-agent")
BROKER = "https://broker.example:443"  # as the pages have it
APT = ("apt-get", "-qy", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "install")
POLICY = f"""services = ["dns", "http", "ping"]
[targets]
allow = ["{uplinks.TARGET}/32"]
[destination]
probes_per_s = 1000
burst = 1000
"""

# Dials the gateway until there is a file /run/stop-dialling, and says how often it was refused.
DIAL = """
import os, socket, time
dialled = refused = 0
while not os.path.exists("/run/stop-dialling"):
    try:
        socket.create_connection(("127.0.0.1", 443), 30).close()
    except ConnectionRefusedError:
        refused += 1
    dialled += 1
    time.sleep(0.02)
print(dialled, refused)
"""

# Programs in a worker's own control group, each beyond one limit: the kernel's answer, by name.
BEYOND_LIMITS = """
import glob, json, os, subprocess, time
lines = "/sys/fs/cgroup/edge.slice/edge-lines.slice/edge-launcher.service/lines"
worker = sorted(glob.glob(lines + "/line-*/worker*"))[0]

def inside(*command):
    def enter():
        with open(worker + "/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))
    return subprocess.run(command, preexec_fn=enter, capture_output=True, text=True)

def count(file, name):
    with open(f"{worker}/{file}") as text:
        return dict(line.split() for line in text)[name]

def seconds_of(write):
    began = time.monotonic()
    write("dd", "if=/dev/zero", "of=/root/written", "bs=64k", "count=64", "oflag=direct")
    return time.monotonic() - began

throttled = int(count("cpu.stat", "nr_throttled"))
inside("timeout", "3", "sh", "-c", "while :; do :; done")
told = {"cpu": int(count("cpu.stat", "nr_throttled")) - throttled}
told["pids"] = inside("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 3 & done; wait").stderr
told["io"] = [seconds_of(inside), seconds_of(lambda *command: subprocess.run(command, capture_output=True))]
told["memory"] = inside("python3", "-c", "bytearray(300 << 20)").returncode
print(json.dumps(told))
"""

# Types a block at a terminal of its own, and y wherever it is asked.
TYPIST = """
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.chdir("/root/packages")
    os.execvp("bash", ["bash", "-ec", sys.argv[1]])
told = b""
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    sys.stdout.buffer.write(part)
    told = (told + part)[-80:]
    if told.rstrip().endswith((b"[y/N]", b"[Y/n]")):
        os.write(terminal, b"y\\n")
        told = b""
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def deb(name):
    return glob.glob(f"{PACKAGES}/{name}_*_amd64.deb")[0]


class AnInstalledMachine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(can_reboot=True)
        cls.install, cls.operations = pages.Page("install"), pages.Page("operations")
        cls.machine.put({f"/root/packages/{os.path.basename(file)}": file for file in glob.glob(f"{PACKAGES}/*")})
        cls.machine.check("sh", "-c", "echo 127.0.0.1 broker.example >> /etc/hosts")
        cls.machine.check("bash", "-c", uplinks.SCRIPT)
        first = traces.of(cls.machine)
        cls.before = traces.of(cls.machine)
        cls.restless = traces.restless(first, cls.before)
        cls.token = ""

    @classmethod
    def tearDownClass(cls):
        cls.machine.__exit__()

    def setUp(self):
        self.began = time.monotonic()

    def tearDown(self):
        print(f"machine: took {time.monotonic() - self.began:.0f} s", flush=True)

    # --- what an operator types ---

    def check(self, *command, **options):
        status, output = self.machine.run(*command, **options)
        if status != 0:
            journal = self.machine.run("journalctl", "-o", "cat", "-n", "60", *(f"-u{unit}" for unit in UNITS))[1]
            self.fail(f"{' '.join(command)}: status {status}\n{output}\n{journal}")
        return output

    def typed(self, block, status=0, timeout_s=300):
        """What a person sees who types it and answers y."""
        done, output = self.machine.run("python3", "-c", TYPIST, block, timeout_s=timeout_s, EDGE_URL="http://127.0.0.1:8080", EDGE_TOKEN=self.token,
                                        PAGER="cat", TERM="dumb")
        self.assertEqual(done, status, f"{block}\n{output}")
        return output

    def edgectl(self, *words, statuses=(0,)):
        """Its standard output."""
        status, output = self.machine.run("bash", "-c", 'edgectl "$@" 2>/root/told', "edgectl", *words, timeout_s=200,
                                          EDGE_URL="http://127.0.0.1:8080", EDGE_TOKEN=self.token)
        if status not in statuses:
            self.fail(f"edgectl {words}: status {status}\n{output}\n" + self.check("cat", "/root/told"))
        return output

    def of_api(self, path):
        return json.loads(self.edgectl("api", "GET", path))

    def property(self, unit, name):
        return self.check("systemctl", "show", "-P", name, unit).strip()

    def wait_for(self, what, is_so, within_s=120):
        end = time.monotonic() + within_s
        while not (seen := is_so()):
            if time.monotonic() > end:
                self.fail(f"{what}: not within {within_s} s\n" + self.machine.run("journalctl", "-o", "cat", "-n", "80", *(f"-u{unit}" for unit in UNITS))[1])
            time.sleep(0.3)
        return seen

    def lines_up(self, count=3):
        status, output = self.machine.run("bash", "-c", "edgectl get lines -o json 2>/dev/null", timeout_s=60, EDGE_URL="http://127.0.0.1:8080",
                                          EDGE_TOKEN=self.token)
        return status == 0 and [line["state"] for line in json.loads(output)] == ["up"] * count

    def is_here(self):
        status, output = self.machine.run("bash", "-c", "edgectl get nodes -o json 2>/dev/null", timeout_s=60, EDGE_URL="http://127.0.0.1:8080",
                                          EDGE_TOKEN=self.token)
        return status == 0 and [node["state"] for node in json.loads(output)] == ["connected"]

    def probe(self, *words):
        """{line: result} of a probe from all lines, each of them good and held by BPF."""
        results = json.loads(self.edgectl(*words, "from", "all", "-o", "json"))
        for one in results:
            self.assertEqual((one["status"], one["evidence"]["verified"], one["evidence"]["enforced_by"]), ("ok", True, "bpf"), one)
        return {one["line"]["name"]: one for one in results}

    def ask_in_background(self, repeat):
        """A run of three lines; its id."""
        self.edgectl("ping", uplinks.TARGET, "from", "all", "-c", "1", "--repeat", str(repeat), "--timeout", "1s", "--fail-on", "none", statuses=(0, 7))
        return self.of_api("/api/v1/runs?limit=1")["items"][0]["id"]

    def assert_each_task_has_one_result(self, run, tasks):
        self.wait_for(f"the end of {run}", lambda: self.of_api(f"/api/v1/runs/{run}")["state"] != "running", 180)
        counted = self.of_api(f"/api/v1/runs/{run}")["tasks"]
        self.assertEqual(counted["total"], tasks)
        ids, cursor = [], ""
        while True:
            page = self.of_api(f"/api/v1/runs/{run}/results?limit=200{cursor}")
            ids += [one["task_id"] for one in page["items"] if not one["superseded"]]
            if not page.get("next_cursor"):
                break
            cursor = "&cursor=" + page["next_cursor"]
        print(f"machine: {tasks} tasks: {len(ids)} results, {tasks - len(set(ids))} lost, {len(ids) - len(set(ids))} duplicated ({counted})", flush=True)
        self.assertEqual((len(ids), len(set(ids))), (tasks, tasks))

    # --- the story ---

    def test_01_a_broker_is_installed_and_initialised(self):
        self.set_up_broker(self.install.take("edge-broker init --public-url"))
        self.assertEqual(self.edgectl("get", "nodes", "-o", "json").strip(), "[]")
        self.assertIn("0 nodes", self.property("edge-broker", "StatusText"))
        self.assertEqual(self.property("edge-broker", "User"), "edge-broker")
        self.typed(self.install.take("port.conf"))
        self.wait_for("the broker", lambda: self.property("edge-broker", "ActiveState") == "active")
        self.assertIn(":7443 ", self.check("ss", "-Hltn"))
        self.check("rm", "-r", "/etc/systemd/system/edge-broker.socket.d")
        self.check("systemctl", "daemon-reload")
        self.check("systemctl", "restart", "edge-broker.socket")
        self.wait_for("the broker", lambda: self.property("edge-broker", "ActiveState") == "active")
        self.assertIn(":443 ", self.check("ss", "-Hltn"))

    def set_up_broker(self, block):
        type(self).token = re.search(r"admin token +(\S+)", self.typed(block))[1]
        self.assertEqual(self.property("edge-broker", "ActiveState"), "active")

    def test_02_a_machine_becomes_a_node_with_one_command(self):
        told = self.set_up_node(self.install.take("edge-agent enroll"))
        print(told, flush=True)
        self.assertIn("3 uplinks", told)
        again = self.check("edge-agent", "enroll", BROKER, "--yes", timeout_s=200)
        self.assertIn("already", again)
        self.wait_for("the agent's status", lambda: "3/3 lines up" in self.property("edge-agent", "StatusText"))
        for again in ("noninteractive", "apt install ./edge-agent"):
            self.typed(self.install.take(again))
        self.wait_for("three lines up", self.lines_up)

    def set_up_node(self, block):
        self.typed("edgectl token create --node gz-1 > gz-1.token")
        self.machine.put({"/etc/edge/policy.toml": POLICY.encode()})
        told = self.typed(block)
        self.assertIn("connected to", told)
        self.wait_for("three lines up", self.lines_up)
        return told

    def test_03_probes_leave_by_the_line_that_was_asked_for(self):
        for words in (("ping", uplinks.TARGET, "-c", "2"), ("http", f"http://{uplinks.TARGET}/Shanghai")):
            results = self.probe(*words)
            self.assertEqual(len(results), 3)
            sources = {one["evidence"]["src_addr"] for one in results.values()}
            self.assertEqual(sources, set(uplinks.SOURCES.values()))

    def test_04_the_doctor_finds_the_highest_level_and_nothing_listens(self):
        told = json.loads(self.check("edge-agent", "doctor", "--json", timeout_s=300))
        self.assertEqual(told["level"], "bpf-guard", told)
        self.assertEqual([one for one in told["findings"] if one["level"] == "fail"], [])
        listening = self.check("ss", "-Hltnup")
        self.assertNotRegex(listening, r"edge-agent|edge-launcher|edge-probe")

    def test_05_a_slow_line_is_seen_as_slow_and_the_others_are_not(self):
        self.check("ip", "netns", "exec", "carrier", "tc", "qdisc", "add", "dev", "node2", "root", "netem", "delay", "150ms")
        means = {one["evidence"]["src_addr"]: one["detail"]["avg_us"] for one in self.probe("ping", uplinks.TARGET, "-c", "3").values()}
        self.check("ip", "netns", "exec", "carrier", "tc", "qdisc", "del", "dev", "node2", "root")
        print(f"machine: round trips {means} us, with 150 ms of netem on the second", flush=True)
        slow = means.pop(uplinks.SOURCES["unicom"])
        self.assertGreater(slow, 150_000)
        self.assertLess(max(means.values()), 150_000)

    def test_06_a_line_in_a_vrf_is_a_line(self):
        self.check("bash", "-c", uplinks.IN_A_VRF)
        lines = self.check("cat", "/etc/edge/lines.toml")
        self.machine.put({"/etc/edge/lines.toml": (lines + uplinks.LINE_IN_A_VRF).encode()})
        self.check("systemctl", "restart", "edge-launcher")
        self.wait_for("four lines up", lambda: self.lines_up(4))
        results = self.probe("http", f"http://{uplinks.TARGET}/Shanghai")
        self.assertEqual((len(results), results["blue"]["evidence"]["src_addr"]), (4, "100.64.9.2"))
        self.machine.put({"/etc/edge/lines.toml": lines.encode()})
        self.check("systemctl", "restart", "edge-launcher")
        self.check("bash", "-c", uplinks.NO_VRF)
        self.wait_for("three lines up", self.lines_up)

    def test_07_limits_are_the_kernels(self):
        told = json.loads(self.check("python3", "-c", BEYOND_LIMITS, timeout_s=200))
        print(f"machine: beyond a worker's limits: {told}", flush=True)
        self.assertGreater(told["cpu"], 10)  # of some 30 periods of 100 ms
        self.assertRegex(told["pids"].lower(), "fork")
        limited, free = told["io"]
        self.assertGreater(limited, 3)  # 4 MiB at one a second
        self.assertLess(free, 1)
        self.assertEqual(told["memory"], -9)

    def test_08_each_unit_is_killed_and_comes_back(self):
        run = self.ask_in_background(60)
        for unit in UNITS:
            before = self.property(unit, "MainPID")
            self.check("systemctl", "kill", "-s", "KILL", unit)
            self.wait_for(f"{unit} again", lambda: self.property(unit, "ActiveState") == "active" and self.property(unit, "MainPID") not in (before, "0"))
        self.wait_for("three lines up", self.lines_up)
        self.assert_each_task_has_one_result(run, 180)
        self.probe("ping", uplinks.TARGET, "-c", "1")

    def test_09_a_program_that_hangs_is_started_anew_by_the_watchdog(self):
        before = {unit: self.property(unit, "MainPID") for unit in UNITS}
        began = time.monotonic()
        self.check("kill", "-STOP", *before.values())
        for unit, pid in before.items():
            self.wait_for(f"{unit} again", lambda: self.property(unit, "ActiveState") == "active" and self.property(unit, "MainPID") not in (pid, "0"), 150)
            self.assertIn("watchdog", self.check("journalctl", "-u", unit, "-o", "cat").lower())
        print(f"machine: stopped programs were replaced within {time.monotonic() - began:.0f} s", flush=True)
        self.wait_for("three lines up", self.lines_up)

    def test_10_a_restart_of_the_broker_refuses_no_connection_and_loses_no_result(self):
        self.check("systemd-run", "-q", "--unit=dialler", "-p", "RemainAfterExit=yes", "python3", "-c", DIAL)
        run = self.ask_in_background(100)
        for _ in range(3):
            self.check("systemctl", "restart", "edge-broker", timeout_s=120)
        self.check("touch", "/run/stop-dialling")
        self.assert_each_task_has_one_result(run, 300)
        dialled, refused = self.wait_for("the dialler's count", lambda: self.check("journalctl", "-u", "dialler", "-o", "cat", "-n", "1").split())
        self.check("systemctl", "stop", "dialler")
        self.check("rm", "/run/stop-dialling")
        print(f"machine: 3 restarts of the broker: {dialled} dialled, {refused} refused", flush=True)
        self.assertGreater(int(dialled), 100)
        self.assertEqual(int(refused), 0)

    def test_11_it_costs_next_to_nothing_while_it_does_nothing(self):
        self.wait_for("three lines up", self.lines_up)
        used = lambda: {unit: int(self.property(unit, "CPUUsageNSec")) for unit in UNITS[1:]}  # noqa: E731
        before, began = used(), time.monotonic()
        time.sleep(IDLE_S)
        after, took = used(), time.monotonic() - began
        for unit in UNITS[1:]:
            with_files = self.check("cat", f"/proc/{self.property(unit, 'MainPID')}/status")
            resident = int(next(line for line in with_files.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024
            share = 100 * (after[unit] - before[unit]) / 1e9 / took
            print(f"machine: {unit} while idle for {took:.0f} s: {resident:.1f} MB resident, {share:.2f} % of an emulated core", flush=True)
            self.assertLessEqual(resident, 20)

    def test_12_an_upgrade_under_load_keeps_state_and_loses_no_result(self):
        identity = self.check("cat", "/var/lib/edge-agent/identity.json")
        with tempfile.TemporaryDirectory() as folder:
            self.machine.put({f"/root/next/{name}.deb": repacked(deb(name), "99.0.0", folder) for name in ("edge-agent", "edge-broker")})
        run = self.ask_in_background(100)
        self.check(*APT, "/root/next/edge-agent.deb", "/root/next/edge-broker.deb", timeout_s=300)
        self.wait_for("three lines up", self.lines_up)
        self.assert_each_task_has_one_result(run, 300)
        self.assertEqual(self.check("cat", "/var/lib/edge-agent/identity.json"), identity)
        self.assertEqual(self.of_api("/api/v1/nodes")["items"][0]["name"], "gz-1")

    def test_13_after_a_cold_boot_everything_comes_back_by_itself(self):
        self.boot_again(image.OLDEST)

    def test_14_the_pages_for_operators_say_what_works(self):
        page, here = self.operations, self.is_here
        for text in ("backup /var/backups/edge/edge-1.db", "restore /var/backups"):
            self.typed(page.take(text))
        self.wait_for("gz-1 after the restore", here)
        for text in ("gateway-next.key -out", "mv /var/lib/edge-broker/gateway-next.key", "edgectl rotate", "MemoryMax"):
            self.typed(page.take(text))
            self.wait_for(f"gz-1 after {text}", here)
        self.check("rm", "-r", "/etc/systemd/system/edge-broker.service.d")
        self.check("systemctl", "daemon-reload")
        told = self.typed(page.take("curl -s http://127.0.0.1:8080/healthz"))
        self.assertIn("edge_", told)
        told = self.typed(page.take("journalctl"))
        self.assertIn("node.connected", told)
        type(self).token = re.search(r"admin token +(\S+)", self.typed(page.take("new-token")))[1]
        self.wait_for("gz-1 after another token", here)
        told = self.typed(page.take("edgectl revoke"))
        self.assertIn("revoked", told)
        self.typed(page.take("edgectl token create"))
        self.assertEqual(page.left, [])

    def test_15_an_ordinary_user_runs_a_broker(self):
        self.check("systemctl", "stop", "edge-broker.socket", "edge-broker")
        block = self.install.take("$HOME/edge")
        self.check("install", "-d", "-o", "nobody", "/tmp/home")
        self.typed(f"runuser -u nobody -- env HOME=/tmp/home timeout 10 bash -ec {shlex.quote(block)}", status=124)

    def test_16_purged_it_leaves_nothing(self):
        kinds = {line.split()[1] for line in traces.changed(self.before, traces.of(self.machine), self.restless)}
        self.assertEqual(kinds, {"rule", "route", "bpf", "cgroup", "user", "group", "file", "sysctl"})
        self.typed(self.install.take("apt purge edge-agent"))
        self.check("apt-get", "-qy", "purge", "edge-broker", "edgectl", timeout_s=300)
        self.check("rm", "-r", "/var/backups/edge", "/var/backups/gz-1.token")
        self.assert_nothing_is_left()

    def test_17_a_tarball_goes_as_it_came(self):
        self.typed(self.install.take("tar -xzf"))
        self.assertEqual(self.check("/usr/local/bin/edge-agent", "--version"), self.check("/usr/local/sbin/edge-launcher", "--version").replace("launcher", "agent"))
        self.typed("cd edge-*-amd64 && ./uninstall.sh --purge")
        self.assert_nothing_is_left()
        self.assertEqual(self.install.left, [])

    def assert_nothing_is_left(self):
        self.check("systemctl", "daemon-reload")
        left = traces.changed(self.before, traces.of(self.machine), self.restless)
        self.assertEqual(left, [], "\n".join(left))

    @unittest.skipUnless(FULL, "a second kernel only with EDGE_FULL=1")
    def test_18_the_same_with_a_newer_kernel(self):
        page = pages.Page("install")
        self.set_up_broker(page.take("edge-broker init --public-url"))
        self.set_up_node(page.take("edge-agent enroll"))
        self.boot_again(image.NEWER)
        self.test_03_probes_leave_by_the_line_that_was_asked_for()
        self.test_04_the_doctor_finds_the_highest_level_and_nothing_listens()

    def boot_again(self, kernel):
        """Without uplinks at first, as after a power cut that took the carriers' room, too."""
        booted = self.machine.reboot(kernel)
        self.assertEqual(booted["failed"].strip(), "", booted)
        self.assertTrue(self.check("uname", "-r").startswith(kernel + "."))
        for unit in UNITS:
            self.assertEqual(self.property(unit, "ActiveState"), "active", unit)
        self.check("bash", "-c", uplinks.SCRIPT)
        self.wait_for("three lines up", self.lines_up)
        self.probe("ping", uplinks.TARGET, "-c", "1")


if __name__ == "__main__":
    why = image.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    if os.environ.get("EDGE_BUILD"):
        make = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "cmake", "packages", "make")
        subprocess.run([make, os.environ["EDGE_BUILD"], PACKAGES, "amd64"], check=True)
    unittest.main(verbosity=2, failfast=True)
