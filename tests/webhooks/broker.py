"""A broker in a folder of its own, on ports that the kernel chose, which may speak to receivers on loopback."""
import atexit
import json
import os
import re
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from api import Api, Refused  # noqa: E402, F401


class Broker:
    def __init__(self, program, folder, webhooks='allow_http = true\nallow = ["127.0.0.0/8"]\nports = []\ntimeout_ms = 1000\n'):
        self._program = program
        self._config = os.path.join(folder, "broker", "broker.toml")
        made = subprocess.run(
            [program, "init", "--dir", os.path.dirname(self._config), "--gateway", "127.0.0.1:0", "--api", "127.0.0.1:0",
             "--public-url", "https://127.0.0.1:7443", "--json"], check=True, capture_output=True, text=True)
        self.token = json.loads(made.stdout)["token"]
        with open(self._config, "a") as file:
            file.write("\n[webhooks]\n" + webhooks)
        self.start()

    def start(self):
        self._process = subprocess.Popen([self._program, "--config", self._config], stderr=subprocess.PIPE, text=True)
        atexit.register(self._process.kill)  # a test that fails leaves nothing behind
        for line in self._process.stderr:
            ready = re.search(r"broker\.ready .* api=(\S+)", line)
            if ready:
                self.url = ready.group(1)
                self.api = Api(self.url, self.token)
                self._drain()
                return
        raise RuntimeError("the broker did not start")

    def _drain(self):
        process = self._process
        self.log = []
        threading.Thread(target=lambda: self.log.extend(process.stderr), daemon=True).start()

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    def resident_kib(self):
        with open(f"/proc/{self._process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
