"""The least that is an agent, written from docs/protocol.md alone: Python's standard library, and openssl to sign with. Without TLS,
as a gateway on loopback allows; then nothing binds a hello to its connection."""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import secrets
import socket
import struct
import subprocess
import tempfile
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def b64(raw):
    return base64.b64encode(raw).decode()


def base32(raw):
    """26 characters for 128 bits behind two zero bits."""
    number = int.from_bytes(raw, "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def uuid7():
    raw = bytearray(int(time.time() * 1000).to_bytes(6, "big") + secrets.token_bytes(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


def bytes_of(text):
    """The 16 bytes of an id."""
    number = 0
    for character in text.split("_")[1]:
        number = number << 5 | ALPHABET.index(character)
    return number.to_bytes(16, "big")


def uuid8(hashed):
    raw = bytearray(hashlib.sha256(hashed).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


class Key:
    """Ed25519."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._file = os.path.join(self._folder.name, "key.pem")
        self._openssl("genpkey", "-algorithm", "ed25519", "-out", self._file)
        self.public = self._openssl("pkey", "-in", self._file, "-pubout", "-outform", "DER")[-32:]

    def sign(self, text):
        path = os.path.join(self._folder.name, "text")
        with open(path, "wb") as file:
            file.write(text)
        return self._openssl("pkeyutl", "-sign", "-inkey", self._file, "-rawin", "-in", path)

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


class Closed(Exception):
    def __init__(self, code):
        super().__init__(f"closed with {code}")
        self.code = code


class WebSocket:
    """A client's side of RFC 6455: text messages, whole."""

    def __init__(self, address, path, subprotocol, timeout_s=10):
        self._socket = socket.create_connection(address, timeout=timeout_s)
        key = b64(secrets.token_bytes(16))
        self._socket.sendall((f"GET {path} HTTP/1.1\r\nHost: broker.example:7443\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                              f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n").encode())
        self._bytes = b""
        while b"\r\n\r\n" not in self._bytes:
            self._more()
        head, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Closed(int(head.split()[1]))

    def _more(self):
        came = self._socket.recv(65536)
        if not came:
            raise Closed(1006)
        self._bytes += came

    def _take(self, count):
        while len(self._bytes) < count:
            self._more()
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def send(self, text, opcode=1):
        raw = text if isinstance(text, bytes) else text.encode()
        mask = secrets.token_bytes(4)
        size = len(raw)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
        self._socket.sendall(bytes([0x80 | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(raw)))

    def receive(self):
        while True:
            first, second = self._take(2)
            size = second & 127
            if size >= 126:
                size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
            raw = self._take(size)
            if first & 15 == 8:
                raise Closed(int.from_bytes(raw[:2], "big"))
            if first & 15 == 9:
                self.send(raw, opcode=10)
            elif first & 15 == 1:
                return raw.decode()

    def be_patient(self, seconds):
        self._socket.settimeout(seconds)

    def close(self, code=1000):
        self.send(struct.pack(">H", code), opcode=8)
        self._socket.close()

    def cut(self):
        with contextlib.suppress(OSError):  # it was gone already
            self._socket.shutdown(socket.SHUT_RDWR)  # whoever reads from it is not left waiting
        self._socket.close()


class Polls:
    """The same without a WebSocket: messages as the bodies of requests."""

    PATH = "/edge/v1/poll"

    def __init__(self, address, timeout_s=30):
        self._address, self._timeout_s = address, timeout_s
        self._connections = {}  # method -> its connection
        self.said = self.heard = 0
        status, headers, _ = self.ask("POST", {})
        if status != 201:
            raise Closed(status)
        self.session = headers["Edge-Session"]

    def ask(self, method, headers, body=""):
        """Once more over a new connection where the old one was closed."""
        for _ in range(2):
            connection = self._connections.setdefault(method, http.client.HTTPConnection(*self._address, timeout=self._timeout_s))
            try:
                connection.request(method, self.PATH, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read().decode()
            except (http.client.RemoteDisconnected, ConnectionError):
                self._connections.pop(method).close()
        raise Closed(1006)

    def post(self, text, number):
        return self.ask("POST", {"Edge-Session": self.session, "Edge-Message": str(number), "Content-Type": "application/x-ndjson"}, text)[0]

    def get(self, after):
        return self.ask("GET", {"Edge-Session": self.session, "Edge-After": str(after)})

    def send(self, text):
        self.said += 1
        status = self.post(text, self.said)
        if status != 204:
            raise Closed(status)

    def receive(self):
        while True:
            status, headers, text = self.get(self.heard)
            if "Edge-Close" in headers:
                raise Closed(int(headers["Edge-Close"]))
            if status == 200:
                self.heard = int(headers["Edge-Message"])
                return text
            if status != 204:
                raise Closed(status)

    def be_patient(self, seconds):
        self._timeout_s = seconds

    def close(self, code=1000):
        self.ask("DELETE", {"Edge-Session": self.session})
        self.cut()

    def cut(self):
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


class MinimalAgent:
    """What the page says an agent must keep on disk is kept in its attributes."""

    def __init__(self, address, token, name):
        self._address = address
        self.key = Key()
        self.name = name
        self.join_counter = 0
        self.spool_id = "spool_" + base32(secrets.token_bytes(16))
        self.results = {}  # n -> its lines, until acknowledged
        self.kept = {}  # n -> its lines, acknowledged
        self.generation = None
        self.result_last = 0
        self.work_last = 0
        self.open = {}  # (task, attempt) -> task: accepted, without a result
        self.acked = 0
        self.keeps_plans = False
        self.polls = False
        self.patience_s = 10  # with a connection on which nothing comes
        self.plans = {}  # job -> its plan_set
        self.node_id = self._enroll(token)

    def _enroll(self, token):
        signed = b"edge-enroll-v1" + hashlib.sha256(token.encode()).digest() + self.key.public
        asked = {"token": token, "public_key": b64(self.key.public), "signature": b64(self.key.sign(signed)), "name": self.name,
                 "labels": {"province": "guangdong"}, "agent_version": "minimal"}
        connection = http.client.HTTPConnection(*self._address)
        connection.request("POST", "/edge/v1/enroll", json.dumps(asked), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {said.get('detail')}")
        return said["node_id"]

    def connect(self):
        self._link = Polls(self._address) if self.polls else WebSocket(self._address, "/edge/v1/link", "edge.v1", self.patience_s)
        self._waiting = []
        challenge = self.next("challenge")
        assert 1 in challenge["proto"] and challenge["binding"] == "none", challenge
        line = json.dumps({
            "t": "hello", "node_id": self.node_id, "proto": 1, "agent_version": "minimal", "features": ["plan"] if self.keeps_plans else [],
            "boot_id": base32(secrets.token_bytes(16)), "join_counter": self.join_counter, "spool_id": self.spool_id,
            "spool_first": min([*self.kept, *self.results], default=0), "spool_last": self.result_last, "work_last": self.work_last,
            "policy_hash": "", "labels": {"province": "guangdong"}, "lines": [self.line()],
            "running": [{"task_id": task, "attempt": attempt} for task, attempt in self.open],
            **({"plans": self.plans_digest()} if self.keeps_plans else {})})
        signed = b"edge-hello-v1" + base64.b64decode(challenge["nonce"]) + hashlib.sha256(line.encode()).digest()
        self._link.send(line + "\n" + json.dumps({"sig": b64(self.key.sign(signed))}))
        welcome = self.next("welcome")
        assert welcome["join_counter"] == self.join_counter + 1, f"not our welcome: {welcome}"
        self.join_counter = welcome["join_counter"]
        self.generation = welcome["generation"]
        if welcome["results_acked"] < self.acked:
            self._take_back(welcome["results_acked"])
        self._forget(welcome["results_acked"])
        self.say({"t": "welcome_ack", "join_counter": self.join_counter, "credit": {"upto_n": welcome["work_from"] + 63, "bytes": 1 << 20}})
        return welcome

    @staticmethod
    def line():
        return {"name": "telecom", "carrier": "ct", "device": "wan0", "addresses": ["100.64.1.2"], "resolvers": ["100.64.1.53"],
                "state": "up", "reason": "", "enforced_by": "none", "mark": 0, "table": 0}

    def say(self, *lines):
        self._link.send("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines))

    def take(self):
        """The next envelope. A heartbeat is answered, and what is acknowledged forgotten."""
        while not self._waiting:
            self._waiting = [json.loads(line) for line in self._link.receive().split("\n") if line]
        one = self._waiting.pop(0)
        if one["t"] == "hb" and "echo_us" not in one:
            self.say({"t": "hb", "at_us": time.time_ns() // 1000, "echo_us": one["at_us"]})
        elif one["t"] == "rack":
            self._forget(one["n"])
        return one

    def next(self, kind):
        """The next envelope of a kind; others are left aside."""
        while (one := self.take())["t"] != kind:
            pass
        return one

    def accept(self):
        """The next task, accepted."""
        task = self.next("task")
        assert task["n"] == self.work_last + 1, task
        self.work_last = task["n"]
        self.open[task["task_id"], task["attempt"]] = task
        self.say({"t": "wack", "n": self.work_last})
        return task

    def plans_digest(self):
        text = "".join(f"{job} {self.plans[job]['tag']}\n" for job in sorted(self.plans))
        return hashlib.sha256(text.encode()).hexdigest()

    def take_plan(self, kind):
        """The next change of its plan, kept."""
        change = self.next(kind)
        assert change["n"] == self.work_last + 1, change
        self.work_last = change["n"]
        if kind == "plan_set":
            self.plans[change["job_id"]] = change
        elif kind == "plan_drop":
            del self.plans[change["job_id"]]
        else:
            self.plans.clear()
        self.say({"t": "wack", "n": self.work_last})
        return change

    def tick(self, plan, tick_us):
        """The task that the plan makes of its first line, as docs/plans.md names it."""
        number = lambda n: n.to_bytes(8, "big")  # noqa: E731
        run = uuid8(b"edge-run-v1" + bytes_of(plan["job_id"]) + number(plan["revision"]) + number(tick_us))
        task = uuid8(b"edge-task-v1" + run + bytes_of(self.node_id) + number(0) + plan["lines"][0].encode())
        made = {"task_id": "task_" + base32(task), "run_id": "run_" + base32(run), "attempt": 1, "line": plan["lines"][0],
                "service": plan["service"], "params": plan["params"],
                "plan": {"job_id": plan["job_id"], "revision": plan["revision"], "tick_us": tick_us}}
        self.open[made["task_id"], 1] = made
        return made

    def finish(self, task, rtt_us=1200, detail='{"sent":1,"rcvd":1}'):
        """Its result, in the spool; send() sends it."""
        now = time.time_ns() // 1000
        self.result_last += 1
        envelope = {
            "t": "res", "n": self.result_last, "rid": "res_" + base32(uuid7()), "task_id": task["task_id"], "run_id": task["run_id"],
            "attempt": task["attempt"], "line": task["line"], "service": task["service"], "target": task["params"]["target"],
            "status": "ok", "started_us": now, "ended_us": now, "queued_us": 0, "summary": {"duration_us": rtt_us, "rtt_us": rtt_us},
            "evidence": {"src_addr": "", "src_port": 0, "dst_addr": "", "dst_port": 0, "ifname": "", "ifindex": 0, "fwmark": 0,
                         "table": 0, "enforced_by": "none", "verified": False, "mismatch_reason": "nothing is enforced"},
            "resolved": [], "concurrency": 1, "truncated": False, "detail_bytes": len(detail.encode()),
            **({"plan": task["plan"]} if "plan" in task else {})}
        self.results[self.result_last] = [json.dumps(envelope)] + ([detail] if detail else [])
        del self.open[task["task_id"], task["attempt"]]

    def send(self):
        """All results that are not acknowledged."""
        for n in sorted(self.results):
            self.say(*self.results[n])

    def _forget(self, upto):
        self.acked = max(self.acked, upto)
        self.kept |= {n: lines for n, lines in self.results.items() if n <= upto}
        self.results = {n: lines for n, lines in self.results.items() if n > upto}

    def _take_back(self, upto):
        """The broker came back from a backup: what it has no more is to be sent again, as far as it is kept."""
        self.results |= {n: lines for n, lines in self.kept.items() if n > upto}
        self.kept = {n: lines for n, lines in self.kept.items() if n <= upto}
        self.acked = min(self.results, default=self.result_last + 1) - 1

    @property
    def link(self):
        return self._link

    def move(self, address):
        self._address = address

    def be_patient(self, seconds):
        """How long next() waits for bytes."""
        self._link.be_patient(seconds)

    def leave(self):
        self._link.close(1001)

    def cut(self):
        self._link.cut()
