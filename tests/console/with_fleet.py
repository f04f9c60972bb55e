"""with_fleet.py COMMAND…: runs it beside a broker that has a fleet of 5,000 nodes and 15,000 lines (`tests/e2e/seeded_broker.py`),
with EDGE_URL and EDGE_TOKEN set; its exit status. edge-broker is found by PATH."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from seeded_broker import seeded_broker  # noqa: E402

with seeded_broker() as (url, token):
    sys.exit(subprocess.run(sys.argv[1:], env=os.environ | {"EDGE_URL": url, "EDGE_TOKEN": token}, check=False).returncode)
