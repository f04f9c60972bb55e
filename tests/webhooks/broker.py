"""A broker of the test's own that may speak to receivers on loopback, started."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from api import Api, Refused  # noqa: E402, F401
from own_broker import OwnBroker  # noqa: E402


class Broker(OwnBroker):
    def __init__(self, program, folder, webhooks='allow_http = true\nallow = ["127.0.0.0/8"]\nports = []\ntimeout_ms = 1000\n'):
        super().__init__(program, folder)
        self.configure("webhooks", webhooks)
        self.start()
