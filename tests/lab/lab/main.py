"""./dev lab: a lab around one command. See tests/lab/README.md."""
import argparse
import dataclasses
import os
import signal
import subprocess
import sys

from lab import keeper, linux, servers, slots, topology
from lab.edge import Edge
from lab.programs import Programs

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
NOT_PERMITTED = 77  # sysexits' EX_NOPERM; CTest counts it as skipped


USAGE = 64           # sysexits' EX_USAGE
SOMETHING_TO_DO = 75  # of ./dev's first look at the command line


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(USAGE, f"{self.prog}: {message}; see ./{self.prog} --help\n")


def end_if_only_parsed():
    """./dev asks whether the command line is good before it builds."""
    if os.environ.get("EDGE_PARSE_ONLY"):
        sys.exit(SOMETHING_TO_DO)


def parse(arguments):
    parser = Parser(prog="dev lab", description="Run a command in a lab with a broker and enrolled nodes.")
    parser.add_argument("--nodes", type=int, default=1, help="how many nodes, 1 to 99")
    parser.add_argument("--wire", choices=("on", "off"), default="on", help="off: lines without delay and loss")
    parser.add_argument("--seed", type=int, default=1, help="of the wires' random numbers")
    parser.add_argument("--no-edge", action="store_true", help="networks and servers only")
    parser.add_argument("--worker-memory-mb", type=int, default=64, help="more for sanitizers")
    parser.add_argument("--cpu-first", action="store_true",
                        help="workers run when nobody else wants a processor, as on a node; here others are busy with something else")
    parser.add_argument("--bin", default=f"{REPOSITORY}/build/bin", help="where the programs are (build/bin)")
    parser.add_argument("--logs", metavar="DIR", help="copy the programs' logs there at the end")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="with its own options; `--` before it is left out")
    options = parser.parse_args(arguments)
    options.command = options.command[options.command[:1] == ["--"]:]
    if not options.command:
        parser.error("COMMAND is missing")
    if not 1 <= options.nodes <= slots.MOST_NODES:
        parser.error(f"--nodes: {options.nodes} is not within 1 to {slots.MOST_NODES}")
    return options


@dataclasses.dataclass
class Lab:
    """What is up when the command runs."""
    programs: Programs
    environment: dict
    binaries: str
    edge: Edge | None = None


def main(arguments):
    options = parse(arguments)
    end_if_only_parsed()
    return run(options, lambda lab: run_command(options.command, lab.environment))


def run(options, inside):
    """Keep a lab up around `inside(lab)`; its exit status."""
    if os.geteuid() != 0:
        print("lab: must be root, because it makes network namespaces", file=sys.stderr)
        return NOT_PERMITTED
    slot = slots.take_slot()
    return keeper.keep(slot, lambda: _lab(slot, options, inside))


def _lab(slot, options, inside):
    _own_mounts()
    nodes = [topology.Node(index) for index in range(1, options.nodes + 1)]
    programs = Programs(slot.directory)
    try:
        topology.build(nodes, wired=options.wire == "on", uid_base=slot.uid_base)
        if options.wire == "on":
            _start_wires(programs, options, nodes)
        servers.start(programs)
        topology.wait_for_links()
        topology.meet_gateways(nodes)
        lab = Lab(programs, _environment(slot, options, nodes, programs), options.bin)
        if not options.no_edge:
            lab.edge = Edge(programs, slot, options.bin, options.worker_memory_mb, options.cpu_first)
            lab.edge.start(nodes)
            lab.environment |= {"EDGE_URL": lab.edge.url, "EDGE_TOKEN": lab.edge.token}
        status = inside(lab)
        problems = programs.stop()
        for problem in problems:
            print(f"lab: {problem}", file=sys.stderr)
        return status or (1 if problems else 0)
    finally:
        programs.stop()  # does nothing when it was done above
        if options.logs:
            subprocess.run(["cp", "-r", f"{slot.directory}/log/.", options.logs], check=False)
        slot.clear()  # the keeper does it as well, unless it was killed


def _own_mounts():
    """A mount namespace, so that named network namespaces and this pid namespace's /proc are the lab's alone."""
    linux.unshare(linux.CLONE_NEWNS)
    os.makedirs("/run/netns", exist_ok=True)
    for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "proc", "proc", "/proc"],
                    ["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run/netns"]):
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"lab: {' '.join(command)}: {done.stderr.strip()}; it needs CAP_SYS_ADMIN and a root that is a mount")


def _start_wires(programs, options, nodes):
    lines = [(node, carrier) for node in nodes for carrier in topology.CARRIERS]
    for number, (node, carrier) in enumerate(lines):
        left, right = topology.wire_ends(node, carrier)
        programs.start(f"wire-{node.name}-{carrier.name}", "wire", [
            f"{options.bin}/wire", "--left", left, "--right", right, *carrier.wire_options,
            "--seed", options.seed * 1000 + number])
    for node, carrier in lines:
        name = f"wire-{node.name}-{carrier.name}"
        programs.wait_until(name, lambda name=name: programs.says(name, "ready"), within_s=20, what="carrying frames")


def _environment(slot, options, nodes, programs):
    return {
        "PATH": f"{options.bin}:{REPOSITORY}/tests/lab/bin:{os.environ.get('PATH', os.defpath)}",
        "no_proxy": "127.0.0.1",
        "EDGE_LAB_DIR": slot.directory,
        "EDGE_LAB_NODES": " ".join(node.name for node in nodes),
        "EDGE_LAB_NODE_NS": f"/run/netns/{nodes[0].name}",
        "EDGE_LAB_NGINX_LOG": servers.nginx_log(programs),
        "EDGE_LAB_CGROUP": slot.cgroup(nodes[0].name),
    }


def run_command(command, environment):
    """Run in the broker's namespace. Told to stop, the lab stops the command first."""
    if os.isatty(0):  # there Ctrl-C is the command's affair, as it is under a shell, from its first moment
        signal.signal(signal.SIGINT, lambda *_: None)
    process = subprocess.Popen(["nsenter", "--net=/run/netns/broker", "--", *command], env=os.environ | environment)
    try:
        code = process.wait()
        return 128 - code if code < 0 else code
    except keeper.Stopped:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
        raise
