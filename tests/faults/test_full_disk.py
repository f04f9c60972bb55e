"""The broker's disk is full: what is new is refused with 507, nothing is acknowledged, what is stored can be read, and when there is space again
it goes on, without a restart. On a file system of the test's own; needs root."""
import ctypes
import os
import socket
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "contract", "protocol")]
from api import Refused  # noqa: E402
from minimal_agent import MinimalAgent  # noqa: E402
from own_broker import OwnBroker  # noqa: E402
from seen import seen  # noqa: E402

CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x00020000, 16384, 1 << 18, 2
PING = {"service": "ping", "params": {"target": "198.51.100.10"}, "selector": "node:mini-1", "start_within_ms": 600_000}


def small_disk(above):
    """In a mount namespace of this process, with which it goes."""
    folder = os.path.join(above, "disk")
    os.mkdir(folder)
    libc = ctypes.CDLL(None, use_errno=True)
    for failed in (libc.unshare(CLONE_NEWNS), libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None),
                   libc.mount(b"none", folder.encode(), b"tmpfs", 0, b"size=8m")):
        if failed:
            raise OSError(ctypes.get_errno(), "a file system of its own")
    return folder


def fill(file):
    """To the last byte."""
    fd = os.open(file, os.O_WRONLY | os.O_CREAT)
    for size in (65536, 4096, 1):
        try:
            while True:
                os.write(fd, b"x" * size)
        except OSError:
            pass
    os.close(fd)


def ready(api):
    try:
        api.get("/readyz")
        return True
    except Refused as refused:
        assert refused.status == 503
        return False


def a_full_disk_is_told_and_outlived(program, folder):
    broker = OwnBroker(program, folder)
    broker.configure("gateway", "tls = false\n")
    broker.configure("api", "target_probes_per_s = 0\n")
    api = broker.start().api
    agent = MinimalAgent(broker.gateway, api.post("/api/v1/join-tokens", {"node": "mini-1"})["token"], "mini-1")
    agent.connect()
    waiting = api.post("/api/v1/jobs", PING)
    task = agent.accept()

    fill(os.path.join(folder, "filler"))
    made = [waiting["id"]]
    job = {**PING, "selector": "node:mini-1", "labels": {f"label-{i}": "x" * 60 for i in range(8)}}
    refused = None
    while refused is None:
        assert len(made) < 20_000, "the disk is never full"
        try:
            made.append(api.post("/api/v1/jobs", job)["id"])
        except Refused as answer:
            refused = answer
    assert refused.status == 507 and refused.problem["code"] == "insufficient_storage", refused
    assert "no restart" in refused.problem["detail"], refused.problem
    assert not ready(api)
    assert api.get(f"/api/v1/runs/{made[-1]}")["id"] == made[-1]
    seen(f"a full disk: run {len(made) + 1} was refused with 507")

    agent.finish(task)
    agent.send()
    agent.be_patient(0.5)
    try:
        agent.next("rack")
        raise AssertionError("acknowledged what cannot be stored")
    except socket.timeout:
        pass
    agent.be_patient(20)
    os.remove(os.path.join(folder, "filler"))
    while agent.results:
        agent.next("rack")
    api.wait(lambda: ready(api), 10, "the broker to be ready")
    made.append(api.post("/api/v1/jobs", job)["id"])
    assert api.get(f"/api/v1/runs/{waiting['id']}")["tasks"]["succeeded"] == 1
    stored = {run["id"] for run in api.items("/api/v1/runs")}
    lost = set(made) - stored
    seen(f"with space again, by the same process: {len(made)} runs, {len(lost)} lost; the result that waited is stored")
    assert not lost, lost
    assert broker.stop() == 0


def main():
    if os.geteuid() != 0:
        print("skipped: a file system of its own takes root")
        return 77
    with tempfile.TemporaryDirectory() as above:
        folder = small_disk(above)
        try:
            a_full_disk_is_told_and_outlived(sys.argv[1], folder)
        finally:
            ctypes.CDLL(None).umount2(folder.encode(), MNT_DETACH)
    return 0


sys.exit(main())
