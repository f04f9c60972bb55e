"""Nodes that only are there: idle-nodes' processes, and the store that knows them."""
import contextlib
import subprocess
import sys
import time

from seeded_broker import add_nodes, line

A_PROCESS = 5000  # a process may open 20,000 files and no more


def add_fleet(broker, count):
    """To a broker that has not started: nodes 1 to `count`, which have never joined."""
    keys = subprocess.run(["idle-nodes", "keys", "1", str(count)], capture_output=True, text=True, check=True).stdout.split()
    lines = [line("telecom", "ct", 1), line("unicom", "cu", 1)]
    add_nodes(f"{broker.folder}/edge.db", ((n, bytes.fromhex(key), {}, lines, 0, 0) for n, key in enumerate(keys, 1)))


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
        sys.exit(f"idle-nodes said {words} instead of {word}")
    return words[1:]
