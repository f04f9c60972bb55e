"""Deliveries a second to a quick receiver, and 99 receivers beside one that is stuck. A broker of the bench's own."""
# lab: --no-edge
import os
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "webhooks"))
from broker import Broker  # noqa: E402
from load import Pool, latencies, p99, replay_rate, test_messages  # noqa: E402
from receiver import Receiver  # noqa: E402

MESSAGES = 2_500
RECEIVERS = 99
ROUNDS = 5
PAIRS = int(os.environ.get("EDGE_PAIRS", "200"))
TIMEOUT_S = 15
OPEN = f'allow_http = true\nallow = ["127.0.0.0/8"]\nports = []\ntimeout_ms = {TIMEOUT_S * 1000}\n'


class Side:
    """A broker with 99 good receivers."""

    def __init__(self, folder, name, receiver):
        os.mkdir(os.path.join(folder, name))
        self.broker = Broker("edge-broker", os.path.join(folder, name), OPEN)
        self.pool = Pool(self.broker)
        self._receiver = receiver
        self._good = [self.broker.api.post("/api/v1/webhooks", {"url": receiver.url(f"/ok/{name}-{i}")}) for i in range(RECEIVERS)]
        self._stuck = None
        self._stuck_since = -TIMEOUT_S

    def p99(self):
        return p99(latencies(self.pool, self._receiver, self._good, ROUNDS))

    def hold(self):
        """One more receiver has taken four requests, and answers none of them while the next round goes."""
        if time.monotonic() - self._stuck_since < TIMEOUT_S / 2:
            return
        if self._stuck:
            self.broker.api.request("DELETE", f"/api/v1/webhooks/{self._stuck['id']}")
        path = f"/stuck/{time.monotonic_ns()}"
        self._stuck = self.broker.api.post("/api/v1/webhooks", {"url": self._receiver.url(path)})
        test_messages(self.pool, self._stuck, 50)
        self._receiver.wait_for(path, 4)
        self._stuck_since = time.monotonic()


def main():
    with tempfile.TemporaryDirectory() as folder:
        receiver = Receiver()
        alone, beside = (Side(folder, name, receiver) for name in ("alone", "beside"))
        hook = alone.broker.api.post("/api/v1/webhooks", {"url": receiver.url("/ok/many")})
        test_messages(alone.pool, hook, MESSAGES)
        receiver.wait_for("/ok/many", MESSAGES, 120)
        rate = replay_rate(alone.broker, receiver, "/ok/many", hook, MESSAGES)
        print(f"webhooks.deliveries {rate:.0f} 1/s >=500")
        alone.broker.api.request("DELETE", f"/api/v1/webhooks/{hook['id']}")
        for side in (alone, beside):
            side.p99()  # connections are made
        pairs = []
        for i in range(PAIRS):
            beside.hold()
            # Who is first changes, so that what else the machine does falls on both.
            sides = (alone, beside) if i % 2 == 0 else (beside, alone)
            found = {side: side.p99() for side in sides}
            pairs.append((found[alone], found[beside]))
        print(f"webhooks.p99_alone {statistics.median(pair[0] for pair in pairs) * 1000:.1f} ms -")
        print(f"webhooks.p99_beside_a_stuck_one {statistics.median(pair[1] for pair in pairs) * 1000:.1f} ms -")
        print(f"webhooks.p99_ratio {statistics.median(pair[1] / pair[0] for pair in pairs):.2f} x <=1.10")
        for side in (alone, beside):
            if side.broker.stop() != 0:
                sys.exit("webhooks: a broker did not end well")


main()
