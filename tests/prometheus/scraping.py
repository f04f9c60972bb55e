"""Text 0.0.4 as samples, the broker with a module file of the test's, and programs that end with it."""
import atexit
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import running_lab  # noqa: E402

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def samples(text):
    """{(name, ((label, value), …)): number}. Two of one series fail."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        key = (name, tuple(sorted(LABEL.findall(labels or ""))))
        assert key not in found, f"twice: {key}"
        found[key] = float(value)
    return found


def types(text):
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))


def scrape(path, headers=None, **query):
    """(status, text) of the broker."""
    url = os.environ["EDGE_URL"] + path + ("?" + urllib.parse.urlencode(query) if query else "")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['EDGE_TOKEN']}", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def until(condition, what, within_s=30):
    """Asks until `condition` gives something true: other programs send no event here."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"waited {within_s} s for {what}")


def started(*command, log):
    """A program that ends with this one."""
    with open(log, "ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def end():
        process.terminate()
        process.wait(timeout=30)
    atexit.register(end)
    return process


def broker_config():
    return re.search(r"--config (\S+)", running_lab.text_of(f"{running_lab.DIRECTORY}/start/{running_lab.BROKER}"))[1].strip("'\"")


def restart_broker_with(modules):
    """With this module file, until its node is back."""
    file = f"{running_lab.DIRECTORY}/blackbox.yml"
    running_lab.write(file, modules)
    config = broker_config()
    text = running_lab.text_of(config)
    if "[prometheus]" not in text:
        running_lab.write(config, f'{text}\n[prometheus]\nmodules = "{file}"\n')
    running_lab.stop(running_lab.BROKER)
    running_lab.start(running_lab.BROKER)

    def node_is_back():
        try:
            return samples(scrape("/metrics")[1]).get(("edge_line_up", (("carrier", "ct"), ("line", "telecom"), ("node", "gz-1")))) == 1
        except OSError:
            return False
    until(node_is_back, "the node to be back")
    return file
