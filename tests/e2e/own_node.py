"""A node of the test's own, without the lab and without root: launcher and agent of an ordinary user, and one line to a target that
answers pings, in network namespaces of this process. Needs root to make them."""
import atexit
import ctypes
import os
import re
import signal
import subprocess
import sys

from wait_for import wait_for

CLONE_NEWNET = 0x40000000
UID = 61_470  # nobody's
TARGET = "198.18.9.1"
OURS = "198.18.9.2"
STRACE = ["strace", "-D", "-f", "-qq", "-e", "signal=none"]  # -D: what is traced stays our child

LINES = f"""[[line]]
name = "wan"
carrier = "ct"
device = "wan0"
addresses = ["{OURS}/24"]
gateway4 = "{TARGET}"
table = 101
mark = 0x101
resolvers = ["{TARGET}"]
"""
POLICY = """services = ["ping"]
[targets]
allow = ["198.18.9.0/24"]
[destination]
probes_per_s = 0
[host]
cpu_pressure_percent = 0
memory_pressure_percent = 0
load_per_cpu_percent = 0
"""


def sh(*words):
    subprocess.run(words, check=True, capture_output=True)


def enter_network():
    """This process and its children get loopback, and a wire to one neighbour, whose pid it returns. Before any thread starts. Ends the
    test as skipped where it is not root's."""
    if os.geteuid() != 0:
        print("skipped: makes network namespaces, which takes root")
        sys.exit(77)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    neighbour = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE)
    atexit.register(neighbour.kill)
    neighbour.stdout.readline()
    sh("ip", "link", "set", "lo", "up")
    sh("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "far0", "netns", str(neighbour.pid))
    sh("ip", "addr", "add", f"{OURS}/24", "dev", "wan0")
    sh("ip", "link", "set", "wan0", "up")
    for words in (("addr", "add", f"{TARGET}/24", "dev", "far0"), ("link", "set", "far0", "up")):
        sh("nsenter", "--net", f"--target={neighbour.pid}", "ip", *words)
    with open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as file:
        file.write(f"{UID} {UID}")
    return neighbour.pid


def pings_that_arrived(neighbour):
    """Echo requests that the neighbour's kernel has seen since it began."""
    with open(f"/proc/{neighbour}/net/snmp", encoding="ascii") as file:
        names, values = [line.split()[1:] for line in file if line.startswith("Icmp:")]
    return int(values[names.index("InEchos")])


class Program:
    """One that runs; ended with the test. What it says is in the file `log`."""

    def __init__(self, words, log):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(words, stdout=out, stderr=out)
        atexit.register(self.process.kill)

    def is_running(self):
        return self.process.poll() is None

    def ended(self, within_s=30):
        return self.process.wait(timeout=within_s)

    def stop(self, how=signal.SIGTERM, within_s=30):
        if self.is_running():
            self.process.send_signal(how)
        return self.ended(within_s)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()


class OwnNode:
    """Made and enrolled, and not started."""

    def __init__(self, programs, folder, broker, name, gateway=None, link=""):
        self._programs = programs
        self._folder = os.path.join(folder, name)
        self.name = name
        os.makedirs(f"{self._folder}/run")
        self._config = f"{self._folder}/agent.toml"
        self._write("lines.toml", LINES)
        self._write("policy.toml", POLICY)
        self._write("agent.toml", f'[agent]\nstate_dir = "{self._folder}/state"\nlauncher = "{self._folder}/run/launcher.sock"\n'
                                  f'[link]\nfirst_retry_ms = 100\n{link}[health]\ninterval_ms = 0\n')
        os.mkdir(f"{self._folder}/state", 0o700)
        for made in (self._folder, f"{self._folder}/run", f"{self._folder}/state"):
            os.chown(made, UID, UID)
        self._enroll(broker, gateway or broker.gateway)

    def _write(self, name, text):
        with open(f"{self._folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def _enroll(self, broker, gateway):
        token = broker.api.post("/api/v1/join-tokens", {"node": self.name})["token"]
        done = subprocess.run(self._as_user("edge-agent", "enroll", f"https://{gateway[0]}:{gateway[1]}", "--token-file", "-",
                                            "--config", self._config), input=token, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"enroll: {done.stderr}")

    def _as_user(self, program, *arguments, under=()):
        return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--bounding-set=-all", *under,
                f"{self._programs}/{program}", *arguments]

    def launcher_words(self, under=()):
        return self._as_user("edge-launcher", "--config", self._folder, "--socket", f"{self._folder}/run/launcher.sock", "--guard", "cooperative",
                             "--cgroup", "none", "--probe", f"{self._programs}/edge-probe", under=under)

    def start_launcher(self, under=()):
        """And types in what it says that root has to add."""
        launcher = Program(self.launcher_words(under), f"{self._folder}/launcher.log")
        wait_for(lambda: " ready " in launcher.said() or not launcher.is_running(), 60, launcher.said)
        for command in re.findall(r'line_incomplete line=.* todo="(ip .*)"', launcher.said()):
            sh(*command.split())
        return launcher

    def start_agent(self, under=()):
        return Program(self._as_user("edge-agent", "--config", self._config, under=under), f"{self._folder}/agent.log")
