"""POST to first result, 1,000 jobs one at a time, a target that answers at once. Run in the lab without wires."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from api import Api  # noqa: E402

JOBS = 1000


def main():
    api = Api()
    took = []
    for _ in range(20):  # connections and caches warm, as in a broker that runs
        api.probe("ping", "telecom", target="198.51.100.20", count=1)
    for _ in range(JOBS):
        began = time.perf_counter()
        run = api.probe("ping", "telecom", target="198.51.100.20", count=1)
        took.append((time.perf_counter() - began) * 1000)
        if [result["status"] for result in run["results"]] != ["ok"]:
            sys.exit(f"dispatch: a probe failed: {run['results']}")
    took.sort()
    print(f"dispatch.p50 {took[JOBS // 2]:.2f} ms <=10")
    print(f"dispatch.p99 {took[JOBS * 99 // 100]:.2f} ms <=30")


main()
