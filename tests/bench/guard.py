"""What guards and sandbox cost: a packet, a spawn, a task's way into a worker. Run in the lab without wires."""
import glob
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402

LINE = "telecom"  # its device has its name
TARGET = "198.51.100.254"  # whence nothing comes back


def measured(*arguments):
    done = running_lab.on_node("guard-cost", *arguments)
    if done.returncode != 0:
        sys.exit(f"guard: guard-cost {arguments[0]}: {done.stderr}")
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def groups():
    """The control group of the line's worker (of several the newest: an older one may be about to go), and the one we are in."""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        own = re.search(r"^0::(.*)$", file.read(), re.M).group(1)
    with open("/proc/self/mounts", encoding="ascii") as file:
        root = next(line.split()[1] for line in file if line.split()[2] == "cgroup2")
    workers = glob.glob(f"{root}/{os.environ['EDGE_LAB_CGROUP']}/line-{LINE}/worker-*")
    return max(workers, key=os.path.getmtime), root + own.rstrip("/")


def main():
    socket = f"{running_lab.DIRECTORY}/{running_lab.NODE}/run/launcher.sock"
    worker_group, own_group = groups()
    with open(f"{running_lab.DIRECTORY}/{running_lab.NODE}/lines.toml", encoding="utf-8") as file:
        mark = re.search(rf'name = "{LINE}".*?mark = (\S+)', file.read(), re.S).group(1)
    packets = measured("packets", worker_group, own_group, LINE, mark, TARGET)
    for kind in ("connected", "unconnected"):
        print(f"guard.{kind}_plain {packets[f'packet_{kind}_plain_ns']:.0f} ns -")
        print(f"guard.{kind}_packet {packets[f'packet_{kind}_more_percent']:.1f} % <=10")
    # All on one processor: to wake another one up takes a hypervisor longer than a hand-over does, and is not ours.
    place = {min(os.sched_getaffinity(0))}
    for pid in running_lab.family(running_lab.pid(running_lab.LAUNCHER)):
        os.sched_setaffinity(pid, place)
    os.sched_setaffinity(0, place)
    spawns = measured("spawns", socket, LINE, shutil.which("edge-probe"))
    print(f"guard.spawn {spawns['spawn_more_us'] / 1000:.2f} ms <=2")
    print(f"guard.handover {measured('hand-over', socket, LINE)['handover_us']:.1f} us <=60")


main()
