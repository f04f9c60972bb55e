"""The overview and sorted, filtered pages of a fleet of 5,000 nodes and 15,000 lines, each on a broker of its own whose
store was filled before it started; 300 requests each, one at a time."""
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from api import Api  # noqa: E402

NODES = 5000
LINES = (("telecom", "ct"), ("unicom", "cu"), ("mobile", "cm"))
PROVINCES = 34
REQUESTS = 300
PATHS = {
    "overview": ("/api/v1/overview", 20),
    "nodes_by_name": ("/api/v1/nodes?limit=100", 20),
    "nodes_by_province": ("/api/v1/nodes?sort=-province&limit=100", 20),
    "nodes_found": ("/api/v1/nodes?q=carrier:ct+-province:p-7&sort=last_seen_at&limit=100", 30),
    "lines_by_carrier": ("/api/v1/lines?sort=carrier&limit=100", 30),
    "selection": ("/api/v1/selection?q=carrier:ct+province:p-7", 20),
}


def line(name, carrier, number):
    return {"name": name, "carrier": carrier, "device": "wan0", "addresses": [f"100.64.{number // 256}.{number % 256}"],
            "resolvers": ["100.64.0.53"], "state": "up", "reason": "", "enforced_by": "bpf", "mark": 257, "table": 101}


def fill(store):
    db = sqlite3.connect(store)
    now = time.time_ns() // 1000
    row = ("INSERT INTO nodes (id, name, key, state, labels, agent_version, policy_hash, lines, enrolled_at, connected_at,"
           " last_seen_at, epoch, join_counter, join_confirmed) VALUES (?,?,?,'enrolled',?,'0.1.0','',?,?,?,?,1,1,1)")
    for n in range(NODES):
        labels = {"province": f"p-{n * 7 % PROVINCES}", "city": f"c-{n % 300}"}
        lines = [line(name, carrier, n) for name, carrier in LINES]
        db.execute(row, (n.to_bytes(16, "big"), f"node-{n}", n.to_bytes(32, "big"), json.dumps(labels), json.dumps(lines),
                         now - n, now - n, now - n * 13 % 997))
    db.commit()
    db.close()


def measure(api, path):
    for _ in range(10):
        api.get(path)
    took = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        answer = api.get(path)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return took, answer


def main():
    folder = tempfile.mkdtemp()
    made = json.loads(subprocess.run(
        ["edge-broker", "init", "--json", "--dir", f"{folder}/b", "--gateway", "127.0.0.1:0", "--api", "127.0.0.1:0",
         "--public-url", "https://127.0.0.1:7443"], check=True, capture_output=True, text=True).stdout)
    fill(f"{folder}/b/edge.db")
    with subprocess.Popen(["edge-broker", "--config", f"{folder}/b/broker.toml"], stderr=subprocess.PIPE, text=True) as broker:
        try:
            for text in broker.stderr:
                if ready := re.search(r"broker\.ready .*?api=(\S+)", text):
                    break
            else:
                sys.exit("fleet: the broker did not start")
            api = Api(ready[1], made["token"])
            for name, (path, aim) in PATHS.items():
                took, answer = measure(api, path)
                if name == "overview" and (answer["nodes"]["total"], answer["lines"]["total"]) != (NODES, NODES * len(LINES)):
                    sys.exit(f"fleet: the overview counts {answer['nodes']} and {answer['lines']}")
                if "limit=100" in path and len(answer["items"]) != 100:
                    sys.exit(f"fleet: {path} gave {len(answer['items'])} items")
                print(f"fleet.{name}.p50 {took[REQUESTS // 2]:.2f} ms <={aim}")
                print(f"fleet.{name}.p99 {took[REQUESTS * 99 // 100]:.2f} ms <={aim * 3}")
        finally:
            broker.terminate()


main()
