"""What idle nodes cost a broker of the bench's own: memory each, with and without TLS, of EDGE_NODES (15,000) and of each half of those
that came after the first thousand; and its processor time while they only answer heartbeats. Then the broker is stopped, and started
again: for how long each node is away."""
# lab: --no-edge
import contextlib
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "idle_nodes"), os.path.join(HERE, "..", "e2e")]
from fleets import add_fleet, joined, said  # noqa: E402
from own_broker import OwnBroker  # noqa: E402

NODES = int(os.environ.get("EDGE_NODES", "15000"))
FEW = min(1000, NODES // 2)
BACK = min(10_000, NODES)
IDLE_SECONDS = 60 if NODES > 5000 else 20


@contextlib.contextmanager
def broker_of_the_fleet(lines=""):
    """Its nodes have never joined."""
    with tempfile.TemporaryDirectory() as folder:
        broker = OwnBroker("edge-broker", folder)
        broker.configure("gateway", lines)
        add_fleet(broker, NODES)
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
