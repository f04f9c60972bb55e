"""A lab's number. Everything of a lab that the host can see carries it: its directory, its cgroups, its user ids.

The number is held by a lock on a file. The kernel lets go of the lock when the last process of the lab is gone, however
it went, so what a dead lab left behind is known by its number being free.
"""
import contextlib
import fcntl
import glob
import os
import shutil
import signal
import stat
import time

ROOT = "/var/tmp/edge-lab"
MOST_LABS = 100
MOST_NODES = 99
FIRST_UID = 1_900_000_000  # far above users, subordinate ids and the ranges systemd hands out
UIDS_PER_NODE = 10_000


class Slot:
    def __init__(self, number, lock):
        self.number = number
        self.lock = lock
        self.directory = f"{ROOT}/{number}"

    def cgroup(self, node):
        return f"edge-lab-{self.number}-{node}"

    def uid_base(self, node_index):
        return FIRST_UID + (self.number * (MOST_NODES + 1) + node_index) * UIDS_PER_NODE

    def clear(self):
        """Remove what the host can still see of this lab. Its processes are gone or in its own cgroups."""
        for group in self._cgroups():
            _remove_cgroup(group)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _cgroups(self):
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            roots = [line.split()[1] for line in mounts if line.split()[2] in ("cgroup", "cgroup2")]
        return [group for root in roots for group in glob.glob(f"{root}/{self.cgroup('*')}")]


def take_slot():
    """The first free number, cleared of whatever a lab that was killed left under it."""
    os.makedirs(ROOT, mode=0o755, exist_ok=True)
    owner = os.lstat(ROOT)
    if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != 0:
        raise SystemExit(f"lab: {ROOT}: belongs to somebody else; remove it")
    for number in range(MOST_LABS):
        lock = os.open(f"{ROOT}/{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        slot = Slot(number, lock)
        slot.clear()
        os.mkdir(slot.directory, 0o755)
        return slot
    raise SystemExit(f"lab: all {MOST_LABS} lab numbers are in use; see {ROOT}")


def _remove_cgroup(group, patience_s=5.0):
    """Bottom up, after ending what is still inside: it was put there by this lab's launcher."""
    deadline = time.monotonic() + patience_s
    while os.path.isdir(group):
        folders = [folder for folder, _, _ in os.walk(group, topdown=False)]
        try:
            for folder in folders:
                _kill_members(folder)
            for folder in folders:
                os.rmdir(folder)
        except FileNotFoundError:
            continue
        except OSError:  # EBUSY until the killed have been reaped
            if time.monotonic() > deadline:
                print(f"lab: {group}: still busy; the next lab of this number removes it", flush=True)
                return
            time.sleep(0.01)


def _kill_members(group):
    with open(f"{group}/cgroup.procs", encoding="ascii") as members:
        pids = [int(pid) for pid in members.read().split()]
    for pid in pids:
        if pid > 0:  # 0: of another pid namespace
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
