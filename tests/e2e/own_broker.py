"""A broker of the test's own: in a folder, on ports that the kernel chose, without the lab."""
import atexit
import json
import os
import re
import signal
import subprocess
import threading
import urllib.request

from api import Api


class OwnBroker:
    """Made, and not started. `url`, `api` and `gateway` (host, port) are of the last start, `log` is what it said since."""

    def __init__(self, program, folder):
        self._program = program
        self.folder = os.path.join(folder, "broker")
        made = json.loads(subprocess.run(
            [program, "init", "--dir", self.folder, "--gateway", "127.0.0.1:0", "--api", "127.0.0.1:0",
             "--public-url", "https://127.0.0.1:7443", "--json"], check=True, capture_output=True, text=True).stdout)
        self.token = made["token"]
        self.pin = made["pin"]
        self._config = made["config"]

    def configure(self, table, lines):
        """More of a table of broker.toml, which is made where there is none."""
        with open(self._config) as file:
            text = file.read()
        head = f"[{table}]\n"
        text = text.replace(head, head + lines, 1) if head in text else f"{text}\n{head}{lines}"
        with open(self._config, "w") as file:
            file.write(text)

    def unset(self, table, name):
        """A line less of a table of broker.toml."""
        with open(self._config) as file:
            text = file.read()
        with open(self._config, "w") as file:
            file.write(re.sub(rf"(\[{table}\]\n(?:[^\[]*\n)?){name} = [^\n]*\n", r"\1", text))

    def start(self, under=(), pass_fds=()):
        """`under`: a program that runs it in its own place, such as strace, and may be given descriptors of ours."""
        self._process = subprocess.Popen([*under, self._program, "--config", self._config], stderr=subprocess.PIPE, text=True, pass_fds=pass_fds)
        atexit.register(self._process.kill)  # a test that fails leaves nothing behind
        self.log = []
        for line in self._process.stderr:
            if ready := re.search(r"broker\.ready .*? api=(\S+) gateway=\w+://(\S+):(\d+)", line):
                self.url = ready[1]
                self.api = Api(self.url, self.token)
                self.gateway = (ready[2], int(ready[3]))
                self._listen_there_again()
                self._drain()
                return self
        raise RuntimeError("the broker did not start")

    def start_or_die(self, under):
        """For who kills it, perhaps before it is ready."""
        try:
            return self.start(under)
        except RuntimeError:
            return self

    def _listen_there_again(self):
        """The next start is where nodes look for it."""
        with open(self._config) as file:
            text = file.read()
        with open(self._config, "w") as file:
            file.write(re.sub(r'(\[gateway\]\n(?:[^\[]*\n)?listen = "127\.0\.0\.1:)0"', rf'\g<1>{self.gateway[1]}"', text))

    def _drain(self):
        process = self._process
        self.log = []
        threading.Thread(target=lambda: self.log.extend(process.stderr), daemon=True).start()

    def do(self, *words):
        """Another command of edge-broker with this broker's configuration; what it printed."""
        return subprocess.run([self._program, "--config", self._config, *words], check=True, capture_output=True, text=True).stdout

    def metrics(self):
        asked = urllib.request.Request(self.url + "/metrics", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.read().decode()

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process.poll() is None

    def ended(self, within_s=30):
        """Its exit code, below 0 for a signal."""
        return self._process.wait(timeout=within_s)

    def said(self):
        return "".join(self.log)

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    def is_sanitized(self):
        with open(f"/proc/{self._process.pid}/maps") as maps:
            return "libasan" in maps.read()

    def resident_kib(self):
        return self._status("VmRSS")

    def resident_peak_kib(self):
        return self._status("VmHWM")

    def _status(self, name):
        with open(f"/proc/{self._process.pid}/status") as status:
            return int(re.search(rf"{name}:\s+(\d+)", status.read()).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    def processor_seconds(self):
        with open(f"/proc/{self._process.pid}/stat") as stat:
            words = stat.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
