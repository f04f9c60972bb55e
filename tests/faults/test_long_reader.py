"""Somebody has the store's file open and reads, for long: its log grows, /metrics says so, nothing is lost; when the reader ends the log is copied
back."""
import os
import sqlite3
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "contract", "protocol")]
from broker_case import BrokerCase  # noqa: E402
from seen import seen_by  # noqa: E402
from steady_agent import SteadyAgent  # noqa: E402
from wait_for import wait_for  # noqa: E402

MIB = 1 << 20
DETAIL = '{"text":"%s"}' % ("x" * 120_000)
LEFT = 33 * MIB  # the log begins anew, and is cut to 32 MiB by the commit that does so
GROWN = 40 * MIB


class Wordy(SteadyAgent):
    def finish(self, task, rtt_us=1200, detail=DETAIL):
        super().finish(task, rtt_us, detail)


class LongReader(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker.configure("gateway", "tls = false\n")
        self.broker.start()
        self.addCleanup(self.broker.stop)
        self.agent = Wordy(self.broker.gateway, self.broker.api.post("/api/v1/join-tokens", {"node": "wordy"})["token"], "wordy", self.ledger).start()
        self.addCleanup(self.agent.stop)
        self.broker.api.wait(lambda: self.agent.generation, 10, "the agent to be welcome")
        self.store = os.path.join(self.broker.folder, "edge.db")

    def told(self):
        line, = [line for line in self.broker.metrics().splitlines() if line.startswith("edge_store_wal_bytes ")]
        return int(float(line.split()[1]))

    def log(self):
        """As /metrics tells it, which is what is on the disk."""
        on_disk = lambda: os.path.getsize(self.store + "-wal")  # noqa: E731
        wait_for(lambda: self.told() == on_disk(), 10, lambda: f"told {self.told()}, has {on_disk()}")
        return self.told()

    def write(self, runs):
        asked = [self.ledger.ask(self.broker.api, {"service": "ping", "params": {"target": "198.51.100.10"}, "selector": "all"}) for _ in range(runs)]
        for run in asked:
            self.broker.api.wait_run(run)

    def write_until(self, done):
        for _ in range(50):
            self.write(20)
            if done():
                return
        self.fail(f"{self.log()}, {self.broker.said()}")

    def test_the_log_grows_while_somebody_reads_and_is_copied_back_afterwards(self):
        self.write(40)
        before = self.log()
        reader = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        count = reader.execute("SELECT count(*) FROM results").fetchone()[0]
        self.write_until(lambda: self.log() > GROWN)
        grown, file = self.log(), os.path.getsize(self.store)
        self.assertEqual((reader.execute("SELECT count(*) FROM results").fetchone()[0], count), (40, 40))
        reader.execute("COMMIT")
        self.write_until(lambda: self.log() < LEFT)
        left = self.log()
        copied = os.path.getsize(self.store)
        told, lost, duplicated = self.ledger.check(self.broker.api)
        seen_by(self, f"{before / MIB:.1f} MiB before, {grown / MIB:.1f} with a reader, {left / MIB:.1f} after it; the file from {file / MIB:.1f} to {copied / MIB:.1f}; "
                      f"{len(told)} results, {len(lost)} lost, {len(duplicated)} duplicated")
        self.assertLess(before, LEFT)
        self.assertGreater(copied, file + 16 * MIB)
        self.assertEqual((lost, duplicated), ([], []))
        self.assertNotIn("store.log_grown", self.broker.said())  # that is told beyond 256 MiB


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")  # the agent's key goes with the process
