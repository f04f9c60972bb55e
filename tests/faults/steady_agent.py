"""Somebody else's agent that never gives up: does its tasks at once, comes back at once, and tells a ledger what it has written down."""
import json
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "contract", "protocol"))
from minimal_agent import Closed, MinimalAgent  # noqa: E402

WORK_CREDIT = 64


class SteadyAgent(MinimalAgent):
    def __init__(self, address, token, name, ledger):
        super().__init__(address, token, name)
        self._ledger = ledger
        self._done = set()  # (task, attempt) that are finished
        self._over = threading.Event()
        self.ended = {}  # why sessions ended -> how often
        self.refused = {}  # code of an error that the broker sent -> how often
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._over.set()
        self._hang_up()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive(), f"{self.name} hangs"

    def _run(self):
        while not self._over.is_set():
            try:
                self.connect()
                for task in list(self.open.values()):
                    self._do(task)
                self.send()
                while not self._over.is_set():
                    self._answer(self.take())
            except Closed as closed:
                self.ended[closed.code] = self.ended.get(closed.code, 0) + 1
            except OSError as error:
                self.ended[type(error).__name__] = self.ended.get(type(error).__name__, 0) + 1
            except (json.JSONDecodeError, KeyError, AssertionError) as error:
                self.ended[repr(error)] = self.ended.get(repr(error), 0) + 1
            self._hang_up()
            self._over.wait(0.05)

    def _hang_up(self):
        if hasattr(self, "_link"):
            self.cut()

    def _answer(self, one):
        if one["t"] == "error":
            self.refused[one["code"]] = self.refused.get(one["code"], 0) + 1
        if one["t"] not in ("task", "cancel") or one["n"] <= self.work_last:
            return
        if one["n"] != self.work_last + 1:
            raise Closed("gap in work")
        self.work_last = one["n"]
        attempt = one["task_id"], one.get("attempt")
        is_new = one["t"] == "task" and attempt not in self._done and attempt not in self.open
        if is_new:
            self.open[attempt] = one
        self.say({"t": "wack", "n": self.work_last}, {"t": "credit", "upto_n": self.work_last + WORK_CREDIT, "bytes": 1 << 20})
        if is_new:
            self._do(one)
            self.say(*self.results[self.result_last])

    def _do(self, task):
        self.finish(task)
        self._done.add((task["task_id"], task["attempt"]))
        self._ledger.produced.add(json.loads(self.results[self.result_last][0])["rid"])
