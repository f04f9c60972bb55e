"""A name that leads elsewhere the second time, in a network of its own whose name server the test is."""
import os
import subprocess
import sys
import tempfile

NETWORK = "EDGE_TEST_NETWORK"
ALLOWED = "127.0.0.2"


def in_a_network_of_its_own():
    """Begins anew where 127.0.0.1:53 is free and resolv.conf is the test's."""
    if os.geteuid() != 0:
        print("skipped: a network of its own takes root")
        sys.exit(77)
    os.execvpe("unshare", ["unshare", "--net", "--mount", sys.executable, "-B", *sys.argv], {**os.environ, NETWORK: "1"})


def prepare(folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    resolv = os.path.join(folder, "resolv.conf")
    with open(resolv, "w") as file:
        file.write("nameserver 127.0.0.1\n")
    subprocess.run(["mount", "--bind", resolv, os.path.realpath("/etc/resolv.conf")], check=True)


def attempt_of(world, hook, n):
    """The message is tried, and how that went."""
    delivery = world.post(f"/api/v1/webhooks/{hook['id']}/test", None)
    it = world.wait(lambda: (now := world.get(f"/api/v1/deliveries/{delivery['id']}"))["attempt_list"] and now, 30, f"attempt {n}")
    return it["state"], it["attempt_list"][0]


def every_attempt_looks_again(broker, names, receiver):
    names.address = ALLOWED
    hook = broker.api.post("/api/v1/webhooks", {"url": f"http://hooks.test:{receiver.port}/ok/rebound"})
    state, attempt = attempt_of(broker.api, hook, 1)
    assert state == "delivered" and attempt["peer"] == f"{ALLOWED}:{receiver.port}", attempt
    assert len(receiver.of("/ok/rebound")) == 1
    asked = names.asked
    for n, address in enumerate(("127.0.0.1", "169.254.169.254", "10.0.0.1", None), 2):
        names.address = address
        word = f"{address} is in " if address else "hooks.test: "
        state, attempt = attempt_of(broker.api, hook, n)
        assert state == "failed" and word in attempt["error"] and "peer" not in attempt, (address, attempt)
    assert names.asked >= asked + 4, (asked, names.asked)
    assert len(receiver.of("/ok/rebound")) == 1
    names.address = ALLOWED
    assert attempt_of(broker.api, hook, 6)[0] == "delivered"


def main():
    if NETWORK not in os.environ:
        in_a_network_of_its_own()
    from broker import Broker
    from name_server import NameServer
    from receiver import Receiver
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        names = NameServer()
        broker = Broker(sys.argv[1], folder, f'allow_http = true\nallow = ["{ALLOWED}/32"]\nports = []\ntimeout_ms = 1000\n')
        every_attempt_looks_again(broker, names, Receiver("0.0.0.0"))
        assert broker.stop() == 0
        print("1 passed, 0 failed")


main()
