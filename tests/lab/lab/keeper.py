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
INTERRUPT = signal.SIGUSR1  # inside: a SIGINT that somebody sent, and no terminal
SI_KERNEL = 0x80            # sigaction(2)


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
    blocked = {*STOP_SIGNALS, INTERRUPT, signal.SIGCHLD}  # until each is ready for them: none may get lost
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    init = os.fork()
    if init == 0:
        os.close(alive_write)
        os._exit(_init(alive_read, lab))
    os.close(alive_read)
    try:
        status = _wait_and_pass_on(init)
    finally:
        slot.clear()
    return _exit_code(status)


def _wait_and_pass_on(init):
    """Ctrl-C reaches all of the foreground's processes by itself; what somebody sent with kill reached only us."""
    while True:
        came = signal.sigwaitinfo({*STOP_SIGNALS, signal.SIGCHLD})
        if came.si_signo == signal.SIGCHLD:
            pid, status = os.waitpid(init, os.WNOHANG)
            if pid:
                return status
        elif came.si_signo != signal.SIGINT:
            os.kill(init, came.si_signo)
        elif came.si_code != SI_KERNEL:
            os.kill(init, INTERRUPT)


def _init(alive, lab):
    wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakeup_write)
    for number in (*STOP_SIGNALS, INTERRUPT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        os.close(alive)
        os._exit(_run_lab(lab))

    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*STOP_SIGNALS, INTERRUPT})
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
                if number in (signal.SIGTERM, signal.SIGHUP, INTERRUPT):  # a terminal's SIGINT reached it as well
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
    for number in (*STOP_SIGNALS, INTERRUPT):
        signal.signal(number, _stop)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {*STOP_SIGNALS, INTERRUPT})
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
    for other in (*STOP_SIGNALS, INTERRUPT):  # one is enough: nothing may interrupt the clearing up
        signal.signal(other, lambda *_: None)
    raise Stopped(signal.SIGINT if number == INTERRUPT else number)


def _exit_code(status):
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code
