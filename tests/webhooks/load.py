"""Many messages at once, and how long each took."""
import concurrent.futures
import threading
import time

from broker import Api


class Pool:
    """Connections of several threads to one broker."""

    def __init__(self, broker, threads=16):
        self._broker = broker
        self._local = threading.local()
        self._threads = concurrent.futures.ThreadPoolExecutor(threads)

    def each(self, call, items):
        def one(item):
            if getattr(self._local, "broker", None) != self._broker.url:
                self._local.broker, self._local.api = self._broker.url, Api(self._broker.url, self._broker.token)
            return call(self._local.api, item)
        return list(self._threads.map(one, items))


def test_messages(pool, hook, count):
    return pool.each(lambda api, _: api.post(f"/api/v1/webhooks/{hook['id']}/test", None), range(count))


def wait_until_none_is_pending(broker, hook):
    end = time.monotonic() + 60
    while broker.api.get(f"/api/v1/webhooks/{hook['id']}/deliveries?state=pending&limit=1")["items"]:
        assert time.monotonic() < end
        time.sleep(0.05)


def replay_rate(broker, receiver, path, hook, count, rounds=3):
    """The best rate of the rounds, of `count` messages that were made before and are sent once more. Units: 1/s."""
    rates = []
    for _ in range(rounds):
        wait_until_none_is_pending(broker, hook)
        have = len(receiver.of(path))
        begun = time.monotonic()
        assert broker.api.post(f"/api/v1/webhooks/{hook['id']}/replay", {"state": "delivered"})["replayed"] == count
        receiver.wait_for(path, have + count, 120)
        rates.append(count / (time.monotonic() - begun))
    return max(rates)


def latencies(pool, receiver, hooks, rounds):
    """Seconds from asking for a test until it came, of each, sorted."""
    asked = {}

    def ask(api, hook):
        at = time.monotonic()
        asked[api.post(f"/api/v1/webhooks/{hook['id']}/test", None)["message_id"]] = at

    before = len(receiver.came)
    wanted = len(hooks) * rounds

    def all_came():
        return sum(one[2]["webhook-id"] in asked for one in receiver.came[before:]) >= wanted

    for _ in range(rounds):
        pool.each(ask, hooks)
    with receiver.changed:
        assert receiver.changed.wait_for(all_came, 60)
        came = {one[2]["webhook-id"]: one[0] for one in receiver.came[before:]}
    return sorted(came[message] - at for message, at in asked.items())


def p99(times):
    return times[int(len(times) * 0.99)]
