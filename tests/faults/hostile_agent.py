"""Somebody else's agents: one that says what it should not, and one beside it that measures whether it is answered meanwhile."""
import json
import os
import secrets
import select
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "contract", "protocol"))
from minimal_agent import Closed, MinimalAgent, base32, uuid7  # noqa: E402


class Neighbour(MinimalAgent):
    """Asks for a heartbeat as soon as it has the last; `took` has each one's seconds."""

    def start(self):
        self.took = []
        self._over = threading.Event()
        self.connect()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self):
        while not self._over.wait(0.02):
            asked = time.time_ns() // 1000
            began = time.monotonic()
            self.say({"t": "hb", "at_us": asked})
            while self.next("hb").get("echo_us") != asked:
                pass
            self.took.append(time.monotonic() - began)

    def stop(self):
        self._over.set()
        self._thread.join(timeout=30)

    def p99(self):
        return sorted(self.took)[len(self.took) * 99 // 100]


class Hostile(MinimalAgent):
    def raw(self, *pieces):
        """Bytes of frames, as they are. False: the broker closed before it had them all."""
        try:
            for piece in pieces:
                self._link._socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def fate(self):
        """Codes of the errors that come until the session is closed, and the code it is closed with. Answers nothing: who closed may not be
        written to."""
        errors = []
        try:
            while True:
                errors += [one["code"] for one in map(json.loads, self._link.receive().splitlines()) if one["t"] == "error"]
        except Closed as closed:
            return errors, closed.code

    def answer(self):
        """The code of the next error; None: it was taken."""
        asked = time.time_ns() // 1000
        self.say({"t": "hb", "at_us": asked})
        while (one := self.take()).get("echo_us") != asked:
            if one["t"] == "error":
                return one["code"]
        return None

    def flood(self, seconds):
        """Results of nobody's tasks, as many as there is credit for, as fast as they can be said. Answers how many, and how many times it
        had none left."""
        line = json.dumps(self.result(0, NOBODYS)).replace('"n": 0', '"n": %d')
        granted, first, waits = self.credit, self.result_last, 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            upto = min(granted, self.result_last + 200)
            waits += upto == self.result_last
            lines = [line % n for n in range(self.result_last + 1, upto + 1)]
            self.result_last = upto
            if lines:
                self._link._socket.sendall(unmasked("\n".join(lines).encode()))
            while self._waiting or self.result_last == granted or self._has_more():
                one = self.take()
                if one["t"] == "error":
                    raise AssertionError(one)
                if one["t"] == "credit":
                    granted = one["upto_n"]
        while self.acked < self.result_last:
            self.take()
        return self.result_last - first, waits

    def flood_again(self, seconds):
        """What the broker has already, over and over. Answers how many."""
        message = unmasked("\n".join(json.dumps(self.result(n, NOBODYS)) for n in range(1, 201)).encode())
        sent = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._link._socket.sendall(message)
            sent += 200
            while self._has_more():
                self._link._more()  # one acknowledgement each, of no interest
                self._link._bytes = b""
        return sent

    def _has_more(self):
        return bool(self._link._bytes or select.select([self._link._socket], [], [], 0)[0])

    def connect(self):
        welcome = super().connect()
        self.credit = welcome["credit"]["upto_n"]
        return welcome

    def result(self, n, task):
        now = time.time_ns() // 1000
        return {"t": "res", "n": n, "rid": "res_" + base32(uuid7()), "task_id": task, "run_id": "run_" + base32(secrets.token_bytes(16)), "attempt": 1,
                "line": "telecom", "service": "ping", "target": "198.51.100.10", "status": "ok", "started_us": now, "ended_us": now, "queued_us": 0,
                "summary": {"duration_us": 1}, "evidence": {"src_addr": "", "src_port": 0, "dst_addr": "", "dst_port": 0, "ifname": "", "ifindex": 0,
                                                            "fwmark": 0, "table": 0, "enforced_by": "none", "verified": False, "mismatch_reason": "none"},
                "resolved": [], "concurrency": 1, "truncated": False, "detail_bytes": 0}


NOBODYS = "task_" + base32(secrets.token_bytes(16))


def head(size, first, mask):
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
    return bytes([first]) + length + mask


def frame(payload, first=0x81):
    mask = secrets.token_bytes(4)
    return head(len(payload), first, mask) + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def unmasked(payload):
    """With the mask that changes nothing: Python is slow with another."""
    return head(len(payload), 0x81, bytes(4)) + payload


def fragments(payload, size=1):
    """Of so many bytes each, the last one open."""
    pieces = [payload[at:at + size] for at in range(0, len(payload), size)]
    yield frame(pieces[0], 0x01)
    yield b"".join(frame(piece, 0x00) for piece in pieces[1:])
