"""A broker whose store was filled with a fleet before it started: NODES nodes of three lines each, none of them connected."""
import contextlib
import json
import sqlite3
import tempfile
import time

from own_broker import OwnBroker

NODES = 5000
LINES = (("telecom", "ct"), ("unicom", "cu"), ("mobile", "cm"))
PROVINCES = """heilongjiang neimenggu jilin xinjiang gansu ningxia shanxi hebei beijing tianjin liaoning qinghai shaanxi henan shandong
xizang sichuan chongqing hubei anhui jiangsu shanghai yunnan guizhou hunan jiangxi zhejiang guangxi guangdong fujian taiwan hainan
macao hongkong""".split()


def line(name, carrier, number):
    return {"name": name, "carrier": carrier, "device": "wan0", "addresses": [f"100.64.{number // 256}.{number % 256}"],
            "resolvers": ["100.64.0.53"], "state": "up", "reason": "", "enforced_by": "bpf", "mark": 257, "table": 101}


def add_nodes(store, nodes):
    """Of each its number, key, labels, lines, and the microseconds since it was enrolled and since it was seen."""
    db = sqlite3.connect(store)
    now = time.time_ns() // 1000
    row = ("INSERT INTO nodes (id, name, key, state, labels, agent_version, policy_hash, lines, enrolled_at, connected_at,"
           " last_seen_at, epoch, join_counter, join_confirmed) VALUES (?,?,?,'enrolled',?,'0.1.0','',?,?,?,?,1,1,1)")
    for n, key, labels, lines, enrolled, seen in nodes:
        db.execute(row, (n.to_bytes(16, "big"), f"node-{n}", key, json.dumps(labels), json.dumps(lines), now - enrolled, now - enrolled,
                         now - seen))
    db.commit()
    db.close()


def fleet():
    for n in range(NODES):
        labels = {"province": PROVINCES[n * 7 % len(PROVINCES)], "city": f"c-{n % 300}"}
        yield n, n.to_bytes(32, "big"), labels, [line(name, carrier, n) for name, carrier in LINES], n, n * 13 % 997


@contextlib.contextmanager
def seeded_broker():
    """Its API's address and a token."""
    with tempfile.TemporaryDirectory() as folder:
        broker = OwnBroker("edge-broker", folder)
        add_nodes(f"{broker.folder}/edge.db", fleet())
        broker.start()
        try:
            yield broker.url, broker.token
        finally:
            broker.stop()
