"""Every word of `edgectl webhook`, as a person uses it, with a receiver that fails first."""
import json
import os
import signal
import subprocess
import sys
import tempfile

from broker import Broker
from receiver import Receiver


class Edgectl:
    def __init__(self, program, broker):
        self.program = program
        self.environment = {**os.environ, "EDGE_URL": broker.url, "EDGE_TOKEN": broker.token}

    def __call__(self, *words, status=0):
        """(stdout, stderr) of `edgectl webhook …`."""
        done = subprocess.run([self.program, "webhook", *words], env=self.environment, capture_output=True, text=True, timeout=30)
        assert done.returncode == status, (words, done)
        return done.stdout, done.stderr


def a_webhook_from_its_making_to_its_end(world, edgectl, receiver):
    secret, said = edgectl("create", receiver.url("/500/mine"), "--event", "io.edge.test.v1", "--description", "电信 ops")
    assert secret.startswith("whsec_") and len(secret.splitlines()) == 1 and "shown this once" in said
    hook = said.split()[1].rstrip(";")
    listed, _ = edgectl("list")
    assert "nothing was to be sent" in edgectl("deliveries", hook)[1] and "nothing has failed" in edgectl("replay", hook)[1]
    assert hook in listed and "enabled" in listed and "io.edge.test.v1" in listed, listed
    shown, _ = edgectl("describe", hook)
    assert "电信 ops" in shown and receiver.url("/500/mine") in shown and "whsec_" not in shown, shown
    delivery, said = edgectl("test", hook)
    delivery = delivery.strip()
    assert f"edgectl webhook describe {delivery}" in said, said
    world.api.wait(lambda: world.api.get(f"/api/v1/deliveries/{delivery}")["state"] == "failed", 30, "the first attempt")
    sent, _ = edgectl("deliveries", hook, "--state", "failed")
    assert delivery in sent and "500" in sent and "io.edge.test.v1" in sent, sent
    assert "no such delivery" in edgectl("deliveries", hook, "--state", "delivered")[1]
    receiver.status["/500/mine"] = "ok"
    assert "once more: 1" in edgectl("replay", hook)[1]
    world.api.wait(lambda: world.api.get(f"/api/v1/deliveries/{delivery}")["state"] == "delivered", 30, "the replay")
    assert "tried once more" in edgectl("replay", delivery)[1]
    receiver.wait_for("/500/mine", 3)
    world.api.wait(lambda: world.api.get(f"/api/v1/deliveries/{delivery}")["attempts"] == 3, 30, "the third attempt")
    shown, _ = edgectl("describe", delivery)
    assert "the receiver answered 500" in shown and "attempt 3" in shown and "127.0.0.1:" in shown, shown
    assert "  message" in shown and '"type":"io.edge.test.v1"' in shown, shown  # what was sent
    disabled, said = edgectl("disable", hook)
    assert disabled == "" and "disabled" in said and "disabled" in edgectl("list")[0]
    assert "enable" in edgectl("test", hook, status=6)[1]
    assert "enabled" in edgectl("enable", hook)[1] and json.loads(edgectl("list", "-o", "json")[0])[0]["enabled"]
    again, said = edgectl("rotate", hook)
    assert again.startswith("whsec_") and again != secret and "good until" in said
    assert "removed" in edgectl("delete", hook)[1]
    assert "there is no webhook" in edgectl("list")[1]
    assert "edgectl webhook list" in edgectl("describe", hook, status=5)[1]


def what_comes_is_shown_until_ctrl_c(world, edgectl):
    listening = subprocess.Popen([edgectl.program, "webhook", "listen"], env=edgectl.environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
    hook = listening.stderr.readline().split()[2]
    edgectl("test", hook)
    line = listening.stdout.readline()
    assert "io.edge.test.v1" in line and line.endswith("  verified\n"), line
    listening.send_signal(signal.SIGINT)
    assert listening.wait(timeout=20) in (0, 130)
    assert not world.api.get("/api/v1/webhooks")["items"]


def main():
    program = os.path.join(os.path.dirname(sys.argv[1]), "edgectl")
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(sys.argv[1], folder)
        edgectl = Edgectl(program, broker)
        a_webhook_from_its_making_to_its_end(broker, edgectl, Receiver())
        what_comes_is_shown_until_ctrl_c(broker, edgectl)
        assert broker.stop() == 0
        print("2 passed, 0 failed")


main()
