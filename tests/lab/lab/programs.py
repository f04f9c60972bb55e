"""Starts a lab's programs, waits until they serve, and stops them, the last first.

Each program is started by a small script in DIR/start/NAME, so that a test can kill one by DIR/pid/NAME and start it
again exactly as the lab did. What it prints is in DIR/log/NAME.
"""
import contextlib
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time

POLL_S = 0.01
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|runtime error: |SUMMARY: \w+Sanitizer")


def placed(network, command, uid=None):
    """`command` as it runs in a network: as root, or as `uid` without any capability."""
    prefix = ["nsenter", f"--net=/run/netns/{network}", "--"]
    if uid is not None:
        prefix += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all", "--no-new-privs", "--"]
    return [*prefix, *map(str, command)]


class Programs:
    def __init__(self, directory):
        self.directory = directory
        self._started = {}  # by name, in the order of starting
        for folder in ("start", "pid", "log"):
            os.mkdir(f"{directory}/{folder}")

    def start(self, name, network, command, *, uid=None, pass_fds=()):
        script = f"{self.directory}/start/{name}"
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho $$ >{self.directory}/pid/{name}\nexec {shlex.join(placed(network, command, uid))}\n")
        os.chmod(script, 0o755)
        with open(self.log(name), "ab") as log:
            self._started[name] = subprocess.Popen([script], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   start_new_session=True, pass_fds=pass_fds)

    def log(self, name):
        return f"{self.directory}/log/{name}"

    def says(self, name, word):
        with open(self.log(name), encoding="utf-8", errors="replace") as log:
            return any(re.search(rf"\b{word}\b", line) for line in log)

    def wait_until(self, name, condition, *, within_s, what):
        """Ask until `condition` holds; fails with the log's last lines when the program ends or time is up."""
        process = self._started[name]
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

    def stop(self, grace_s=20.0):
        """Each gets SIGTERM after those started later have ended, and SIGKILL when the grace is over.

        What went wrong, a sentence each: EDGE's programs must have ended with 0, and no sanitizer may have complained.
        """
        problems = []
        for name, process in reversed(self._started.items()):
            self._stop_restarted(name, process, grace_s)
            if process.poll() is not None:
                continue  # ended by a test
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(grace_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                problems.append(f"{name}: did not end within {grace_s} s of SIGTERM; killed")
                continue
            if name.startswith("edge-") and status != 0:
                problems.append(f"{name}: ended with status {status} on SIGTERM")
        return problems + [f"{name}: a sanitizer complains in its log" for name in self._started if self._has_report(name)]

    def _stop_restarted(self, name, process, grace_s):
        """A test may have started the program anew."""
        with contextlib.suppress(OSError, ValueError):
            with open(f"{self.directory}/pid/{name}", encoding="ascii") as file:
                pid = int(file.read())
            if pid == process.pid:
                return
            handle = os.pidfd_open(pid)
            try:
                signal.pidfd_send_signal(handle, signal.SIGTERM)
                if not _ended(handle, grace_s):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    _ended(handle, grace_s)
            finally:
                os.close(handle)

    def _has_report(self, name):
        with open(self.log(name), encoding="utf-8", errors="replace") as log:
            return any(SANITIZER_REPORT.search(line) for line in log)


def _ended(handle, within_s):
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(within_s * 1000))
