"""The overview and sorted, filtered pages of a fleet of 5,000 nodes and 15,000 lines, each on a broker of its own whose
store was filled before it started; 300 requests each, one at a time."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from api import Api  # noqa: E402
from seeded_broker import LINES, NODES, seeded_broker  # noqa: E402

REQUESTS = 300
PATHS = {
    "overview": ("/api/v1/overview", 20),
    "nodes_by_name": ("/api/v1/nodes?limit=100", 20),
    "nodes_by_province": ("/api/v1/nodes?sort=-province&limit=100", 20),
    "nodes_found": ("/api/v1/nodes?q=carrier:ct+-province:hebei&sort=last_seen_at&limit=100", 30),
    "lines_by_carrier": ("/api/v1/lines?sort=carrier&limit=100", 30),
    "selection": ("/api/v1/selection?q=carrier:ct+province:hebei", 20),
}


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
    with seeded_broker() as (url, token):
        api = Api(url, token)
        for name, (path, aim) in PATHS.items():
            took, answer = measure(api, path)
            if name == "overview" and (answer["nodes"]["total"], answer["lines"]["total"]) != (NODES, NODES * len(LINES)):
                sys.exit(f"fleet: the overview counts {answer['nodes']} and {answer['lines']}")
            if "limit=100" in path and len(answer["items"]) != 100:
                sys.exit(f"fleet: {path} gave {len(answer['items'])} items")
            print(f"fleet.{name}.p50 {took[REQUESTS // 2]:.2f} ms <={aim}")
            print(f"fleet.{name}.p99 {took[REQUESTS * 99 // 100]:.2f} ms <={aim * 3}")


main()
