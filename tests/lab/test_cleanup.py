#!/usr/bin/python3 -B
"""Starts labs, ends them in every way there is, and looks at what the host still shows of them."""
import fcntl
import glob
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ.get("EDGE_BIN", f"{HERE}/../../build/bin")
PATIENCE_S = 30

# Makes the cgroups that a launcher would make, with a process in each, tells where it is, and waits.
SETTLE = r"""
for root in $(awk '$3 ~ /^cgroup/ {print $2}' /proc/self/mounts); do
    mkdir -p "$root/$EDGE_LAB_CGROUP/telecom/1" 2>/dev/null || continue
    sleep 1000 & echo $! > "$root/$EDGE_LAB_CGROUP/telecom/1/cgroup.procs" 2>/dev/null
done
printf '{"directory": "%s", "cgroup": "%s"}\n' "$EDGE_LAB_DIR" "$EDGE_LAB_CGROUP"
exec sleep 1000
"""


class Lab:
    def __init__(self, *command, stdin=subprocess.DEVNULL, terminal=False):
        own_terminal = {"start_new_session": True, "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)} if terminal else {}
        self.process = subprocess.Popen([f"{HERE}/run", "--no-edge", "--wire", "off", "--bin", BIN, "--", *command],
                                        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **own_terminal)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.stderr.read())
        self.settled = json.loads(line)
        self.family = descendants(self.process.pid)

    @property
    def keeper(self):
        return self.process.pid

    @property
    def init(self):
        return children(self.keeper)[0]

    @property
    def lab(self):
        return children(self.init)[0]

    def remains(self):
        """What the host still shows of this lab."""
        found = [f"process {pid}" for pid, born in self.family if birth(pid) == born]
        found += glob.glob(self.settled["directory"])
        found += glob.glob(f"/sys/fs/cgroup/**/{self.settled['cgroup']}", recursive=True)
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            found += [mount for mount in mounts if self.settled["directory"] in mount]
        return found

    def gone(self):
        """Waits for the end; then nothing may remain."""
        deadline = time.monotonic() + PATIENCE_S
        while (remains := self.remains()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return remains

    def end(self):
        self.process.kill()
        self.process.communicate()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def birth(pid):
    """Start time of a process that still runs or waits to be reaped by somebody else; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def descendants(pid):
    found = [(pid, birth(pid))]
    for child in children(pid):
        found += descendants(child)
    return found


class Cleanup(unittest.TestCase):
    def settled_lab(self, **how):
        lab = Lab("sh", "-c", SETTLE, **how)
        self.addCleanup(lab.end)
        return lab

    def setUp(self):
        self.named_before = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()

    def assert_gone(self, lab):
        self.assertGreater(len(lab.family), 8)  # there was something to be cleaned up
        self.assertEqual(lab.gone(), [])
        ours = {"telecom", "unicom", "mobile", "internet", "broker", "wire", "gz-1"}
        now = set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()
        self.assertEqual((now - self.named_before) & ours, set())

    def test_after_the_command_was_killed_and_its_status_is_told(self):
        lab = self.settled_lab()
        command = children(lab.lab)[-1]  # what was started last
        os.kill(command, signal.SIGKILL)
        self.assertEqual(lab.process.wait(PATIENCE_S), 128 + signal.SIGKILL)
        self.assert_gone(lab)

    def test_after_sigterm(self):
        lab = self.settled_lab()
        lab.process.send_signal(signal.SIGTERM)
        self.assertEqual(lab.process.wait(PATIENCE_S), 128 + signal.SIGTERM)
        self.assert_gone(lab)

    def test_after_sigint_without_a_terminal(self):
        lab = self.settled_lab()
        lab.process.send_signal(signal.SIGINT)
        self.assertEqual(lab.process.wait(PATIENCE_S), 128 + signal.SIGINT)
        self.assert_gone(lab)

    def test_after_a_sigint_that_was_sent_while_its_input_is_a_terminal(self):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        lab = self.settled_lab(stdin=follower)
        os.close(follower)
        lab.process.send_signal(signal.SIGINT)
        self.assertEqual(lab.process.wait(PATIENCE_S), 128 + signal.SIGINT)
        self.assert_gone(lab)

    def test_ctrl_c_is_the_commands_affair(self):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        caught = "trap 'echo caught; exit 5' INT; echo '{\"directory\": \"/none\", \"cgroup\": \"none\"}'; while :; do sleep 0.05; done"
        lab = Lab("sh", "-c", caught, stdin=follower, terminal=True)
        self.addCleanup(lab.end)
        os.close(follower)
        os.write(leader, b"\x03")
        self.assertEqual(lab.process.stdout.readline(), "caught\n")
        self.assertEqual(lab.process.wait(PATIENCE_S), 5)

    def test_after_the_keeper_was_killed(self):
        lab = self.settled_lab()
        os.kill(lab.keeper, signal.SIGKILL)
        self.assert_gone(lab)

    def test_after_process_one_of_the_lab_was_killed(self):
        lab = self.settled_lab()
        os.kill(lab.init, signal.SIGKILL)
        self.assert_gone(lab)

    def test_after_the_lab_itself_was_killed(self):
        lab = self.settled_lab()
        os.kill(lab.lab, signal.SIGKILL)
        self.assert_gone(lab)

    def test_when_all_three_were_killed_the_next_lab_clears_up(self):
        lab = self.settled_lab()
        init, inner = lab.init, lab.lab
        for pid in (lab.keeper, inner, init):
            os.kill(pid, signal.SIGKILL)
        self.wait_for_lock(lab)
        self.assertIn(lab.settled["directory"], lab.remains())
        done = subprocess.run([f"{HERE}/run", "--no-edge", "--wire", "off", "--bin", BIN, "--", "true"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_gone(lab)

    def wait_for_lock(self, lab):
        """The kernel frees a lab's number when its last process is gone."""
        with open(f"{lab.settled['directory']}.lock", "rb") as lock:
            deadline = time.monotonic() + PATIENCE_S
            while True:
                try:
                    return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.assertLess(time.monotonic(), deadline, "the lab's number is still held")
                    time.sleep(0.02)

    def test_after_a_start_that_fails(self):
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run([f"{HERE}/run", "--no-edge", "--bin", empty, "--", "true"],
                                  capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("wire-gz-1-telecom: ended with status", done.stderr)


    def test_two_labs_run_side_by_side_and_end_apart(self):
        first, second = self.settled_lab(), self.settled_lab()
        first.process.send_signal(signal.SIGTERM)
        self.assert_gone(first)
        self.assertEqual(len([pid for pid, born in second.family if birth(pid) == born]), len(second.family))
        second.process.send_signal(signal.SIGTERM)
        self.assert_gone(second)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: must be root, because it makes network namespaces")
        sys.exit(77)
    unittest.main(verbosity=2)
