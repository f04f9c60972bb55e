"""A test with a broker of its own, made and not started, and a ledger of what it promised."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from ledger import Ledger  # noqa: E402
from own_broker import OwnBroker  # noqa: E402

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
