"""`edge-agent enroll` as root on an installed machine with four uplinks: from an empty /etc to a connected node whose lines probe; what it
refuses, and that nothing half-made stays. And `edge-broker init` for the installed layout."""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

import installed_machine
from installed_machine import tree
from own_broker import OwnBroker
from own_node import Program

NODE = "gz-1"
PLAYBOOK = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "ansible", "enroll.yml")
CARRIERS = (("telecom", "ct", 1), ("unicom", "cu", 2), ("mobile", "cm", 3))
POLICY = 'services = ["dns", "http", "ping"]\n[targets]\nallow = ["198.51.100.0/24"]\n[worker]\nmemory_mb = 512\n' \
         "[host]\ncpu_pressure_percent = 0\nmemory_pressure_percent = 0\nload_per_cpu_percent = 0\ncpu_first = false\n"  # of a build with sanitizers, too
OK, UNWELL, USAGE, UNAVAILABLE, CANNOT_CREATE, NO_PERMISSION, CONFIG = 0, 1, 64, 69, 73, 77, 78
WITHIN_S = 90


def on_node(*words, **options):
    return subprocess.run(["lab-in", NODE, *words], capture_output=True, text=True, timeout=WITHIN_S, check=False, **options)


def route_the_uplinks(action):
    """As an operator's own network configuration does it: a default route of each carrier in a table of its own, and of the host in main."""
    for name, _, index in CARRIERS:
        for words in (f"-4 route {action} default via 100.{64 + index}.1.1 dev {name} table {200 + index}",
                      f"-6 route {action} default via 2001:db8:{index}:1::1 dev {name} table {200 + index}"):
            done = on_node("ip", *words.split())
            if done.returncode != 0:
                raise RuntimeError(done.stderr)


def users():
    """Of this lab: the agent's uid, and the broker's."""
    first = int(on_node("cat", "/proc/sys/net/ipv4/ping_group_range").stdout.split()[0])
    return {"edge-agent": first, "edge-broker": first + 9000}


def setUpModule():  # pylint: disable=invalid-name
    installed_machine.enter(users())
    with open("/etc/resolv.conf", "w", encoding="utf-8") as file:
        file.write("nameserver 100.65.1.1\nnameserver 127.0.0.53\n")


class Enrolment(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="edge-enrolment-")
        cls.addClassCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        cls.folder = folder
        cls.broker = OwnBroker("edge-broker", folder)
        cls.broker.configure("api", 'public_url = "https://console.lab.test"\n')
        cls._edit(f"{cls.broker.folder}/broker.toml", 'listen = "127.0.0.1:0"\ncert_file', 'listen = "10.90.0.1:7443"\ncert_file')
        cls.broker.start()
        cls.url = "https://10.90.0.1:7443"
        route_the_uplinks("add")

    @classmethod
    def tearDownClass(cls):
        route_the_uplinks("del")
        cls.broker.stop()

    def setUp(self):
        self.uid = users()["edge-agent"]
        self.addCleanup(installed_machine.forget)

    @staticmethod
    def _edit(path, old, new):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text, text
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def write(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def token(self, node):
        return self.write(f"{self.folder}/{node}.token", self.broker.api.post("/api/v1/join-tokens", {"node": node})["token"] + "\n")

    def enroll(self, *words, **options):
        return on_node("edge-agent", "enroll", *words, start_new_session=True, stdin=subprocess.DEVNULL, **options)

    def left(self):
        return tree("/etc/edge", "/var/lib/edge-agent")

    def start_as_told(self, said):
        """Types in what it says starts the daemons, with this lab's users and control group."""
        commands = re.search(r"^to start .*\n((?:  .*\n)+)", said, re.M).group(1).strip().splitlines()
        started = []
        for command in commands:
            command = command.replace("--uid-base 70000", f"--uid-base {self.uid + 1}").replace("--cgroup edge", f"--cgroup {os.environ['EDGE_LAB_CGROUP']}")
            program = Program(["lab-in", NODE, *command.split()], f"{self.folder}/daemon-{len(started)}.log")
            started.append(program)
            self.addCleanup(program.stop)
        return started

    def begun(self, *words):
        """An enroll that waits; what it has said until it waits."""
        process = subprocess.Popen(["lab-in", NODE, "edge-agent", "enroll", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(process.kill)
        said = b""
        while b"edge-agent run --config" not in said:
            self.assertTrue(select.select([process.stdout], [], [], WITHIN_S)[0], said)
            part = os.read(process.stdout.fileno(), 65536)
            self.assertTrue(part, said.decode())
            said += part
        return process, said.decode()

    def test_from_an_empty_etc_to_a_connected_node_whose_lines_probe(self):
        self.write("/etc/edge/policy.toml", POLICY)
        waiting, said = self.begun(self.url, "--token-file", self.token("gz-1"), "--yes", "--wait", str(WITHIN_S))
        self.start_as_told(said + "\n")
        rest, _ = waiting.communicate(timeout=WITHIN_S)
        said += rest.decode()
        self.assertEqual(waiting.returncode, OK, said)
        for step in ("checked   kernel", "found     4 uplinks", "carrier ct (guessed from the device's name telecom)",
                     "wrote     /etc/edge/lines.toml, /etc/edge/agent.toml\n", "enrolled as gz-1 (node_", "connected to 10.90.0.1:7443\n",
                     "look at   https://console.lab.test/nodes/gz-1\n"):
            self.assertIn(step, said)
        agent = self.uid
        modes = self.left()
        self.assertEqual({path: modes[path] for path in ("/etc/edge", "/etc/edge/lines.toml", "/etc/edge/agent.toml", "/var/lib/edge-agent",
                                                         "/var/lib/edge-agent/node.key", "/var/lib/edge-agent/identity.json")},
                         {"/etc/edge": ("0o755", 0, 0), "/etc/edge/lines.toml": ("0o644", 0, 0), "/etc/edge/agent.toml": ("0o640", 0, agent),
                          "/var/lib/edge-agent": ("0o700", agent, agent), "/var/lib/edge-agent/node.key": ("0o600", agent, agent),
                          "/var/lib/edge-agent/identity.json": ("0o600", agent, agent)})
        self.assertEqual({owner for path, (_, owner, _) in modes.items() if path.startswith("/var/lib/edge-agent")}, {agent})
        self.look_at_lines()
        self.look_at_probes()
        self.say_it_again()

    def look_at_lines(self):
        def lines():
            (node,) = [one for one in self.broker.api.get("/api/v1/nodes")["items"] if one["name"] == "gz-1"]
            found = {line["name"]: line for line in node.get("lines", [])}
            return len(found) == 4 and all(line["state"] != "unknown" for line in found.values()) and found
        found = self.broker.api.wait(lines, WITHIN_S, "four lines")
        self.assertEqual({name: (line["carrier"], line["table"]) for name, line in found.items()},
                         {"telecom": ("ct", 201), "unicom": ("cu", 202), "mobile": ("cm", 203), "mgmt-2": ("other", 101)})
        self.assertEqual({line["enforced_by"] for line in found.values()}, {"bpf"})

    def look_at_probes(self):
        run = self.broker.api.probe("ping", "all -carrier:other", target="198.51.100.20", count=2)
        self.assertEqual(run["state"], "finished", run)
        by_line = {result["line"]["name"]: result for result in run["results"]}
        for name, _, index in CARRIERS:
            result = by_line[name]
            self.assertIn(result["status"], ("ok", "partial"), result)
            self.assertTrue(result["evidence"]["verified"], result["evidence"])
            self.assertEqual(result["evidence"]["src_addr"], f"100.{64 + index}.1.2", result["evidence"])

    def say_it_again(self):
        """On a node that is enrolled and runs; its token is spent, and need not be there."""
        before = self.left()
        before.pop("/var/lib/edge-agent/link.json", None)
        done = self.enroll(self.url, "--yes")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        for step in ("lines     /etc/edge/lines.toml is there, and stays as it is\n", f"joined    already: {self.url} as gz-1 (node_",
                     "connected to 10.90.0.1:7443\n", "look at   https://console.lab.test/nodes/gz-1\n"):
            self.assertIn(step, done.stdout)
        self.assertLessEqual(before.items(), self.left().items())
        for words in (("https://other.example:7443",), (self.url, "--name", "gz-2")):
            other = self.enroll(*words, "--yes")
            self.assertEqual(other.returncode, CANNOT_CREATE)
            self.assertIn("this node is already gz-1", other.stderr)

    def test_what_is_refused_leaves_nothing(self):
        spent = self.token("spent-1")
        self.assertEqual(self.enroll(self.url, "--token-file", spent, "--no-lines", "--no-start").returncode, OK)
        installed_machine.forget()
        wrong = self.write(f"{self.folder}/wrong.toml", '[[line]]\nname = "x"\ndevice = "telecom"\naddresses = ["100.65.1.2"]\ntable = 1\n')
        cases = ((("--token-file", spent, "--yes"), NO_PERMISSION, "used"),
                 (("--token-file", f"{self.folder}/none", "--yes"), 66, "cannot be read"),
                 ((), USAGE, "edgectl token create --node"),
                 (("--token-file", self.token("tty-1")), USAGE, "there is no terminal to ask at; say --yes"),
                 (("--token-file", self.token("bad-1"), "--lines", wrong), CONFIG, "/etc/edge/lines.toml:1:1: mark is missing"),
                 (("--token-file", self.token("none-1"), "--lines", f"{self.folder}/none.toml"), 66, "cannot be read"))
        for words, status, why in cases:
            done = self.enroll(self.url, *words)
            self.assertEqual((done.returncode, self.left()), (status, {}), done.stderr + done.stdout)
            self.assertIn(why, done.stderr)

    def test_after_a_broker_that_was_not_there_the_same_command_goes_on(self):
        token = self.token("late-1")
        done = self.enroll("https://10.90.0.1:7444", "--token-file", token, "--yes")
        self.assertEqual(done.returncode, UNAVAILABLE, done.stderr)
        self.assertIn("the key is kept, try again with the same command", done.stderr)
        self.assertIn("what was written is taken back: /etc/edge, /etc/edge/lines.toml, /etc/edge/policy.toml, /etc/edge/agent.toml", done.stderr)
        self.assertEqual(tree("/etc/edge"), {})
        self.assertIn("/var/lib/edge-agent/node.key", self.left())
        done = self.enroll(self.url, "--token-file", token, "--yes", "--no-start")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertIn("to start", done.stdout)

    def test_a_machine_without_a_default_route_is_told_what_to_do_and_joins_without_lines(self):
        route_the_uplinks("del")
        self.addCleanup(route_the_uplinks, "add")
        for words in (("-4", "10.90.1.1"), ("-6", "fd90:0:0:1::1")):
            on_node("ip", words[0], "route", "del", "default", "via", words[1])
            self.addCleanup(on_node, "ip", words[0], "route", "add", "default", "via", words[1])
        on_node("ip", "route", "add", "10.90.0.1", "via", "10.90.1.1")
        self.addCleanup(on_node, "ip", "route", "del", "10.90.0.1")
        token = self.token("bare-1")
        done = self.enroll(self.url, "--token-file", token, "--yes")
        self.assertEqual((done.returncode, self.left()), (UNAVAILABLE, {}), done.stderr)
        self.assertIn("ip route show table all default", done.stderr)
        done = self.enroll(self.url, "--token-file", token, "--no-lines", "--no-start")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertNotIn("/etc/edge/lines.toml", self.left())
        self.assertNotIn("edge-launcher", done.stdout)

    def answered(self, answer, *words):
        """Status and screen of one that asks at a terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp("lab-in", ["lab-in", NODE, "edge-agent", "enroll", self.url, *words])
        screen = b""
        deadline = time.monotonic() + WITHIN_S
        try:
            while time.monotonic() < deadline and select.select([terminal], [], [], WITHIN_S)[0]:
                part = os.read(terminal, 65536)
                if b"[y/N]" in part:
                    os.write(terminal, answer)
                screen += part
        except OSError:  # its other end is closed
            pass
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode().replace("\r\n", "\n")

    def test_at_a_terminal_it_asks_and_no_shows_what_would_have_been_written(self):
        token = self.token("ask-1")
        status, screen = self.answered(b"n\n", "--token-file", token, "--no-start")
        self.assertEqual((status, self.left()), (UNWELL, {}), screen)
        self.assertIn("Write these to /etc/edge/lines.toml? [y/N] ", screen)
        self.assertIn('[[line]]\nname = "telecom"\n# guessed from the device\'s name telecom\ncarrier = "ct"\n', screen)
        status, screen = self.answered(b"y\n", "--token-file", token, "--no-start")
        self.assertEqual(status, OK, screen)
        self.assertIn("/etc/edge/lines.toml", self.left())

    def systemd(self, status, says=""):
        """One that remembers what it was told; where it is, a machine runs by it."""
        os.makedirs("/run/systemd/system")
        told = f"{self.folder}/systemctl.told"
        if os.path.exists(told):
            os.remove(told)
        program = self.write(f"{self.folder}/bin/systemctl", f'#!/bin/sh\necho "$@" >> {told}\necho "{says}"\nexit {status}\n')
        os.chmod(program, 0o755)
        return {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}, told

    def test_units_are_started_and_one_that_does_not_start_or_connect_is_told_with_how_to_go_on(self):
        environment, told = self.systemd(0)
        done = self.enroll(self.url, "--token-file", self.token("unit-1"), "--yes", "--wait", "1", env=environment)
        self.assertEqual(done.returncode, UNAVAILABLE, done.stdout + done.stderr)
        with open(told, encoding="utf-8") as file:
            self.assertEqual(file.read(), "enable --now edge-launcher.service edge-agent.service\n")
        self.assertIn("started   edge-launcher.service, edge-agent.service\n", done.stdout)
        self.assertIn("not connected within 1 s: edge-agent: none runs with /var/lib/edge-agent; the node has joined, and ", done.stderr)
        self.assertIn("/etc/edge/lines.toml", self.left())
        installed_machine.forget()
        environment, _ = self.systemd(1, "Unit edge-agent.service not found.")
        done = self.enroll(self.url, "--token-file", self.token("unit-2"), "--yes", env=environment)
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn("systemctl: Unit edge-agent.service not found.; the node has joined and is configured; ", done.stderr)
        self.assertIn("then run: systemctl enable --now edge-launcher.service edge-agent.service", done.stderr)

    def test_why_it_is_not_connected_is_the_agents_own_word(self):
        done = self.enroll(self.url, "--token-file", self.token("shut-1"), "--no-lines", "--no-start")
        self.assertEqual(done.returncode, OK, done.stderr)
        (node,) = [one for one in self.broker.api.get("/api/v1/nodes")["items"] if one["name"] == "shut-1"]
        self.broker.api.post(f"/api/v1/nodes/{node['id']}/revoke", {"reason": "stolen"})
        agent = Program(["lab-in", NODE, "runuser", "-u", "edge-agent", "--", "edge-agent", "run"], f"{self.folder}/shut.log")
        self.addCleanup(agent.stop)
        done = self.enroll(self.url, "--wait", "15", "--no-lines")
        self.assertEqual(done.returncode, UNAVAILABLE, done.stdout)
        self.assertIn("not connected within 15 s: 10.90.0.1:7443: the broker says revoked: ", done.stderr, agent.said())

    @unittest.skipUnless(shutil.which("ansible-playbook"), "ansible-playbook is not here (package ansible-core)")
    def test_the_playbook_makes_a_node_and_changes_nothing_the_second_time(self):
        """But for edgectl, which a token that is given stands for, and the package."""
        policy = self.write(f"{self.folder}/policy.toml", POLICY)
        token = self.broker.api.post("/api/v1/join-tokens", {"node": "playbook-1"})["token"]
        words = ["ansible-playbook", "--connection", "local", "-i", "playbook-1,", "-e", "ansible_python_interpreter=/usr/bin/python3",
                 "-e", json.dumps({"edge_broker_url": self.url, "edge_join_token": token, "edge_policy": policy, "edge_enroll_options": ["--no-start"]}),
                 f"{self.folder}/enroll.yml"]
        with open(PLAYBOOK, encoding="utf-8") as file:
            self.write(f"{self.folder}/enroll.yml", file.read().replace("hosts: edge_nodes", "hosts: all"))
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": f"{self.folder}/ansible", "ANSIBLE_LOCAL_TEMP": f"{self.folder}/ansible",
                       "ANSIBLE_REMOTE_TEMP": f"{self.folder}/ansible", "LC_ALL": "C.UTF-8"}
        first = on_node(*words, env=environment)
        self.assertEqual(first.returncode, OK, first.stdout + first.stderr)
        self.assertIn("enrolled as playbook-1", first.stdout)
        with open("/etc/edge/policy.toml", encoding="utf-8") as file:
            self.assertEqual(file.read(), POLICY)
        second = on_node(*words, env=environment)
        self.assertEqual(second.returncode, OK, second.stdout + second.stderr)
        self.assertRegex(second.stdout, r"playbook-1 .*changed=0 .*failed=0")

    def test_only_root_sets_up_and_another_user_is_told(self):
        done = on_node("setpriv", f"--reuid={self.uid}", "--clear-groups", "edge-agent", "enroll", self.url, "--yes", "--token", "x")
        self.assertEqual(done.returncode, NO_PERMISSION, done.stderr)
        self.assertIn("takes root", done.stderr)


class InstalledBroker(unittest.TestCase):
    def setUp(self):
        self.addCleanup(installed_machine.forget)

    def test_it_stands_where_the_package_has_it_and_is_never_overwritten(self):
        uid = users()["edge-broker"]
        made = subprocess.run(["edge-broker", "init", "--public-url", "https://broker.example:443", "--console-url", "https://edge.example"],
                              capture_output=True, text=True, check=True).stdout
        self.assertRegex(made, r"admin token  edgep_\w+\n")
        self.assertRegex(made, r"pin          sha256:")
        self.assertIn("config       /etc/edge/broker.toml\n", made)
        self.assertIn("Start it:    systemctl enable --now edge-broker.socket edge-broker\n", made)
        before = tree("/etc/edge", "/var/lib/edge-broker")
        self.assertEqual(before["/etc/edge/broker.toml"], ("0o640", 0, uid))
        self.assertEqual(before["/var/lib/edge-broker"], ("0o700", uid, uid))
        self.assertEqual(before["/var/lib/edge-broker/gateway.key"], ("0o600", uid, uid))
        self.assertEqual({owner for path, (_, owner, _) in before.items() if path.startswith("/var")}, {uid})
        with open("/etc/edge/broker.toml", encoding="utf-8") as file:
            text = file.read()
        self.assertIn('listen = "0.0.0.0:443"', text)
        self.assertIn('public_url = "https://edge.example"', text)
        checked = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "edge-broker", "--check-config", "--config",
                                  "/etc/edge/broker.toml"], capture_output=True, text=True, check=False)
        self.assertEqual((checked.returncode, checked.stdout), (OK, "ok\n"), checked.stderr)
        again = subprocess.run(["edge-broker", "init"], capture_output=True, text=True, check=False)
        self.assertEqual(again.returncode, CANNOT_CREATE)
        self.assertIn("/etc/edge/broker.toml: is there already", again.stderr)
        self.assertEqual(tree("/etc/edge", "/var/lib/edge-broker"), before)

    def test_without_root_it_wants_a_folder(self):
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "edge-broker", "init"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, NO_PERMISSION)
        self.assertIn("--dir makes a broker in a folder", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
