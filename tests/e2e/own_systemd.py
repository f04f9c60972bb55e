"""systemd's part, played by a test: who is told how a daemon does, who opens its sockets, and the journal's socket."""
import array
import os
import select
import socket
import sys
import time

# Hands sockets over as systemd does: from 3 on, with the process's own id, which no parent knows before.
HAND_OVER = """import os, sys
fds, program = [int(fd) for fd in sys.argv[1].split(",") if fd], sys.argv[2:]
high = [os.dup(fd) for fd in fds]
while high and min(high) < 3 + len(high):
    high = [os.dup(fd) for fd in high]
for place, fd in enumerate(high):
    os.dup2(fd, 3 + place)
if fds:
    os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["WATCHDOG_PID"] = str(os.getpid())
os.closerange(3 + len(fds), 256)
os.execvp(program[0], program)
"""


def starting(environment, sockets=()):
    """Words to put before a program's: it gets this environment, and these sockets by their names."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    if sockets:
        variables += [f"LISTEN_FDS={len(sockets)}", "LISTEN_FDNAMES=" + ":".join(name for name, _ in sockets)]
    numbers = ",".join(str(opened.fileno()) for _, opened in sockets)
    return ["env", *variables, sys.executable, "-c", HAND_OVER, numbers]


class Listener:
    """A datagram socket of a path, which every user may write to."""

    def __init__(self, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o777)

    def receive(self, within_s):
        """The next datagram, with what a file that came in its place holds; None when none comes."""
        if not select.select([self._socket], [], [], within_s)[0]:
            return None
        data, passed, _, _ = self._socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for _, _, fds in passed:
            with os.fdopen(array.array("i", fds)[0], "rb") as file:
                file.seek(0)
                data += file.read()
        return data.decode()

    def close(self):
        self._socket.close()
        os.unlink(self.path)


class ServiceManager(Listener):
    """What it heard is in `said`, in its order, with the moment: assignments of one datagram together."""

    def __init__(self, path):
        super().__init__(path)
        self.said = []

    def environment(self, watchdog_s=None):
        terms = {"NOTIFY_SOCKET": self.path}
        if watchdog_s:
            terms["WATCHDOG_USEC"] = int(watchdog_s * 1_000_000)
        return terms

    def hear(self, assignment, within_s=30):
        """The datagram that begins with it. Anything else that comes before is heard as well."""
        until = time.monotonic() + within_s
        while (left := until - time.monotonic()) > 0:
            if text := self.receive(left):
                self.said.append((time.monotonic(), text))
                if text.startswith(assignment):
                    return text
        raise AssertionError(f"{assignment} did not come within {within_s} s; {self.said[-5:]}")

    def hears_nothing_of(self, assignment, for_s):
        """What came before is none of it."""
        while self.receive(0):
            pass
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            text = self.receive(left)
            if text and text.startswith(assignment):
                return False
        return True


def fields_of(entry):
    """A journal entry without values of several lines, as a dictionary."""
    return dict(line.split("=", 1) for line in entry.splitlines())
