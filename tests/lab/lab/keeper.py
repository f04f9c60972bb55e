"""Keeps a lab's processes in a pid namespace of their own, so that none outlives it.

    keeper   on the host; holds the slot, waits, clears the slot last
    └ init   process 1 of the namespace; reaps orphans. When it ends, the kernel kills all that is left
      └ lab  makes namespaces, starts programs, runs the command, stops them in order

Any of the three may be killed outright. Without init or lab the namespace ends and the keeper clears up; without the
keeper, init sees the end of their pipe and has the lab stop in order, which clears the slot as well.
"""
import os
import selectors
import signal
import sys

from lab import linux

STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Stopped(BaseException):
    """Raised in the lab where it stands when it is told to stop, so that everything is undone on the way out."""

    def __init__(self, number):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


def keep(slot, lab):
    """Run `lab()` in a new pid namespace; returns its exit status."""
    sys.stdout.flush()
    alive_read, alive_write = os.pipe()
    linux.unshare(linux.CLONE_NEWPID)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # until each has its handlers: none may get lost
    init = os.fork()
    if init == 0:
        os.close(alive_write)
        os._exit(_init(alive_read, lab))
    os.close(alive_read)
    try:
        _pass_on_signals(init)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        _, status = os.waitpid(init, 0)
    finally:
        slot.clear()
    return _exit_code(status)


def _pass_on_signals(pid):
    def pass_on(number, _frame):
        if not _from_terminal(number):
            os.kill(pid, number)

    for number in STOP_SIGNALS:
        signal.signal(number, pass_on)


def _from_terminal(number):
    """Ctrl-C reaches all of the foreground's processes by itself."""
    return number == signal.SIGINT and os.isatty(0)


def _init(alive, lab):
    wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        os.close(alive)
        os._exit(_run_lab(lab))

    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    selector = selectors.DefaultSelector()
    selector.register(wakeup_read, selectors.EVENT_READ)
    selector.register(alive, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fd == alive:  # nothing is ever written: this is the keeper's end
                selector.unregister(alive)
                os.kill(child, signal.SIGTERM)
                continue
            for number in os.read(wakeup_read, 256):
                if number in STOP_SIGNALS and not _from_terminal(number):
                    os.kill(child, number)
        code = _reap(child)
        if code is not None:
            return code


def _reap(child):
    """Collect whoever has ended; the exit code of `child` when it was among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 70
        if pid == 0:
            return None
        if pid == child:
            return _exit_code(status)


def _run_lab(lab):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        return lab()
    except Stopped as stop:
        return 128 + stop.number
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
            return 1
        return stop.code or 0
    except BaseException:  # pylint: disable=broad-except
        sys.excepthook(*sys.exc_info())
        return 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _stop(number, _frame):
    for other in STOP_SIGNALS:  # one is enough: nothing may interrupt the clearing up
        signal.signal(other, lambda *_: None)
    raise Stopped(number)


def _exit_code(status):
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
