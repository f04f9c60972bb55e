"""What the machine's own web server feels of EDGE: its p99 at 80 % of its capacity, without probes and with as many as EDGE takes, in turn.

Run in the lab without wires. The node is one processor: the server, agent, launcher and workers share
it. Whatever stands for other machines is on the others, and after the client that measures: also the network behind the
node's cables, which the kernel would else run on the processor that sends. The others have no idle moment in any window:
where two processors of a guest are one core, a spin on the other alone makes the server's p99 half as long again, and that is
not EDGE's doing.

On a guest whose host is busy the p99 of a window without EDGE is 0.4 or 4 ms, by chance, which `scatter` tells: so there are
many short windows, and their medians. What the scheduler makes the server wait for the processor is told by the kernel and does
not depend on how fast that is: `wait`, a request.
"""
# lab: --cpu-first
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402
from api import Api, Refused  # noqa: E402

PORT = 8099
CONNECTIONS = 16
ROUNDS = int(os.environ.get("EDGE_ROUNDS", "32"))
SECONDS = 1
LAST = 19  # a nice value
SERVER = """daemon off; worker_processes 1; pid {0}/own-nginx.pid; error_log {0}/log/own-nginx;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_requests 100000000; gzip on; gzip_comp_level 6; gzip_types *; default_type text/plain;
       server {{ listen 127.0.0.1:{1}; root {0}/own-site; index page; }} }}
"""


NODE_CPU, *OTHER_CPUS = sorted(os.sched_getaffinity(0))


def asked(rate, seconds=SECONDS):
    # Before all others at once: a client that waits out another's slice, 4 ms here, would measure that.
    done = running_lab.on_node("chrt", "--fifo", "1", "paced-http", str(PORT), str(rate), str(seconds), str(CONNECTIONS), check=True)
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def take_places(server):
    for name in os.listdir(f"{running_lab.DIRECTORY}/pid"):
        on_node = name in (running_lab.AGENT, running_lab.LAUNCHER)
        for pid in running_lab.family(running_lab.pid(name)):
            for thread in map(int, os.listdir(f"/proc/{pid}/task")):
                os.sched_setaffinity(thread, {NODE_CPU} if on_node else OTHER_CPUS)
                if not on_node:
                    os.setpriority(os.PRIO_PROCESS, thread, LAST)
            if not on_node:
                nice_session(pid, LAST)
    for pid in running_lab.family(server):
        os.sched_setaffinity(pid, {NODE_CPU})
    os.sched_setaffinity(0, OTHER_CPUS)


def nice_session(pid, nice):
    """A session has a nice value of its own where the kernel groups by session; its processes' are then among themselves."""
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
        file.write(str(nice))


def network_on_its_own_processors():
    """What leaves a namespace of another machine's is received on the others' processors, what reaches the node on its own."""
    for namespace in os.listdir("/run/netns"):
        cpus = [NODE_CPU] if namespace == running_lab.NODE else OTHER_CPUS
        mask = f"{sum(1 << cpu for cpu in cpus):x}"
        # /sys shows the network that it was mounted in.
        subprocess.run(["lab-in", namespace, "unshare", "--mount", "sh", "-ec", "mount -t sysfs sysfs /sys\n"
                        f"for queue in /sys/class/net/*/queues/rx-*/rps_cpus; do echo {mask} >$queue; done"], check=True)


@contextlib.contextmanager
def busy_others():
    """A core that is shared is shared in every window."""
    spinning = [subprocess.Popen(["sh", "-c", "while :; do :; done"], start_new_session=True,
                                 preexec_fn=lambda cpu=cpu: idle_on(cpu)) for cpu in OTHER_CPUS]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def idle_on(cpu):
    nice_session("self", LAST)
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@contextlib.contextmanager
def idle_agent():
    """The agent in an idle group, as systemd/edge.slice is. The launcher has made its own so."""
    with open("/proc/self/mounts", encoding="ascii") as file:
        root = next(words[1] for words in map(str.split, file) if words[2] == "cgroup" and "cpu" in words[3].split(","))
    group = f"{root}/{os.environ['EDGE_LAB_CGROUP']}-agent"
    os.mkdir(group)
    for name, value in (("cpu.idle", 1), ("cgroup.procs", running_lab.pid(running_lab.AGENT))):
        with open(f"{group}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))
    try:
        yield
    finally:
        with open(f"{root}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(running_lab.pid(running_lab.AGENT)))
        os.rmdir(group)


class Probes:
    """As many as EDGE takes, from all lines, while it lives."""

    def __enter__(self):
        self.stop, self.ran = threading.Event(), 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def run(self):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LAST)
        api = Api()
        while not self.stop.is_set():
            try:
                run = api.post("/api/v1/jobs", {"service": "dns", "selector": "all", "repeat": 100,
                                                "params": {"target": "www.lab.test", "timeout_ms": 10000}}, Prefer="wait=30")
                self.ran += run["tasks"]["succeeded"]
            except Refused as refused:
                sys.exit(f"host_first: {refused}")


def waited_us(server):
    """How long its processes could run and did not, since they began."""
    us = 0
    for pid in running_lab.family(server):
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            us += int(file.read().split()[1]) / 1000
    return us


def window(server, rate):
    """The p99 in us, and for how long a request waited for the processor in the mean."""
    before = waited_us(server)
    seen = asked(rate)
    return seen["p99_us"], (waited_us(server) - before) / (seen["rate"] * SECONDS)


def main():
    if not OTHER_CPUS:
        sys.exit("host_first: needs a processor for the node and another for the rest of the world")
    # A page that takes its server half a millisecond: what is measured is nginx, not the client.
    os.mkdir(f"{running_lab.DIRECTORY}/own-site")
    with open(f"{running_lab.DIRECTORY}/own-site/page", "w", encoding="ascii") as file:
        file.write("a page of one's own, again and again\n" * 4000)
    config = f"{running_lab.DIRECTORY}/own-nginx.conf"
    with open(config, "w", encoding="utf-8") as file:
        file.write(SERVER.format(running_lab.DIRECTORY, PORT))
    server = subprocess.Popen(["lab-in", running_lab.NODE, "nginx", "-c", config], stdin=subprocess.DEVNULL)
    try:
        Api().wait(lambda: running_lab.on_node("ss", "-Hltn", f"sport = :{PORT}").stdout, 20, "nginx to listen")
        take_places(server.pid)
        network_on_its_own_processors()
        alone, beside, probes = [], [], 0
        with idle_agent(), busy_others():
            rate = 0.8 * statistics.median(asked(0, 1)["rate"] for _ in range(5))
            for _ in range(ROUNDS):
                alone.append(window(server.pid, rate))
                with Probes() as load:
                    beside.append(window(server.pid, rate))
                probes += load.ran
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    if probes == 0:
        sys.exit("host_first: no probe ran beside nginx")
    (p99, wait), (p99_beside, wait_beside) = (map(statistics.median, zip(*taken)) for taken in (alone, beside))
    quiet = [one for one, _ in alone]
    print(f"host_first.nginx_rate {rate:.0f} requests/s -")
    print(f"host_first.probes {probes / (ROUNDS * SECONDS):.0f} probes/s -")
    print(f"host_first.nginx_p99_alone {p99:.0f} us -")
    print(f"host_first.nginx_p99_scatter {100 * (max(quiet) - min(quiet)) / p99:.0f} % -")  # of windows without EDGE
    print(f"host_first.nginx_wait_alone {wait:.1f} us -")
    print(f"host_first.nginx_wait_more {wait_beside - wait:.1f} us <=20")
    print(f"host_first.nginx_p99_more {100 * (p99_beside / p99 - 1):.1f} % <=5")


main()
