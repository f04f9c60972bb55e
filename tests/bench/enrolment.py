"""A fleet of EDGE_NODES (800) machines joins from one batch file: `edgectl enroll-batch` makes the tokens, a real `edge-agent enroll` uses
each, four at a time, and nobody is asked anything. How long the batch takes, and each enrolment; that every node is there by its name, with
the labels of its line; and that `--one-token` does the same with one token."""
# lab: --no-edge
import csv
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from own_broker import OwnBroker  # noqa: E402

NODES = int(os.environ.get("EDGE_NODES", "800"))
AT_A_TIME = 4


def write_list(path, first, count):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "province", "city"])
        writer.writerows([f"n-{at}", "guangdong", "广州"] for at in range(first, first + count))


def make_tokens(broker, nodes, out, *more):
    began = time.monotonic()
    subprocess.run(["edgectl", "enroll-batch", nodes, "--out", out, "--ttl", "1h", "--label", "tier=edge", *more], check=True,
                   env={**os.environ, "EDGE_URL": broker.url, "EDGE_TOKEN": broker.token}, stderr=subprocess.DEVNULL)
    took = time.monotonic() - began
    with open(out, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), took


def enroll(broker, folder, row, more):
    state = os.path.join(folder, row["name"])
    config = state + ".toml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(f'[node]\nlabels = {{ tier = "mine", rack = "7" }}\n[agent]\nstate_dir = "{state}"\n')
    began = time.monotonic()
    done = subprocess.run(["edge-agent", "enroll", f"https://{broker.gateway[0]}:{broker.gateway[1]}", "--token-file", "-", "--config", config, *more],
                          input=row["token"] + "\n", text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"enrolment: {row['name']}: {done.stderr}")
    return time.monotonic() - began


def figures(name, broker, folder, rows, more):
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        took = sorted(pool.map(lambda row: enroll(broker, folder, row, more(row)), rows))
    print(f"enrolment.{name}.p50 {1000 * took[len(took) // 2]:.0f} ms -")
    print(f"enrolment.{name}.p99 {1000 * took[len(took) * 99 // 100]:.0f} ms <=2000", flush=True)


def check(broker, count):
    listed = broker.api.get("/api/v1/nodes?limit=500&q=tier:edge")
    if listed["total"] != count:
        sys.exit(f"enrolment: {listed['total']} of {count} nodes have the preset label")
    for node in listed["items"]:
        if node["labels"] != {"province": "guangdong", "city": "广州", "tier": "edge", "rack": "7"}:
            sys.exit(f"enrolment: {node['name']} has {node['labels']}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        broker = OwnBroker("edge-broker", folder).start()
        nodes, out = os.path.join(folder, "nodes.csv"), os.path.join(folder, "tokens.csv")
        write_list(nodes, 1, NODES)
        rows, took = make_tokens(broker, nodes, out)
        print(f"enrolment.batch {1000 * took:.0f} ms -")
        figures("each", broker, folder, rows, lambda row: [])
        check(broker, NODES)

        few = max(NODES // 10, 5)
        write_list(nodes, NODES + 1, few)
        rows, _ = make_tokens(broker, nodes, out + ".one", "--one-token")
        figures("one_token", broker, folder, rows, lambda row: ["--name", row["name"]])
        check(broker, NODES + few)
        if broker.stop() != 0:
            sys.exit("enrolment: the broker did not end well")


main()
