"""An agent with a node's own key that does what docs/protocol.md forbids: it is answered with the error that stands there, closed where it has
to be, and stores nothing; its neighbour's heartbeats go on meanwhile."""
import os
import re
import secrets
import socket
import struct
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "contract", "protocol")]
from drips import FRAME, HELLO, Drips, post  # noqa: E402
from hostile_agent import NOBODYS, Hostile, Neighbour, fragments, frame  # noqa: E402
from minimal_agent import Closed, base32  # noqa: E402
from own_broker import OwnBroker  # noqa: E402
from seen import seen, seen_by  # noqa: E402
from wait_for import wait_for  # noqa: E402

FULL = bool(os.environ.get("EDGE_FULL"))
REPLAYS = 1000 if FULL else 50
FLOOD_S = 30 if FULL else 3
SLOW_SOCKETS = 1000 if FULL else 200
DRIPS = 50  # of each kind
DRIPPING_AGENTS = 5
MOST = 256 * 1024  # bytes of a message
FRAGMENTS = 64  # of a message, at most
HALVES = 20
RATE = 3000  # results of a node in a second
PROGRAM = os.path.join(sys.argv.pop(), "edge-broker")
DRIP_S = {"an agent's message": 45, "a first message": 10, "an enrolment": 10, "a job": 30, "a job in chunks": 30}  # that each may take

MALFORMED = [b"{", b"[", b"nul", b'{"t":"wack","n":1e999}', b'{"t":"wack","t":"wack","n":0}', b'{"t":"wack","n":0,"x":"\\ud800"}',
             b'{"t":"wack","n":0}\0', b'\xef\xbb\xbf{"t":"wack","n":0}', b"[" * 100_000, b'{"a":' * 50_000,
             b'{"t":"wack","n":0,}', b'{"t":"wack","n":NaN}', b"{'t':'wack','n':0}", b'{"t":"wack","n":0}//', b'{"t":"wack","n":00}',
             b'{"t":"wack","n":-1}', b'{"t":"wack","n":9223372036854775808}', b'{"t":"wack","n":1.5}', b'{"t":"wack","n":"1"}', b'{"t":"wack"}',
             b'[{"t":"wack","n":0}]', b'{"n":0}', b'{"t":7,"n":0}', b'{"t":"wack","n":0}{"t":"wack","n":0}', b'{"t":"wack","n":0,"x":' + b"[" * 40 + b"]" * 40 + b"}",
             b'{"t":"welcome_ack","join_counter":1,"credit":{"upto_n":1,"bytes":1}}']


class HostileAgents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="edge-hostile-")
        cls.addClassCleanup(folder.cleanup)
        cls.broker = OwnBroker(PROGRAM, folder.name)
        cls.broker.configure("gateway", f"tls = false\nnode_results_per_s = {RATE}\n")
        cls.broker.start()
        cls.addClassCleanup(cls.broker.stop)
        cls.agent = cls.join(Hostile, "hostile-1")
        cls.neighbour = cls.join(Neighbour, "neighbour-1").start()
        cls.addClassCleanup(cls.neighbour.stop)

    @classmethod
    def join(cls, kind, name):
        return kind(cls.broker.gateway, cls.broker.api.post("/api/v1/join-tokens", {"node": name})["token"], name)

    def setUp(self):
        self.stored = self.results()
        self.neighbour.took.clear()
        self.agent.connect()

    def tearDown(self):
        """Nothing of it is stored, honest work is done afterwards, and nobody else has waited."""
        self.agent.cut()
        stored = self.results()
        self.assertEqual(stored, self.stored)
        self.agent.connect()
        run = self.broker.api.post("/api/v1/jobs", {"service": "ping", "params": {"target": "198.51.100.10"}, "selector": "node:hostile-1"})
        self.agent.finish(self.agent.accept())
        self.agent.send()
        while self.agent.results:
            self.agent.next("rack")
        self.assertEqual(self.broker.api.wait_run(run["id"])["tasks"]["succeeded"], 1)
        self.agent.cut()
        wait_for(lambda: len(self.neighbour.took) > 20, 30, self.broker.said)
        seen_by(self, f"{len(set(stored) - set(self.stored))} results stored of it, {len(set(self.stored) - set(stored))} of others lost, "
                      f"neighbour's heartbeats p99 {self.neighbour.p99() * 1000:.0f} ms of {len(self.neighbour.took)}")
        self.assertLess(self.neighbour.p99(), 1)

    def assert_small(self, grown, most):
        """AddressSanitizer keeps what is freed; there the figure says nothing."""
        if not self.broker.is_sanitized():
            self.assertLess(grown, most)

    def results(self):
        return sorted(result["id"] for run in self.broker.api.items("/api/v1/runs") for result in self.broker.api.items(f"/api/v1/runs/{run['id']}/results"))

    def test_frames_above_the_limit_are_closed_with_1009_and_cost_no_memory(self):
        for what, pieces in {"a header of 1 GiB": [b"\x81\xff" + struct.pack(">Q", 1 << 30) + bytes(4) + bytes(4096)],
                             "a header of 2^63 - 1": [b"\x81\xff" + struct.pack(">Q", (1 << 63) - 1) + bytes(4)],
                             "one byte too many": [frame(b" " * (MOST + 1))],
                             "endless fragments": [frame(b" " * 60_000, 0x01)] + [frame(b" " * 60_000, 0x00)] * 5,
                             "endless fragments of a byte": fragments(b" " * (MOST + 1)),
                             "65 fragments of a byte": fragments(b" " * (FRAGMENTS + 1)),
                             "65 fragments in less than a message's bytes": fragments(b" " * 4000 * (FRAGMENTS + 1), 4000),
                             "endless empty fragments": [frame(b"", 0x01)] + [frame(b"", 0x00) * 1000] * 50,
                             "fragments with pings between them": [frame(b" ", 0x01)] + [frame(b"", 0x89) + frame(b" ", 0x00)] * FRAGMENTS}.items():
            with self.subTest(what):
                self.agent.cut()
                self.agent.connect()
                before = self.broker.resident_kib()
                self.agent.be_patient(120)  # a broker with sanitizers has its time with a frame for each byte
                self.agent.raw(*pieces)
                self.assertEqual(self.agent.fate(), ([], 1009))
                grown = self.broker.resident_kib() - before
                seen(f"{what}: the broker has {grown} KiB more")
                self.assert_small(grown, 2048)
        self.agent.connect()
        asks = b'{"t":"hb","at_us":1}'
        for pieces in (fragments(asks), fragments(asks.ljust((FRAGMENTS - 1) * 100), 100)):
            self.agent.raw(*pieces, frame(b"", 0x80))
            while self.agent.next("hb").get("echo_us") != 1:
                pass

    def test_many_that_begin_the_largest_message_and_stop_cost_what_they_sent(self):
        agents = [self.agent] + [self.join(Hostile, f"half-{i}") for i in range(HALVES)]
        for agent in agents[1:]:
            agent.connect()
        self.assertIsNone(self.agent.answer())
        before = self.broker.resident_kib()
        for agent in agents[1:]:
            agent.raw(*fragments(b" " * (MOST - 4096), 4096))
        self.assertIsNone(self.agent.answer())
        for _ in range(HALVES):  # they were read by then, a piece of each at a time
            self.assertIsNone(self.agent.answer())
        grown = self.broker.resident_kib() - before
        seen(f"{HALVES} messages of 252 KiB that do not end: {grown // HALVES} KiB more each")
        self.assert_small(grown, 2048 * HALVES)
        for agent in agents[1:]:
            agent.cut()

    def test_frames_that_are_no_text_are_closed(self):
        kinds = (("compressed", 0xC1, 1002), ("RSV2", 0xA1, 1002), ("an unknown opcode", 0x83, 1002), ("binary", 0x82, 1003))
        for what, first, code in kinds:
            with self.subTest(what):
                self.agent.cut()
                self.agent.connect()
                self.agent.raw(frame(b'{"t":"wack","n":0}', first))
                self.assertEqual(self.agent.fate(), ([], code))
        self.agent.connect()
        self.agent.raw(b"\x81\x02{}")  # not masked
        self.assertEqual(self.agent.fate(), ([], 1002))
        seen(f"{len(kinds) + 1} kinds of frames that are no text, all closed")

    def test_malformed_messages_are_answered_and_the_third_is_the_last(self):
        for text in MALFORMED:
            with self.subTest(text[:40]):
                self.agent.cut()
                self.agent.connect()
                self.agent.raw(frame(text))
                self.assertEqual(self.agent.answer(), "bad_envelope")
        self.agent.raw(frame(MALFORMED[0]), frame(MALFORMED[1]))
        self.assertEqual(self.agent.fate(), (["bad_envelope"] * 2, 1002))
        self.agent.connect()
        self.agent.raw(frame(b'{"t":"wack","n":0,"x":"\xff"}'))  # RFC 6455: a text that is not UTF-8
        self.assertEqual(self.agent.fate(), ([], 1007))
        seen(f"{len(MALFORMED)} malformed messages, all refused")

    def test_an_unknown_envelope_counts_only_if_it_must(self):
        harmless = ({"t": "later", "x": [1]}, {"t": "later", "must": False})
        self.agent.say(*harmless)
        self.assertIsNone(self.agent.answer())
        self.agent.say({"t": "later", "must": True})
        said, code = self.agent.fate()
        seen_by(self, f"{len(harmless)} passed over, one that must be understood closed with {code}")
        self.assertEqual((said, code), (["unknown_type"], 1002))

    def test_numbers_out_of_sequence_end_the_session(self):
        task = "task_" + base32(secrets.token_bytes(16))
        last = self.agent.result_last
        refused = 0
        for what, line, code in (("a gap", self.agent.result(last + 2, task), "gap"), ("an acknowledgement beyond what was sent", {"t": "wack", "n": self.agent.work_last + 1}, "wack"),
                                 ("beyond 2^52", {"t": "wack", "n": 1 << 52}, "wack")):
            with self.subTest(what):
                self.agent.say(line)
                self.assertEqual(self.agent.fate(), ([code], 1012))
                self.agent.connect()
                refused += 1
        for lines in self.agent.results.values():
            self.agent.say(*lines)
        self.agent.say(self.agent.result(max(last, 1), task))  # it has that number
        self.assertIsNone(self.agent.answer())
        seen_by(self, f"{refused} refused")

    def test_a_result_of_a_task_that_is_not_this_nodes_is_acknowledged_and_dropped(self):
        theirs = self.broker.api.post("/api/v1/jobs", {"service": "ping", "params": {"target": "198.51.100.10"}, "selector": "node:neighbour-1"})
        task, = self.broker.api.items(f"/api/v1/runs/{theirs['id']}/tasks")
        acknowledged = 0
        for stranger in (task["id"], "task_" + base32(secrets.token_bytes(16))):
            self.agent.result_last += 1
            self.agent.say(self.agent.result(self.agent.result_last, stranger) | {"run_id": theirs["id"]})
            while self.agent.next("rack")["n"] < self.agent.result_last:
                pass
            acknowledged += 1
        of_it = list(self.broker.api.items(f"/api/v1/runs/{theirs['id']}/results"))
        seen_by(self, f"{acknowledged} acknowledged, {len(of_it)} stored")
        self.assertEqual(of_it, [])
        self.assertNotEqual(self.broker.api.get(f"/api/v1/runs/{theirs['id']}")["state"], "finished")

    def test_a_hello_that_is_played_back_is_refused(self):
        said = []
        self.agent.cut()
        agent = self.agent
        original = agent.key.sign
        agent.key.sign = lambda text: said.append(original(text)) or said[-1]
        agent.connect()
        agent.key.sign = lambda text: said[0]  # of another connection's nonce
        for _ in range(REPLAYS):
            with self.assertRaises(Closed) as closed:
                agent.connect()
            self.assertEqual(closed.exception.code, 1008)
        agent.key.sign = original
        agent.connect()
        self.assertIn("code=bad_signature", self.broker.said())
        seen(f"{REPLAYS} hellos played back, 0 taken")

    def test_an_agent_that_does_not_read_is_cut(self):
        before = self.broker.resident_kib()
        ask = frame(b"\n".join([b'{"t":"hb","at_us":1}'] * 2000))
        self.agent.be_patient(60)
        began = time.monotonic()
        while time.monotonic() - began < 60 and self.agent.raw(ask):
            pass
        cut = time.monotonic() - began
        # A broker with sanitizers fills the kernel's buffers so slowly that TCP_USER_TIMEOUT, 30 s, may come first.
        why = ("slow consumer", "the agent left") if self.broker.is_sanitized() else ("slow consumer",)
        wait_for(lambda: any(one in self.broker.said() for one in why), 20, self.broker.said)
        grown = self.broker.resident_kib() - before
        seen(f"one that does not read: cut after {cut:.1f} s, {grown} KiB more")
        self.assertLess(cut, 45 if self.broker.is_sanitized() else 30)
        self.assert_small(grown, 16 * 1024)

    def test_a_flood_of_results_harms_nobody_else(self):
        before = self.credit_waits()
        self.agent.be_patient(120)  # a broker with sanitizers looks each of them up for some milliseconds
        sent, waits = self.agent.flood(FLOOD_S)
        seen(f"{sent} results of nobody's tasks in {FLOOD_S} s, all dropped; it had to wait {waits} times for credit")
        self.assertLessEqual(sent, RATE * (FLOOD_S + 2))
        if not self.broker.is_sanitized():  # there it is the broker that is slow
            self.assertGreater(sent, RATE * FLOOD_S * 0.8)
            self.assertGreater(self.credit_waits(), before)
        self.assertIsNone(self.agent.answer())

    def test_a_flood_of_results_that_were_taken_already_harms_nobody_else(self):
        for n in range(self.agent.result_last + 1, max(self.agent.result_last, 200) + 1):
            self.agent.result_last = n
            self.agent.say(self.agent.result(n, NOBODYS))
        sent = self.agent.flood_again(FLOOD_S)
        seen(f"{sent} results a second time in {FLOOD_S} s")
        self.assertGreater(sent, 1000)

    def credit_waits(self):
        return int(re.search(r"edge_results_credit_waits_total (\d+)", self.broker.metrics()).group(1))

    def test_slow_sockets_are_closed_and_keep_nobody_out(self):
        sockets = []
        for i in range(SLOW_SOCKETS):
            one = socket.socket()
            one.bind((f"127.0.1.{1 + i % 4}", 0))  # of other machines
            one.connect(self.broker.gateway)
            try:
                one.sendall(b"GET /edge/v1/link HTTP/1.1\r\nHost: x\r\n")
            except OSError:
                pass  # closed at once: too many of that address
            sockets.append(one)
        self.assertIsNone(self.agent.answer())
        began = time.monotonic()
        for one in sockets:
            one.settimeout(30)
            try:
                while one.recv(4096):
                    pass
            except ConnectionResetError:
                pass
            one.close()
        took = time.monotonic() - began
        seen(f"{SLOW_SOCKETS} slow sockets, the last closed after {took:.1f} s")
        self.assertLess(took, 20)

    def test_frames_and_bodies_that_drip_are_closed_in_their_time_and_keep_nobody_waiting(self):
        api = tuple(self.broker.url.rsplit("/", 1)[1].rsplit(":", 1))
        api = api[0], int(api[1])
        token = f"Authorization: Bearer {self.broker.token}"
        agents = [self.join(Hostile, f"drips-{i}") for i in range(DRIPPING_AGENTS)]
        drips = Drips()
        for agent in agents:
            agent.connect()
            agent.raw(FRAME)
            drips.take_over("an agent's message", agent.link._socket)
        for i in range(DRIPS):
            source = f"127.0.1.{1 + i % 4}"  # of other machines
            drips.connect("a first message", self.broker.gateway, source, HELLO, FRAME)
            drips.connect("an enrolment", self.broker.gateway, source, post("/edge/v1/enroll"))
            drips.connect("a job", api, source, post("/api/v1/jobs", token))
            drips.connect("a job in chunks", api, source, post("/api/v1/jobs", token, framing="Transfer-Encoding: chunked\r\n\r\n1000\r\n"))
        left = drips.go_on(60)
        answered = len(self.neighbour.took)
        wait_for(lambda: len(self.neighbour.took) > answered, 30, self.broker.said)  # of one that still waits, too
        longest = max(self.neighbour.took)
        for what, lived in drips.lived.items():
            seen(f"{what} that drips: {len(lived)} closed after {min(lived):.1f} to {max(lived):.1f} s")
        seen_by(self, f"{left} of {DRIPS * 4 + DRIPPING_AGENTS} are open still; the neighbour waited {longest * 1000:.0f} ms at most for {len(self.neighbour.took)} heartbeats")
        self.assertEqual(left, 0)
        self.assertEqual({what: len(lived) for what, lived in drips.lived.items()},
                         dict.fromkeys(DRIP_S, DRIPS) | {"an agent's message": DRIPPING_AGENTS})
        for what, lived in drips.lived.items():
            self.assertGreater(min(lived), DRIP_S[what] - 2, what)  # not for another reason
            self.assertLess(max(lived), DRIP_S[what] + 5, what)
        self.assertLess(longest, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")  # the agents' sockets and keys go with the process
