"""What idle nodes cost a broker of the bench's own: memory each, with and without TLS, of EDGE_NODES (15,000) and of each half of those
that came after the first thousand; and its processor time while they only answer heartbeats. Then the broker is stopped, and started
again: for how long each node is away."""
# lab: --no-edge
import contextlib
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from own_broker import OwnBroker  # noqa: E402
from seeded_broker import add_nodes, line  # noqa: E402

NODES = int(os.environ.get("EDGE_NODES", "15000"))
FEW = min(1000, NODES // 2)
BACK = min(10_000, NODES)
IDLE_SECONDS = 60 if NODES > 5000 else 20
A_PROCESS = 5000


def fleet():
    keys = subprocess.run(["idle-nodes", "keys", "1", str(NODES)], capture_output=True, text=True, check=True).stdout.split()
    lines = [line("telecom", "ct", 1), line("unicom", "cu", 1)]
    return ((n, bytes.fromhex(key), {}, lines, 0, 0) for n, key in enumerate(keys, 1))


@contextlib.contextmanager
def joined(broker, pin, first, count):
    """Processes whose nodes are all there, and how many seconds that took."""
    began = time.monotonic()
    clients = [subprocess.Popen(["idle-nodes", "join", broker.gateway[0], str(broker.gateway[1]), pin, str(at),
                                 str(min(A_PROCESS, first + count - at))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
               for at in range(first, first + count, A_PROCESS)]
    try:
        for client in clients:
            said(client, "joined")
        yield clients, time.monotonic() - began
    finally:
        for client in clients:
            client.stdin.close()
            client.wait(60)


def said(client, word):
    words = client.stdout.readline().split()
    if not words or words[0] != word:
        sys.exit(f"nodes: idle-nodes said {words} instead of {word}")
    return words[1:]


@contextlib.contextmanager
def broker_of_the_fleet(lines=""):
    """Its nodes have never joined."""
    with tempfile.TemporaryDirectory() as folder:
        broker = OwnBroker("edge-broker", folder)
        broker.configure("gateway", lines)
        add_nodes(f"{broker.folder}/edge.db", fleet())
        broker.start()
        yield broker
        if broker.stop() != 0:
            sys.exit("nodes: a broker did not end well")


def measure(name, broker, pin, aim):
    empty = broker.resident_kib()
    half = (NODES - FEW) // 2
    with contextlib.ExitStack() as clients:
        clients.enter_context(joined(broker, pin, 1, FEW))
        few = broker.resident_kib()
        clients.enter_context(joined(broker, pin, FEW + 1, half))
        some = broker.resident_kib()
        _, seconds = clients.enter_context(joined(broker, pin, FEW + half + 1, NODES - FEW - half))
        all_of_them = broker.resident_kib()
        print(f"nodes.{name}.resident {(all_of_them - empty) / NODES:.1f} KiB <={aim}")
        print(f"nodes.{name}.resident_first_half {(some - few) / half:.1f} KiB <={aim}")
        print(f"nodes.{name}.resident_second_half {(all_of_them - some) / (NODES - FEW - half):.1f} KiB <={aim}")
        print(f"nodes.{name}.joins {(NODES - FEW - half) / seconds:.0f} 1/s -", flush=True)
        time.sleep(5)
        used = broker.processor_seconds()
        time.sleep(IDLE_SECONDS)
        used = broker.processor_seconds() - used
        print(f"nodes.{name}.idle {100 * used / IDLE_SECONDS:.1f} % <=10", flush=True)


def come_back(broker):
    with joined(broker, broker.pin, 1, BACK) as (clients, _):
        broker.stop()
        broker.start()
        took = sorted(int(ms) for client in clients for ms in said(client, "back")[1:])
    if len(took) != BACK:
        sys.exit(f"nodes: {len(took)} of {BACK} came back")
    print(f"nodes.back.p50 {took[len(took) // 2] / 1000:.1f} s -")
    print(f"nodes.back.p99 {took[len(took) * 99 // 100] / 1000:.1f} s <=60")


def main():
    with broker_of_the_fleet("tls = false\n") as broker:
        measure("plain", broker, "plain", 16)
    with broker_of_the_fleet() as broker:
        measure("tls", broker, broker.pin, 30)
    with broker_of_the_fleet() as broker:
        come_back(broker)


main()
