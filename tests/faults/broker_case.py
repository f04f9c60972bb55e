"""A test with a broker of its own, made and not started, and a ledger of what it promised."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from ledger import Ledger  # noqa: E402
from own_broker import OwnBroker  # noqa: E402
from seen import seen  # noqa: E402

PROGRAMS = sys.argv.pop()


class BrokerCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="edge-faults-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.folder = folder.name
        self.ledger = Ledger()
        self.broker = OwnBroker(f"{PROGRAMS}/edge-broker", folder.name)
        self.broker.configure("api", "target_probes_per_s = 0\n")

    def start_broker(self):
        self.broker.start()
        self.addCleanup(self.broker.stop)

    def connected(self):
        """Name -> id."""
        return {node["name"]: node["id"] for node in self.broker.api.items("/api/v1/nodes") if node["state"] == "connected"}

    def settle(self, what, within_s=60):
        """Nothing was lost and nothing came twice, once all is there. Answers the results."""
        told, lost, duplicated = self.ledger.check(self.broker.api, within_s)
        seen(f"{what}: {len(told)} results, {len(lost)} lost, {len(duplicated)} duplicated")
        self.assertEqual((lost, duplicated), ([], []))
        return told
