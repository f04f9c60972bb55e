"""Broker, launcher and agent as units of systemd: what they tell it, and what they take from it. Its part is played here, over real sockets.

`test_systemd.py PROGRAMS`: the folder of the programs. Root, for namespaces of networks and mounts.
"""
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import own_node
from own_broker import OwnBroker
from own_node import OwnNode
from own_systemd import Listener, ServiceManager, fields_of, starting
from wait_for import wait_for

PROGRAMS = sys.argv.pop()
WATCHDOG_S = 2
CLONE_NEWNS, WALL = 0x20000, 0x40000000
PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 17, 0x4206, 0x4207
LIBC = ctypes.CDLL(None, use_errno=True)


def enter_mounts():
    """This process and its children have a /run/systemd of their own, in which the journal is ours."""
    os.makedirs("/run/systemd", exist_ok=True)
    if LIBC.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"], check=True)
    os.makedirs("/run/systemd/journal")
    return Listener("/run/systemd/journal/socket")


def ptrace(request, tid):
    LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if LIBC.ptrace(request, tid, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request} of {tid}")


class Standing:
    """One thread of a process stands still, all others go on."""

    def __init__(self, tid):
        self._tid = tid

    def __enter__(self):
        ptrace(PTRACE_SEIZE, self._tid)
        ptrace(PTRACE_INTERRUPT, self._tid)
        os.waitpid(self._tid, WALL)

    def __exit__(self, *_):
        ptrace(PTRACE_DETACH, self._tid)


def threads(pid, name):
    tasks = [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]
    return [tid for tid in tasks if open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii").read().strip() == name]


def listening(family=socket.AF_INET, address="127.0.0.1"):
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.bind((address, 0))
    opened.listen(64)
    return opened


def free_port():
    with listening() as opened:
        return opened.getsockname()[1]


class Case(unittest.TestCase):
    journal = None  # set by main

    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="edge-systemd-")
        self.addCleanup(made.cleanup)
        self.folder = made.name
        os.chmod(self.folder, 0o755)
        self.manager = ServiceManager(f"{self.folder}/notify")
        self.addCleanup(self.manager.close)
        self.broker = OwnBroker(f"{PROGRAMS}/edge-broker", self.folder)

    def start_broker(self, watchdog_s=None, sockets=(), **environment):
        under = starting({**self.manager.environment(watchdog_s), **environment}, sockets)
        self.broker.start(under, pass_fds=[opened.fileno() for _, opened in sockets])
        self.addCleanup(self.stop_broker)

    def stop_broker(self):
        return self.broker.stop() if self.broker.is_running() else None

    def assert_fed_at_the_period(self):
        """Each half of what the watchdog waits, and none later than it waits, also on a busy machine."""
        self.manager.said.clear()
        for _ in range(6):
            self.manager.hear("WATCHDOG=1", 3 * WATCHDOG_S)
        fed = [at for at, text in self.manager.said if text == "WATCHDOG=1"][1:]  # the first one may have waited for us
        gaps = [later - earlier for earlier, later in zip(fed, fed[1:])]
        self.assertGreater(sum(gaps) / len(gaps), WATCHDOG_S * 0.45)
        self.assertLess(max(gaps), WATCHDOG_S)

    def assert_starves_while_stopped(self, pid):
        os.kill(pid, signal.SIGSTOP)
        try:
            self.assertTrue(self.manager.hears_nothing_of("WATCHDOG=1", 2 * WATCHDOG_S))
        finally:
            os.kill(pid, signal.SIGCONT)
        self.manager.hear("WATCHDOG=1")


class Broker(Case):
    def refused(self, code, says, sockets=(), **environment):
        config = f"{self.broker.folder}/broker.toml"
        done = subprocess.run([*starting(environment, sockets), f"{PROGRAMS}/edge-broker", "--config", config], capture_output=True, text=True,
                              timeout=30, check=False, pass_fds=[opened.fileno() for _, opened in sockets])
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(says, done.stderr.splitlines()[-1])
        return done.stderr

    def test_it_is_ready_when_it_listens_and_says_how_it_does(self):
        self.start_broker()
        self.manager.hear("READY=1\nSTATUS=")
        self.assertTrue(self.manager.said[0][1].startswith("EXTEND_TIMEOUT_USEC="), self.manager.said)
        with socket.create_connection(self.broker.gateway, 5):
            self.assertEqual(self.broker.api.get("/healthz"), {"status": "ok"})
        self.manager.hear("STATUS=0 nodes connected, 0 runs active")
        self.assertEqual(self.broker.stop(), 0)
        self.manager.hear("STOPPING=1\nSTATUS=draining")
        self.assertNotIn("WATCHDOG=1", [text for _, text in self.manager.said])

    def test_the_watchdog_is_fed_at_its_period_and_not_while_the_broker_is_stopped(self):
        self.start_broker(WATCHDOG_S)
        self.assert_fed_at_the_period()
        self.assert_starves_while_stopped(self.broker.pid)

    def test_no_thread_feeds_the_watchdog_in_the_place_of_one_that_stands(self):
        self.start_broker(WATCHDOG_S)
        needed = threads(self.broker.pid, "edge-io") + threads(self.broker.pid, "edge-domain")
        self.assertEqual(len(needed), 3)
        for tid in needed:
            self.manager.hear("WATCHDOG=1")
            with Standing(tid):
                self.manager.hears_nothing_of("WATCHDOG=1", WATCHDOG_S / 2)  # a round that had passed it already
                self.assertTrue(self.manager.hears_nothing_of("WATCHDOG=1", 2 * WATCHDOG_S), tid)
            self.manager.hear("WATCHDOG=1")

    def test_without_systemd_it_says_nothing_and_starts(self):
        self.start_broker(NOTIFY_SOCKET="")
        self.assertTrue(self.manager.hears_nothing_of("", 0.1))
        self.assertNotIn("service_manager_unreachable", self.broker.said())

    def test_a_systemd_that_is_away_ends_nothing_and_is_told_once(self):
        words = starting({"NOTIFY_SOCKET": f"{self.folder}/nobody", "WATCHDOG_USEC": 200_000})
        broker = subprocess.Popen([*words, f"{PROGRAMS}/edge-broker", "--config", f"{self.broker.folder}/broker.toml"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(broker.kill)
        said = ""
        while "broker.ready" not in said:
            said += broker.stderr.readline()
        self.assertEqual(said.count("service_manager_unreachable why="), 1, said)
        broker.terminate()
        rest = broker.communicate(timeout=20)[1]
        self.assertEqual((broker.returncode, rest.count("service_manager_unreachable")), (0, 0), rest)

    def test_sockets_that_are_handed_over_take_the_place_of_the_configured_ones(self):
        with listening() as gateway, listening() as api:
            self.start_broker(sockets=[("gateway", gateway), ("api", api)])
            self.assertEqual(self.broker.gateway[1], gateway.getsockname()[1])
            self.assertEqual(self.broker.url, f"http://127.0.0.1:{api.getsockname()[1]}")
            self.assertEqual(self.broker.api.get("/healthz"), {"status": "ok"})
            self.assertEqual(self.broker.stop(), 0)

    def test_one_socket_alone_may_be_handed_over(self):
        with listening() as api:
            self.start_broker(sockets=[("api", api)])
            self.assertEqual(self.broker.api.get("/healthz"), {"status": "ok"})
            self.assertNotEqual(self.broker.gateway[1], api.getsockname()[1])

    def test_who_connects_while_it_restarts_is_answered_by_the_next_one(self):
        with listening() as gateway, listening() as api:
            sockets = [("gateway", gateway), ("api", api)]
            for _ in range(3):
                waiting = http.client.HTTPConnection("127.0.0.1", api.getsockname()[1], timeout=30)
                waiting.request("GET", "/healthz")  # nobody accepts, nobody refuses
                self.start_broker(sockets=sockets)
                self.assertEqual(waiting.getresponse().status, 200)
                waiting.close()
                self.assertEqual(self.broker.stop(), 0)

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "skipped: no systemd-socket-activate")
    def test_systemds_own_program_activates_it(self):
        gateway, api = free_port(), free_port()
        activator = subprocess.Popen(["systemd-socket-activate", "-l", f"127.0.0.1:{gateway}", "-l", f"127.0.0.1:{api}", "--fdname=gateway:api",
                                      f"{PROGRAMS}/edge-broker", "--config", f"{self.broker.folder}/broker.toml"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(activator.wait)
        self.addCleanup(activator.terminate)
        for line in activator.stderr:
            if "Listening on" in line and str(api) in line:
                break
        asked = http.client.HTTPConnection("127.0.0.1", api, timeout=30)
        asked.request("GET", "/healthz")
        self.assertEqual(asked.getresponse().status, 200)
        with socket.create_connection(("127.0.0.1", gateway), 5):
            pass

    def test_a_socket_that_does_not_fit_is_refused_by_its_name(self):
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.bind(f"{self.folder}/unix")
        unix.listen()
        idle = socket.socket()
        idle.bind(("127.0.0.1", 0))
        anywhere = listening(address="0.0.0.0")
        one, two = listening(), listening()
        for opened in (unix, idle, anywhere, one, two):
            self.addCleanup(opened.close)
        self.refused(78, 'the socket "echo" that systemd hands over: expected FileDescriptorName=gateway or api', [("echo", one)])
        self.refused(78, 'the socket "api" that systemd hands over: there are two of that name', [("api", one), ("api", two)])
        self.refused(78, 'the socket "gateway" that systemd hands over: is no TCP socket that listens', [("gateway", unix)])
        self.refused(78, 'the socket "gateway" that systemd hands over: is no TCP socket that listens', [("gateway", idle)])
        self.refused(78, "without TLS only a loopback address may be listened on, and 0.0.0.0:", [("api", anywhere)])

    def test_keys_are_taken_from_the_credentials_of_the_unit(self):
        config = f"{self.broker.folder}/broker.toml"
        os.makedirs(f"{self.folder}/credentials")
        for file in ("gateway.key", "gateway.crt"):
            os.rename(f"{self.broker.folder}/{file}", f"{self.folder}/credentials/{file}")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        for file in ("gateway.key", "gateway.crt"):
            text = text.replace(f'"{self.broker.folder}/{file}"', f'"credential:{file}"')
        self.assertEqual(text.count("credential:"), 2, text)
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        self.refused(66, "[gateway] cert_file credential:gateway.crt: nothing was handed over; start it by a unit that says LoadCredential=gateway.crt:FILE")
        handed = {"CREDENTIALS_DIRECTORY": f"{self.folder}/credentials"}
        self.start_broker(**handed)
        self.assertEqual(self.broker.stop(), 0)
        checked = subprocess.run([f"{PROGRAMS}/edge-broker", "--check-config", "--config", config], env={**os.environ, **handed}, capture_output=True,
                                 text=True, check=False)
        self.assertEqual(checked.stdout, "ok\n", checked.stderr)
        os.unlink(f"{self.folder}/credentials/gateway.key")
        self.refused(66, "add LoadCredential=gateway.key:FILE to the unit", **handed)

    def test_what_it_logs_has_fields_in_the_journal(self):
        log = open(f"{self.folder}/stream", "w+", encoding="utf-8")
        self.addCleanup(log.close)
        status = os.fstat(log.fileno())
        words = starting({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        broker = subprocess.Popen([*words, f"{PROGRAMS}/edge-broker", "--config", f"{self.broker.folder}/broker.toml"], stderr=log)
        self.addCleanup(broker.wait)
        self.addCleanup(broker.terminate)
        while (entry := fields_of(self.journal.receive(30)))["EDGE_EVENT"] != "broker.ready":
            pass
        self.assertEqual((entry["SYSLOG_IDENTIFIER"], entry["PRIORITY"]), ("edge-broker", "6"))
        self.assertTrue(entry["EDGE_API"].startswith("http://127.0.0.1:"), entry)
        self.assertTrue(entry["MESSAGE"].startswith("broker.ready version="), entry)
        log.seek(0)
        self.assertEqual(log.read(), "")  # nothing twice


class Node(Case):
    def setUp(self):
        super().setUp()
        self.broker.start()
        self.addCleanup(self.stop_broker)
        self.node = OwnNode(PROGRAMS, self.folder, self.broker, "gz-1")
        self.launcher_manager = ServiceManager(f"{self.folder}/launcher-notify")
        self.addCleanup(self.launcher_manager.close)

    def start(self, what, manager):
        program = what(starting(manager.environment(WATCHDOG_S)))
        self.addCleanup(program.stop)
        return program

    def test_the_agent_is_ready_without_a_network_and_says_when_it_is_connected(self):
        self.stop_broker()
        agent = self.start(self.node.start_agent, self.manager)
        self.manager.hear("READY=1\nSTATUS=0/0 lines up, 0 tasks, not connected: dialling 127.0.0.1:")
        self.manager.hear("STATUS=0/0 lines up, 0 tasks, not connected: connect: Connection refused")
        self.broker.start()
        host, port = self.broker.gateway
        self.manager.hear(f"STATUS=0/0 lines up, 0 tasks, connected to {host}:{port}")
        launcher = self.start(self.node.start_launcher, self.launcher_manager)
        self.manager.hear(f"STATUS=1/1 lines up, 0 tasks, connected to {host}:{port}", 60)
        statuses = [at for at, text in self.manager.said if text.startswith("STATUS=")]
        self.assertGreater(min([later - earlier for earlier, later in zip(statuses, statuses[1:])]), 0.9)
        self.assertEqual(agent.stop(), 0)
        self.manager.hear("STOPPING=1\nSTATUS=draining, 0 tasks, connected to ")
        self.assertEqual(launcher.stop(), 0)

    def test_a_reload_begins_and_ends(self):
        agent = self.start(self.node.start_agent, self.manager)
        self.manager.hear("READY=1")
        agent.process.send_signal(signal.SIGHUP)
        self.manager.hear("RELOADING=1\nMONOTONIC_USEC=")
        self.manager.hear("READY=1\nSTATUS=")

    def test_the_agents_loop_feeds_its_watchdog(self):
        agent = self.start(self.node.start_agent, self.manager)
        self.assert_fed_at_the_period()
        self.assert_starves_while_stopped(agent.process.pid)

    def test_the_launchers_loop_feeds_its_watchdog_and_counts_its_workers(self):
        self.manager = self.launcher_manager
        launcher = self.start(self.node.start_launcher, self.manager)
        self.manager.hear("READY=1\nSTATUS=1 line, 0 workers")
        self.assert_fed_at_the_period()
        self.assert_starves_while_stopped(launcher.process.pid)
        agent = self.node.start_agent()
        self.addCleanup(agent.stop)
        self.manager.hear("STATUS=1 line, 1 worker", 60)
        agent.stop()
        self.manager.hear("STATUS=1 line, 0 workers", 60)
        self.assertEqual(launcher.stop(), 0)
        self.manager.hear("STOPPING=1\nSTATUS=1 line, 0 workers")

    def test_launcher_and_agent_log_fields_and_the_launcher_does_so_within_its_filter(self):
        stream = os.stat("/dev/null")
        journal = {"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"}
        words = [*starting(journal), "sh", "-c", 'exec "$@" 2> /dev/null', "sh"]
        launcher = subprocess.Popen(self.node.launcher_words(words))
        self.addCleanup(launcher.wait)
        self.addCleanup(launcher.terminate)
        seen = self.entries_until("edge-launcher", "ready")
        self.assertEqual(seen["EDGE_ENFORCEMENT"], "cooperative")
        agent = self.node.start_agent(words)
        self.addCleanup(agent.stop)
        self.assertEqual(self.entries_until("edge-launcher", "client_connected")["EDGE_UID"], str(own_node.UID))  # its filter is there by now
        self.assertEqual(self.entries_until("edge-agent", "launcher_connected")["PRIORITY"], "6")

    def entries_until(self, program, event):
        """The first entry of that event; others are looked through and kept for later."""
        self.kept = getattr(self, "kept", [])
        for entry in self.kept:
            if (entry["SYSLOG_IDENTIFIER"], entry.get("EDGE_EVENT")) == (program, event):
                return entry
        while text := self.journal.receive(30):
            entry = fields_of(text)
            self.kept.append(entry)
            if (entry["SYSLOG_IDENTIFIER"], entry.get("EDGE_EVENT")) == (program, event):
                return entry
        raise AssertionError(f"{program} did not log {event}: {self.kept[-5:]}")


if __name__ == "__main__":
    own_node.enter_network()
    Case.journal = enter_mounts()
    unittest.main(verbosity=2)
