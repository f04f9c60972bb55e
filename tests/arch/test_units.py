#!/usr/bin/python3 -B
"""How far each unit is closed in, as `systemd-analyze security` counts it: 0 is a service that can do nothing, 10 one that can do all."""
import glob
import os
import shutil
import subprocess
import sys
import unittest

UNITS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "systemd"))
# Tenths. What the launcher has above the others is what it makes lines and sandboxes with: systemd/README.md.
MOST = {"edge-agent": 12, "edge-broker": 12, "edge-launcher": 35}


class Units(unittest.TestCase):
    def test_every_service_is_as_closed_as_it_is_to_be(self):
        self.assertEqual({os.path.basename(path)[:-len(".service")] for path in glob.glob(f"{UNITS}/*.service")}, MOST.keys())
        for name, most in MOST.items():
            with self.subTest(name):
                done = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={most}", f"{UNITS}/{name}.service"],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None:
        print("skipped: no systemd-analyze")
        sys.exit(77)
    unittest.main(verbosity=2)
