"""Idle memory of each program, and that nothing listens on the node. Run in the lab."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402

MB = 1_000_000


def memory(pid):
    """Resident and anonymous bytes."""
    fields = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                fields[words[0].rstrip(":")] = int(words[1]) * 1024
    return fields["Rss"], fields["Anonymous"]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def is_worker(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip() == "edge-probe"


def main():
    time.sleep(3)  # idle: what start-up and enrolment used has been given back
    launcher_pid = running_lab.pid(running_lab.LAUNCHER)
    born = children(launcher_pid)
    workers = [memory(pid) for pid in born if is_worker(pid)]
    spawner = [pid for pid in born if not is_worker(pid)]
    node = sum(memory(pid)[0] for pid in [running_lab.pid(running_lab.AGENT), launcher_pid, *spawner])
    broker, _ = memory(running_lab.pid(running_lab.BROKER))
    if len(workers) != 3:
        sys.exit(f"footprint: {len(workers)} workers under the launcher, expected one a line")
    print(f"footprint.node {node / MB:.1f} MB <=25")
    print(f"footprint.worker_resident {max(resident for resident, _ in workers) / MB:.1f} MB <=20")
    print(f"footprint.worker_anonymous {max(anonymous for _, anonymous in workers) / MB:.1f} MB <=6")
    print(f"footprint.broker {broker / MB:.1f} MB <=30")
    listening = running_lab.on_node("ss", "-Hltnu", check=True).stdout
    print(f"footprint.listeners {len(listening.splitlines())} sockets =0")


main()
