"""The lab that this test runs in: its programs by name, as `./dev lab` left them in EDGE_LAB_DIR."""
import json
import os
import select
import signal
import subprocess

DIRECTORY = os.environ["EDGE_LAB_DIR"]
NODE = "gz-1"  # the first node, and its network namespace
BROKER = "edge-broker"
_started = []
AGENT = f"edge-agent-{NODE}"
LAUNCHER = f"edge-launcher-{NODE}"


def pid(program):
    with open(f"{DIRECTORY}/pid/{program}", encoding="ascii") as file:
        return int(file.read())


def log(program):
    with open(f"{DIRECTORY}/log/{program}", encoding="utf-8", errors="replace") as file:
        return file.read()


def text_of(file):
    with open(file, encoding="utf-8") as opened:
        return opened.read()


def write(file, text):
    with open(file, "w", encoding="utf-8") as opened:
        opened.write(text)


def site_page_with(*facts):
    """The node's site report, once all of these are on it."""
    for _ in range(1000):  # each is a process, so this waits
        page = on_node("edge-agent", "site-report", "--config", f"{DIRECTORY}/{NODE}/agent.toml").stdout
        if all(fact in page for fact in facts):
            return page
    raise AssertionError(page + log(LAUNCHER)[-2000:])


def nginx_requests():
    """What the web server saw, oldest first."""
    with open(os.environ["EDGE_LAB_NGINX_LOG"], encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def restart(program, how=signal.SIGKILL):
    """Ends the program by `how`, waits until it is gone, and starts it as the lab did."""
    stop(program, how)
    start(program)


def stop(program, how=signal.SIGTERM):
    """Ends the program by `how`, and waits until it is gone."""
    ended = pid(program)
    handle = os.pidfd_open(ended)
    os.kill(ended, how)
    _wait_for_end(handle)


def start(program):
    with open(f"{DIRECTORY}/log/{program}", "ab") as out:
        # Its end is the lab's to see to.
        _started.append(subprocess.Popen([f"{DIRECTORY}/start/{program}"], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                         start_new_session=True))


def start_in(network, *command):
    """A program of the test's in a network of the lab's; its end is the lab's to see to."""
    _started.append(subprocess.Popen(["lab-in", network, *command], stdin=subprocess.DEVNULL, start_new_session=True))


def on_node(*command, **options):
    """`command` as root in the node's network."""
    return subprocess.run(["lab-in", NODE, *command], capture_output=True, text=True, timeout=60, **options)


def in_network(name, *command, **options):
    """`command` as root in a carrier's network."""
    return subprocess.run(["lab-in", name, *command], capture_output=True, text=True, timeout=60, **options)


def cable(action, line):
    """`pull` or `plug` the far end of a line's cable."""
    subprocess.run(["lab-cable", action, NODE, line], check=True)


def _wait_for_end(handle, within_s=30):
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    if not poll.poll(within_s * 1000):
        raise TimeoutError("the program did not end")
    os.close(handle)


def family(pid):
    """It and its children: workers of the launcher, of a server."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *(one for child in file.read().split() for one in family(int(child)))]
