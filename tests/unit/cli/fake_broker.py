"""A small broker for edgectl's tests: the REST contract from memory, stateful, with a script of what goes wrong.

A run's events wait until the test lets them go (`release`), so that no test sleeps. Everything a client asked is in
`requests`.
"""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "edgep_test"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LINES = [("telecom", "ct", "wan0", "100.64.1.2"), ("unicom", "cu", "wan1", "100.64.2.2"), ("mobile", "cm", "wan2", "100.64.3.2")]


def make_id(prefix, number):
    text = ""
    for _ in range(25):
        number, digit = divmod(number, 32)
        text = ALPHABET[digit] + text
    return f"{prefix}_0{text}"


NODE = {"id": make_id("node", 1), "name": "gz-1"}


HEALTH = {"checks": [{"what": "anchor", "target": "198.51.100.20", "how": "ping", "state": "failed", "text": "timeout: no answer"}],
          "egress": ["203.0.113.7"], "origin": "AS9808 cm", "identity": "mismatch"}
EVENTS = [{"at": "2026-01-01T00:00:02.000Z", "kind": "line_state", "line": "unicom", "was": "up", "became": "down", "reason": "no carrier"},
          {"at": "2026-01-01T00:00:01.000Z", "kind": "line_identity", "line": "telecom", "was": "unknown", "became": "mismatch",
           "reason": "AS9808 cm"},
          {"at": "2026-01-01T00:00:00.500Z", "kind": "uplink", "was": "mgmt", "became": "telecom", "reason": "mgmt: connect: no answer"},
          {"at": "2026-01-01T00:00:00.000Z", "kind": "connected"}]


def line_json(index):
    name, carrier, device, address = LINES[index]
    return {"name": name, "carrier": carrier, "device": device, "addresses": [address], "resolvers": [address[:-1] + "53"],
            "state": "up", "reason": "", "enforced_by": "bpf", "mark": 0x101 + index, "table": 101 + index,
            **({} if index else {"health": HEALTH})}


PLAN = {"id": make_id("job", 8), "origin": "api", "service": "ping", "params": {"target": "198.18.0.80"}, "selector": "all", "start_within_ms": 60000,
        "repeat": 1, "labels": {}, "created_at": "2026-01-01T00:00:00.000Z", "schedule": {"cron": "*/5 * * * *", "zone": "Asia/Shanghai"},
        "state": "active", "revision": 1, "revised_at": "2026-01-01T00:00:00.000Z", "lines": 3,
        "next_ticks": ["2026-01-01T00:05:00.000Z", "2026-01-01T00:10:00.000Z"]}
JOB = {"id": make_id("job", 7), "origin": "api", "service": "ping", "params": {"target": "198.18.0.80", "count": 3}, "selector": "all",
       "labels": {"team": "edge", "for": "noc"}, "created_at": "2026-01-01T00:00:00.000Z", "last_run": make_id("run", 7)}


class Run:
    """One run: an event list that grows, which streams replay from the start."""

    def __init__(self, number, request, lines):
        self.lock = threading.Condition()
        self.request = request
        self.id = make_id("run", number)
        self.origin = "api"
        self.events = []
        self.results = []
        lines = lines * request.get("repeat", 1)  # round by round, as the broker makes them
        self.tasks = [{"id": make_id("task", number * 10_000 + at), "node": NODE, "line": {"name": LINES[i][0], "carrier": LINES[i][1]},
                       "state": "queued", "attempt": 0} for at, i in enumerate(lines)]
        self.index = dict(enumerate(lines))
        self.state = "running"

    def json(self):
        counts = {key: 0 for key in ("queued", "running", "succeeded", "failed", "timed_out", "canceled", "expired", "lost")}
        for task in self.tasks:
            counts[task["state"] if task["state"] in counts else "running"] += 1
        return {"id": self.id, "job_id": make_id("job", 1), "origin": self.origin, "service": self.request["service"], "target": self.request["params"]["target"],
                "selector": self.request["selector"], "state": self.state, "created_at": "2026-01-01T00:00:00.000Z",
                **({"finished_at": "2026-01-01T00:00:01.000Z"} if self.state == "finished" else {}),
                "tasks": {"total": len(self.tasks), **counts}}

    def tell(self, name, data):
        with self.lock:
            self.events.append((name, json.loads(json.dumps(data))))
            self.lock.notify_all()

    def progress(self, at, data):
        task = self.tasks[at]
        task["state"] = "running"
        self.tell("task", task)
        self.tell("progress", {"task_id": task["id"], "node": NODE, "line": task["line"], "data": data})

    def answer(self, at, status="ok", **changes):
        task = self.tasks[at]
        task["state"], task["attempt"] = ("succeeded" if status in ("ok", "partial") else "failed"), 1
        result = result_json(self, task, self.index[at], status)
        result.update(changes)
        with self.lock:
            self.results.append(result)
        self.tell("task", task)
        self.tell("result", result)

    def finish(self):
        self.state = "finished"
        self.tell("run", self.json())

    def answer_all(self):
        for at in range(len(self.tasks)):
            self.answer(at)
        self.finish()


def result_json(run, task, index, status):
    name, carrier, device, address = LINES[index]
    service, target = run.request["service"], run.request["params"]["target"]
    rtt = 12_345 + 14_000 * index
    summary = {"duration_us": rtt + 2_000, "rtt_us": rtt, "bytes": 61}
    destination = "198.18.0.80"
    detail = {"dst_addr": destination, "size": 56, "sent": 4, "rcvd": 4, "loss_percent": 0, "min_us": rtt - 300, "avg_us": rtt, "max_us": rtt + 500, "mdev_us": 120,
              "replies": [{"seq": i, "rtt_us": rtt} for i in range(4)]}
    if service == "ping":
        summary["loss"] = 0
    if service == "dns":
        summary["code"] = "NOERROR"
        detail = {"server": address[:-1] + "53", "port": 53, "transport": "udp", "header": {"rcode": "NOERROR"}, "question": [{"name": target + ".", "type": "A"}],
                  "answer": [{"name": target + ".", "type": "A", "ttl": 300, "rdata": f"198.18.{index}.80"}]}
    if service == "http":
        summary["code"] = "200"
        detail = {"hops": [{"url": target, "peer": destination + ":443", "status": 200, "protocol": "HTTP/2", "body_bytes": 61,
                            "timings": {"resolve_us": 900, "connect_us": rtt, "tls_us": rtt * 2, "first_byte_us": rtt, "total_us": rtt * 5}}]}
    route = {"oif": device, "gw": address[:-1] + "1", "prefsrc": address, "table": 101 + index, "error": ""}
    return {"id": make_id("res", int(task["id"][-6:], 36) % 10**9 * 10 + task["attempt"]), "run_id": run.id, "task_id": task["id"], "attempt": task["attempt"],
            "node": NODE, "line": task["line"], "service": service, "target": target, "status": status, "started_at": "2026-01-01T00:00:00.100Z",
            "ended_at": "2026-01-01T00:00:00.200Z", "queued_us": 210, "summary": summary,
            "evidence": {"src_addr": address, "src_port": 40001, "dst_addr": destination, "dst_port": 0 if service == "ping" else 443, "ifname": device,
                         "ifindex": 7 + index, "fwmark": 0x101 + index, "table": 101 + index, "route_get": route, "enforced_by": "bpf", "verified": True,
                         "mismatch_reason": ""},
            "resolved": [], "concurrency": 1, "superseded": False, "truncated": False, "detail": detail}


def of_origin(items, query):
    """As `q` wants them, of which it knows origin: alone."""
    wanted = query.get("q", ["all"])[0]
    if wanted == "all":
        return items
    negated, origin = wanted.startswith("-"), wanted.removeprefix("-").removeprefix("origin:")
    return [item for item in items if (item["origin"] == origin) != negated]


class FakeBroker:
    def __init__(self):
        self.requests = []
        self.runs = {}
        self.jobs = {}          # by idempotency key
        self.on_run = Run.answer_all
        self.cut_after = []     # for each stream in turn: events after which the connection breaks; None: never
        self.no_events = False  # the stream is refused, as by a proxy that has none
        self.lose_first_post = False
        self.tokens = []        # as they were asked for
        self.orders = []        # about nodes: what, reason
        self.node_state = "connected"
        self.copies = 1         # of every node and line; of the job there is one less
        self.changed = threading.Condition()
        self.server = None
        self.start()

    def start(self, port=0):
        broker = self

        class Handler(Exchange):
            pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # a client that went away is no news

        Handler.broker = broker
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, condition, seconds=20):
        with self.changed:
            if not self.changed.wait_for(condition, seconds):
                raise AssertionError("the client did not come so far; it asked " + json.dumps(self.requests))

    def asked(self, what):
        return [request for request in self.requests if what in request]


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    broker = None

    def log_message(self, *_):
        pass

    def note(self):
        with self.broker.changed:
            self.broker.requests.append(f"{self.command} {self.path}")
            self.broker.changed.notify_all()

    def reply(self, status, body, kind="application/json", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def problem(self, status, code, detail, errors=()):
        self.reply(status, {"type": f"urn:edge:problem:{code}", "title": "It did not work", "status": status, "detail": detail, "code": code,
                            "request_id": "req-7", "errors": list(errors)}, "application/problem+json")

    def allowed(self):
        if self.headers.get("Authorization") == "Bearer " + TOKEN:
            return True
        self.problem(401, "unauthorized", "the token is not known")
        return False

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note()
        if not self.allowed():
            return
        if self.path == "/api/v1/jobs":
            self.create_job(json.loads(body))
        elif self.path.endswith("/cancel"):
            self.cancel(self.broker.runs.get(self.path.split("/")[-2]))
        elif self.path == "/api/v1/join-tokens":
            asked = json.loads(body)
            token = {"id": make_id("tok", 1), "token": "edgej_secret", "gateway_url": "https://broker.test:7443", "expires_at": "2026-01-01T00:15:00.000Z", "created_at": "2026-01-01T00:00:00.000Z", **asked}
            self.broker.tokens.append(token)
            self.reply(201, token)
        elif self.path == "/api/v1/join-tokens:batch":
            asked = json.loads(body)
            if asked.get("ttl_ms", 0) > 86_400_000:
                return self.problem(422, "invalid_body", "/ttl_ms: expected 1000 to 86400000 (a day)")
            self.broker.tokens.append(asked)
            items = [{"id": make_id("tok", at), "node": node["name"], "uses": 1, "used": 0, "expires_at": "2026-01-01T00:15:00.000Z", "token": f"edgej_{at}"}
                     for at, node in enumerate(asked["nodes"])]
            self.reply(201, {"items": items, "gateway_url": "https://broker.test:7443"})
        elif self.path.startswith("/api/v1/nodes/"):
            name, order = self.path.split("/")[-2:]
            if name != "gz-1":
                return self.problem(404, "not_found", "no node has this id or name")
            if order in ("approve", "reject") and self.broker.node_state != "pending":
                return self.problem(409, "conflict", f"node gz-1 is {self.broker.node_state} and not pending")
            self.broker.orders.append((order, json.loads(body).get("reason", "") if body else ""))
            self.reply(200, {**NODE, "state": self.broker.node_state if order == "rotate-key" else "enrolled" if order == "approve" else "revoked"})
        else:
            self.problem(404, "not_found", "there is nothing at this path")

    def cancel(self, run):
        if run is None:
            return self.problem(404, "not_found", "no such run")
        for task in run.tasks:
            if task["state"] == "queued":
                task["state"] = "canceled"
                run.tell("task", task)
        return self.reply(202, run.json())

    def do_PATCH(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.note()
        if self.allowed():
            self.reply(200, {**PLAN, "state": "paused", "next_ticks": []} if body["paused"] else PLAN)

    def do_DELETE(self):
        self.note()
        if not self.allowed():
            return
        if self.path.startswith("/api/v1/join-tokens/"):
            return self.reply(200, {"id": self.path.split("/")[-1], "uses": 40, "used": 12, "revoked_at": "2026-01-01T00:00:00.000Z"})
        self.reply(200, {**PLAN, "state": "deleted", "next_ticks": []})

    def create_job(self, request):
        broker = self.broker
        if "schedule" in request:
            return self.reply(201, {**PLAN, "schedule": request["schedule"]})
        if request["params"]["target"] == "taken.test":
            return self.problem(409, "conflict", "it clashes")
        if request["params"]["target"] == "strange.test":
            return self.problem(422, "invalid_body", "/params/count: 9 is out of range", [{"pointer": "/params/count", "code": "bad_value", "message": "9 is out of range"}])
        lines = [i for i, line in enumerate(LINES) if request["selector"].split()[0] in ("all", line[0], "carrier:" + line[1])]
        if not lines:
            return self.problem(422, "no_match", 'no line matches "telecm"; the nearest is "telecom"')
        if request.get("require_level") == "bpf-guard" and request["params"]["target"] == "unguarded.test":
            return self.problem(422, "not_lent", "gz-1/telecom: the line is held by nft-guard, less than require_level asks")
        key = self.headers.get("Idempotency-Key")
        if key not in broker.jobs:
            run = Run(len(broker.runs) + 1, request, lines)
            broker.jobs[key] = run
            broker.runs[run.id] = run
            threading.Thread(target=broker.on_run, args=(run,), daemon=True).start()
        if broker.lose_first_post:
            broker.lose_first_post = False
            self.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5000\r\n\r\n{")
            self.close_connection = True
            return None
        left_out = {"total": 3, "lines": [{"node": {"id": make_id("node", 2), "name": "gz-2"}, "line": {"name": name, "carrier": carrier},
                                           "reason": "the node does not lend ping"} for name, carrier, *_ in LINES[:2]]}
        extra = {"left_out": left_out, "away": {"total": 2, "nodes": [{"id": make_id("node", 3), "name": "gz-3"}]}} if request["params"]["target"] == "partly.test" else {}
        return self.reply(202, {**broker.jobs[key].json(), **extra}, headers=[("Location", "/api/v1/runs/" + broker.jobs[key].id)])

    def do_GET(self):
        self.note()
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/api/v1/").split("/")
        if not self.allowed():
            return
        if path[0] == "runs" and len(path) > 1:
            return self.run_part(path, parse_qs(parts.query))
        nodes = [{**NODE, "state": self.broker.node_state, "labels": {"city": "广州", "province": "guangdong"}, "agent_version": "0.1.0", "policy_hash": "c0ffee" * 10,
                  "connected_at": "2026-01-01T00:00:00.000Z", "last_seen_at": "2026-01-01T00:00:00.000Z", "rtt_us": 4_200,
                  "uplink": {"name": "telecom", "broker": "broker.test:7443", "bound": "launcher", "why": "mgmt: connect: no answer"}, "lines": [line_json(i) for i in range(3)]}]
        policy = {"hash": "c0ffee", "services": ["dns", "ping"], "targets": {"allow": ["10.20.0.0/16"], "deny": ["192.0.2.0/24"], "ports": [53, 443], "only": ["203.0.113.5:7480"]},
                  "line": {"bytes_per_s": 0, "packets_per_s": 100, "bytes_per_day": 10_000_000, "p95_bytes_per_s": 0}, "destination": {"probes_per_s": 1, "burst": 10},
                  "worker": {"cpu_percent": 50, "memory_mb": 64, "pids": 4}, "host": {"cpu_pressure_percent": 40, "memory_pressure_percent": 0, "load_per_cpu_percent": 0}}
        usage = {"node": NODE, "told_at": "2026-01-01T00:00:00.000Z", "interval_ms": 60_000}
        host = {"cpus": 4, "cpu_permille": 125, "load_permille": 640, "memory_bytes": 8_000_000_000, "memory_free_bytes": 5_000_000_000, "disk_bytes": 0,
                "disk_free_bytes": 0, "busy": "the host has other things to do: cpu pressure 90 %, policy's limit 40 %"}
        if path == ["nodes"]:
            self.page(nodes * self.broker.copies, parse_qs(parts.query))
        elif path[0] == "nodes" and path[2:] == ["events"]:
            self.page(EVENTS, parse_qs(parts.query))
        elif path[0] == "nodes":
            if path[1] in (NODE["id"], NODE["name"]):
                self.reply(200, {**nodes[0], "policy": policy, "busy": host["busy"]})
            else:
                self.problem(404, "not_found", f"no node {path[1]}")
        elif path == ["lines"]:
            away = {} if self.broker.node_state == "connected" else {"state": "unknown"}
            self.page([{**line_json(i), "node": NODE, **away} for i in range(3)] * self.broker.copies, parse_qs(parts.query))
        elif path == ["usage", "nodes"]:
            self.reply(200, {"items": [{**usage, "host": host, "sent_bytes": 48_211, "received_bytes": 310_876}]})
        elif path == ["usage", "lines"]:
            self.reply(200, {"items": [{**usage, "name": "telecom", "sent_bytes": 48_211, "sent_packets": 402, "received_bytes": 310_876,
                                        "received_packets": 517, "denied": 3, "throttled": 0, "day_bytes": 91_220_140}]})
        elif path == ["runs"]:
            self.page(of_origin([run.json() for run in reversed(self.broker.runs.values())], parse_qs(parts.query)), parse_qs(parts.query))
        elif path == ["jobs"]:
            self.page(of_origin([JOB] * (self.broker.copies - 1), parse_qs(parts.query)), parse_qs(parts.query))
        elif path == ["jobs", PLAN["id"]]:
            self.reply(200, PLAN)
        elif path == ["jobs", PLAN["id"], "runs"]:
            counts = {"total": 3, "queued": 0, "running": 0, "succeeded": 2, "failed": 0, "timed_out": 0, "canceled": 0, "expired": 0, "lost": 1}
            self.page([{"id": make_id("run", 9), "job_id": PLAN["id"], "origin": "api", "service": "ping", "target": "198.18.0.80", "selector": "all", "state": "finished",
                        "created_at": "2026-01-01T00:00:00.000Z", "tick": "2026-01-01T00:00:00.000Z", "tasks": counts}], parse_qs(parts.query))
        elif path == ["jobs", JOB["id"]]:
            self.reply(200, JOB)
        elif path == ["join-tokens"]:
            self.reply(200, {"items": [{key: value for key, value in token.items() if key != "token"} for token in self.broker.tokens]})
        elif path == ["version"]:
            self.reply(200, {"version": "0.1.0", "api": "v1", "link": "edge.v1"})
        else:
            self.problem(404, "not_found", "there is nothing at this path")
        return None

    def page(self, items, query):
        start, limit = int(query.get("cursor", ["0"])[0]), min(int(query.get("limit", ["100"])[0]), 2)  # small pages, so that they are turned
        more = {"next_cursor": str(start + limit)} if start + limit < len(items) else {}
        self.reply(200, {"items": items[start:start + limit], **more})

    def run_part(self, path, query):
        run = self.broker.runs.get(path[1])
        if run is None:
            return self.problem(404, "not_found", f"no run {path[1]}")
        if len(path) == 2:
            return self.reply(200, run.json())
        if path[2] == "tasks":
            return self.reply(200, {"items": run.tasks})
        if path[2] == "results":
            return self.page(list(run.results), query)
        if self.broker.no_events:
            return self.problem(503, "unavailable", "no streams here")
        return self.stream(run)

    def stream(self, run):
        left = self.broker.cut_after.pop(0) if self.broker.cut_after else None
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.send_event(0, "run", {**run.json(), "tasks_list": run.tasks})
        at = 0
        while True:
            with run.lock:
                while at >= len(run.events):
                    run.lock.wait(1)
                    if at >= len(run.events):
                        self.wfile.write(b": heartbeat\n\n")
                name, data = run.events[at]
            if left is not None and at >= left:
                return
            at += 1
            self.send_event(at, name, data)
            if name == "run" and data["state"] == "finished":
                return

    def send_event(self, number, name, data):
        self.wfile.write(f"event: {name}\nid: {number}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())
        self.wfile.flush()
