"""Starts a lab's programs, waits until they serve, and stops them, the last first.

Each program is started by a small script in DIR/start/NAME, so that a test can kill one by DIR/pid/NAME and start it
again exactly as the lab did. What it prints is in DIR/log/NAME.
"""
import os
import shlex
import signal
import subprocess
import sys
import time

POLL_S = 0.01


class Programs:
    def __init__(self, directory):
        self.directory = directory
        self._running = []
        for folder in ("start", "pid", "log"):
            os.mkdir(f"{directory}/{folder}")

    def start(self, name, network, command, *, uid=None, env=None):
        """`command` in the namespace `network`, as root or as `uid` without any capability."""
        script = f"{self.directory}/start/{name}"
        prefix = ["nsenter", f"--net=/run/netns/{network}"]
        if uid is not None:
            prefix += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]
        assignments = [f"{key}={value}" for key, value in (env or {}).items()]
        line = shlex.join([*prefix, *(["env", *assignments] if assignments else []), *map(str, command)])
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho $$ > {self.directory}/pid/{name}\nexec {line}\n")
        os.chmod(script, 0o755)
        with open(self.log(name), "ab") as log:
            process = subprocess.Popen([script], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._running.append((name, process))
        return process

    def log(self, name):
        return f"{self.directory}/log/{name}"

    def wait_until(self, name, condition, *, within_s, what):
        """Poll `condition` until it holds; fails with the log's last lines when the program ends or time is up."""
        process = dict(self._running)[name]
        deadline = time.monotonic() + within_s
        while not condition():
            if process.poll() is not None:
                self.fail(name, f"ended with status {process.returncode} before {what}")
            if time.monotonic() > deadline:
                self.fail(name, f"{what}: not within {within_s} s")
            time.sleep(POLL_S)

    def fail(self, name, why):
        print(f"lab: {name}: {why}; the end of its log:", file=sys.stderr)
        with open(self.log(name), encoding="utf-8", errors="replace") as log:
            for line in log.readlines()[-20:]:
                print(f"  {line.rstrip()}", file=sys.stderr)
        raise SystemExit(1)

    def stop(self, grace_s=10.0):
        """Each gets SIGTERM after those started later have ended, and SIGKILL when the grace is over."""
        for name, process in reversed(self._running):
            if process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                print(f"lab: {name}: did not end within {grace_s} s of SIGTERM; killed", file=sys.stderr)
                process.kill()
                process.wait()
        self._running.clear()
