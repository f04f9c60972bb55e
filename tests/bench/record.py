"""DNS probes through agent and broker into SQLite, and through blackbox_exporter, in turn: how many a second on the same processors.

EDGE_RESULTS probes of one name, asked of its authority, as jobs that are all posted at once; counted is from the first post to the
end of the last run, whose results are then in the store and acknowledged. The exporter stands a hop nearer to the authority than the
node, and compresses nothing, both to its advantage; its client is a program of ours that costs little, with as many connections as make it
fastest. `share_…` is who had the processors during EDGE's turns, of all there are: programs, with what the kernel did in their name.
"""
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402
from api import Api  # noqa: E402

EXPORTER, PORT, FROM = "prometheus-blackbox-exporter", 9115, "telecom"
NAME, SERVER = "www.lab.test", "198.51.100.53"
MODULES = f"modules: {{asked: {{prober: dns, timeout: 4s, dns: {{query_name: {NAME}, query_type: A}}}}}}\n"
PATH = "/probe?" + urllib.parse.urlencode({"module": "asked", "target": SERVER})
RESULTS = int(os.environ.get("EDGE_RESULTS", "30000"))
ROUNDS = 1 if RESULTS < 10_000 else 3
SECONDS = 1 if RESULTS < 10_000 else 3
CONNECTIONS = (4, 16, 64)
LINES = 3 * len(os.environ["EDGE_LAB_NODES"].split())
MOST_EACH = 1000  # of one job, on each line
TICK = os.sysconf("SC_CLK_TCK")


def spent():
    """{program of the lab: processor seconds with those of its children}."""
    seconds = {}
    for name in os.listdir(f"{running_lab.DIRECTORY}/pid"):
        for pid in running_lab.family(running_lab.pid(name)):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat", encoding="ascii") as file:
                user, system = file.read().rsplit(")", 1)[1].split()[11:13]
                program = "workers" if name.startswith("edge-launcher") else "edge-agent" if name.startswith("edge-agent") else name
                seconds[program] = seconds.get(program, 0) + (int(user) + int(system)) / TICK
    return seconds


def recorded(api):
    """Results a second, and the shares of the processors that each program had."""
    jobs = []
    left = RESULTS // LINES
    while left > 0:
        jobs.append(min(left, MOST_EACH))
        left -= jobs[-1]
    before, began = spent(), time.perf_counter()
    runs = [api.post("/api/v1/jobs", {"service": "dns", "params": {"target": NAME, "server": SERVER}, "selector": "all", "repeat": each})
            for each in jobs]
    finished = [api.wait_run(run["id"], 300) for run in runs]
    took, after = time.perf_counter() - began, spent()
    check(api, finished, [each * LINES for each in jobs])
    processors = took * len(os.sched_getaffinity(0))
    return sum(jobs) * LINES / took, {name: (after[name] - before.get(name, 0)) / processors for name in after}


def check(api, finished, wanted):
    """All recorded, each once, each of them ok and by its line."""
    ids = set()
    for run, count in zip(finished, wanted):
        results = list(api.items(f"/api/v1/runs/{run['id']}/results"))
        good = sum(one["status"] == "ok" and one["evidence"]["verified"] for one in results)
        distinct = {one["id"] for one in results}
        if (run["tasks"]["succeeded"], len(results), good, len(distinct)) != (count,) * 4 or ids & distinct:
            sys.exit(f"record: {run['tasks']}, {len(results)} results, {good} good, {len(distinct)} distinct, of {count}")
        ids |= distinct


@contextlib.contextmanager
def exporter():
    file = f"{running_lab.DIRECTORY}/blackbox.yml"
    running_lab.write(file, MODULES)
    with open(f"{running_lab.DIRECTORY}/log/blackbox", "ab") as out:
        process = subprocess.Popen(["lab-in", FROM, EXPORTER, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{PORT}",
                                    "--log.level=error"], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        Api().wait(lambda: running_lab.in_network(FROM, "ss", "-Hltn", f"sport = :{PORT}").stdout, 20, "the exporter to listen")
        yield
    finally:
        process.terminate()
        process.wait(30)


def asked(connections, seconds=SECONDS):
    """Probes a second that the exporter answers, each of them with success."""
    done = running_lab.in_network(FROM, "paced-http", str(PORT), "0", str(seconds), str(connections), PATH, "\nprobe_success 1\n")
    if done.returncode != 0:
        sys.exit(f"record: the exporter's client: {done.stderr}")
    return float(dict(line.split() for line in done.stdout.splitlines())["rate"])


def main():
    if shutil.which(EXPORTER) is None:
        sys.exit(f"record: needs Debian's package {EXPORTER}; ./dev bench record installs it")
    api = Api()
    for _ in range(2):
        api.probe("dns", "all", target=NAME, server=SERVER, repeat=100)  # caches and connections are warm
    ours, theirs, shares = [], [], []
    with exporter():
        best = max(CONNECTIONS, key=lambda count: asked(count, 1))
        for _ in range(ROUNDS):
            rate, share = recorded(api)
            ours.append(rate)
            shares.append(share)
            theirs.append(asked(best))
    print(f"record.results {RESULTS // LINES * LINES} results ={RESULTS // LINES * LINES}")
    print(f"record.rate {statistics.median(ours):.0f} results/s >=10000")
    print(f"record.blackbox {statistics.median(theirs):.0f} probes/s -")
    print(f"record.blackbox_connections {best} connections -")
    print(f"record.ratio {statistics.median(a / b for a, b in zip(ours, theirs)):.2f} x >=2")
    for name in sorted(shares[0], key=shares[0].get, reverse=True):
        if (share := statistics.median(one[name] for one in shares)) >= 0.01:
            print(f"record.share_{name} {100 * share:.0f} % -")


main()
