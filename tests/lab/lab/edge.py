"""EDGE in the lab: one broker, and on every node a launcher and an enrolled agent."""
import json
import os
import subprocess
import urllib.error
import urllib.request

from lab import linux, topology
from lab.programs import placed

API = "127.0.0.1:8080"  # in the broker's namespace
GATEWAY = f"{topology.GATEWAY}:7443"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever the environment says of proxies
UP_WITHIN_S = 60  # sanitizers and a busy machine included


class Edge:
    def __init__(self, programs, slot, binaries, worker_memory_mb, cpu_first):
        self.programs = programs
        self.slot = slot
        self.binaries = binaries
        self.worker_memory_mb = worker_memory_mb
        self.cpu_first = cpu_first
        self.url = f"http://{API}"
        self.token = None

    def start(self, nodes):
        self._start_broker()
        for node in nodes:
            self._start_node(node)
        for node in nodes:
            self.programs.wait_until(f"edge-agent-{node.name}", lambda node=node: self._is_up(node.name),
                                     within_s=UP_WITHIN_S, what="connected with all lines up")

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with linux.network("broker"), DIRECT.open(request, timeout=10) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            self.programs.fail("edge-broker", f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")
        return json.loads(text) if text.startswith((b"{", b"[")) else {}

    def _start_broker(self):
        directory = f"{self.programs.directory}/broker"
        made = self._once("broker", "edge-broker", "init", "--dir", directory, "--gateway", GATEWAY, "--api", API,
                          "--public-url", f"https://{GATEWAY}", "--json")
        made = json.loads(made)
        self.token = made["token"]
        _lift_target_cap(made["config"])
        with open(made["config"], "a", encoding="utf-8") as config:
            config.write('\n[echo]\nlisten = "[::]:80"\n')
            # `edgectl webhook listen` beside the broker is a receiver here.
            config.write('\n[webhooks]\nallow_http = true\nallow = ["127.0.0.0/8"]\nports = []\n')
        self.programs.start("edge-broker", "broker", [f"{self.binaries}/edge-broker", "--config", made["config"]])
        self.programs.wait_until("edge-broker", self._is_healthy, within_s=UP_WITHIN_S, what="GET /healthz")

    def _start_node(self, node):
        directory = f"{self.programs.directory}/{node.name}"
        state, run, usage = f"{directory}/state", f"{directory}/run", f"{directory}/usage"
        socket = f"{run}/launcher.sock"
        uid = self.slot.uid_base(node.index)
        for folder in (directory, state, run, usage):
            os.mkdir(folder, 0o755)
        os.chown(state, uid, uid)
        os.chmod(state, 0o700)
        _write(f"{directory}/lines.toml", _lines_toml(node))
        _write(f"{directory}/policy.toml", _policy_toml(self.worker_memory_mb, self.cpu_first))
        _write(f"{directory}/agent.toml", _agent_toml(node, state, socket))

        launcher = f"edge-launcher-{node.name}"
        self.programs.start(launcher, node.name, [
            f"{self.binaries}/edge-launcher", "--config", directory, "--socket", socket, "--agent-uid", uid,
            "--uid-base", uid + 1, "--cgroup", self.slot.cgroup(node.name), "--probe", f"{self.binaries}/edge-probe",
            "--state", usage])
        self.programs.wait_until(launcher, lambda: self.programs.says(launcher, "ready"), within_s=UP_WITHIN_S, what="ready")

        answer = self.call("POST", "/api/v1/join-tokens", {"node": node.name})
        self._once(node.name, "edge-agent", "enroll", f"https://{GATEWAY}", "--token-file", "-",
                   "--config", f"{directory}/agent.toml", uid=uid, text=answer["token"])
        self.programs.start(f"edge-agent-{node.name}", node.name,
                            [f"{self.binaries}/edge-agent", "run", "--config", f"{directory}/agent.toml"], uid=uid)

    def _is_healthy(self):
        try:
            self.call("GET", "/healthz")
            return True
        except OSError:  # refused, or URLError
            return False

    def _is_up(self, name):
        """The broker says so: connected, and each of the lines up."""
        for node in self.call("GET", "/api/v1/nodes")["items"]:
            if node["name"] == name:
                lines = {line["name"]: line["state"] for line in node.get("lines", [])}
                return node["state"] == "connected" and all(lines.get(c.name) == "up" for c in topology.CARRIERS)
        return False

    def _once(self, network, program, *arguments, uid=None, text=""):
        """Run a command to its end, as `uid` if given, with `text` as standard input; its standard output."""
        command = placed(network, [f"{self.binaries}/{program}", *arguments], uid)
        done = subprocess.run(command, capture_output=True, text=True, check=False, input=text)
        if done.returncode != 0:
            raise SystemExit(f"lab: {program} {arguments[0]}: status {done.returncode}\n{done.stderr}{done.stdout}")
        return done.stdout


def _lines_toml(node):
    return "\n".join(f'''[[line]]
name = "{carrier.name}"
carrier = "{carrier.code}"
device = "{carrier.name}"
addresses = ["{carrier.node4(node)}", "{carrier.node6(node)}"]
gateway4 = "{carrier.gateway4(node)}"
gateway6 = "{carrier.gateway6(node)}"
table = {100 + carrier.index}
mark = {0x100 + carrier.index:#x}
resolvers = ["{carrier.resolver4}", "{carrier.resolver6}"]
routes = "managed"
''' for carrier in topology.CARRIERS)


def _policy_toml(memory_mb, cpu_first):
    allow = ", ".join(f'"{prefix}"' for prefix in topology.TARGET_RANGES)
    return f'''services = ["dns", "http", "ping"]
[targets]
allow = [{allow}]
ports = [53, 80, 443]
[destination]
probes_per_s = 10000
burst = 100000
[host]
cpu_pressure_percent = 0
memory_pressure_percent = 0
load_per_cpu_percent = 0
cpu_first = {str(cpu_first).lower()}
[worker]
cpu_percent = 100
memory_mb = {memory_mb}
pids = 4
'''


def _lift_target_cap(config):
    """Benches point everything at one target; what the cap does is tested where it is set."""
    with open(config, encoding="utf-8") as file:
        text = file.read()
    with open(config, "w", encoding="utf-8") as file:
        file.write(text.replace("[api]\n", "[api]\ntarget_probes_per_s = 0\n", 1))


def _agent_toml(node, state, socket):
    labels = ", ".join(f'{key} = "{value}"' for key, value in node.labels.items())
    return f'''[node]
name = "{node.name}"
labels = {{ {labels} }}
[agent]
state_dir = "{state}"
launcher = "{socket}"
workers_per_line = 1
tasks_per_worker = 256
[health]
anchors = ["{topology.PING_ONLY[0]}", "{topology.PING_ONLY[1]}"]
echo = "http://echo.lab.test/"
'''


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)
