"""What becomes of a delivery, by how its receiver behaves."""
import json
import os
import re
import sys
import tempfile
import time
import urllib.request

from broker import Broker, Refused
from receiver import Receiver


def until(what, timeout_s=30):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come to be")


class World:
    def __init__(self, folder):
        self.broker = Broker(sys.argv[1], folder)
        self.receiver = Receiver()

    @property
    def api(self):
        return self.broker.api

    def hook(self, path, **more):
        return self.api.post("/api/v1/webhooks", {"url": self.receiver.url(path), **more})

    def test(self, hook):
        return self.api.post(f"/api/v1/webhooks/{hook['id']}/test", None)

    def attempt(self, delivery, n=1):
        def enough():
            it = self.api.get(f"/api/v1/deliveries/{delivery['id']}")
            return it if len(it["attempt_list"]) >= n else None
        it = until(enough)
        return it, it["attempt_list"][n - 1]


def a_message_arrives_and_its_attempt_is_kept(world):
    hook = world.hook("/ok/first", description="first")
    assert hook["secret"].startswith("whsec_")
    delivery = world.test(hook)
    (_, _, headers, body), = world.receiver.wait_for("/ok/first", 1)
    event = json.loads(body)
    assert event["specversion"] == "1.0" and event["type"] == "io.edge.test.v1" and event["time"] == event["timestamp"]
    assert event["id"] == headers["webhook-id"] == delivery["message_id"]
    assert headers["content-type"].startswith("application/cloudevents+json")
    it, attempt = world.attempt(delivery)
    assert it["state"] == "delivered" and it["message"] == event, it
    assert attempt["status"] == 200 and attempt["response_body"] == "hi" and "200 X" in attempt["response_head"]
    assert attempt["times"]["connected_us"] > 0 and attempt["peer"].startswith("127.0.0.1:")
    assert "secret" not in world.api.get(f"/api/v1/webhooks/{hook['id']}")
    world.api.post(f"/api/v1/deliveries/{delivery['id']}/replay", None)
    again = world.receiver.wait_for("/ok/first", 2)[1]
    assert again[2]["webhook-id"] == headers["webhook-id"]


def what_is_no_2xx_fails_and_bounds_hold(world):
    before = world.broker.resident_kib()
    for how, word in {"500": "500", "301": "redirects", "redirect": "redirects", "drip": "did not end", "stuck": "no answer",
                      "drip-head": "no answer", "giant-head": "larger than 16 KiB", "drop": ""}.items():
        delivery = world.test(world.hook(f"/{how}/bad"))
        it, attempt = world.attempt(delivery)
        assert it["state"] == "failed" and word in attempt["error"], (how, attempt)
        assert attempt["times"]["total_us"] < 3_000_000, attempt
    assert not world.receiver.of("/ok/redirected")
    delivery = world.test(world.hook("/giant/good"))
    it, attempt = world.attempt(delivery)
    assert it["state"] == "delivered" and len(attempt["response_body"]) <= 4096, attempt
    assert world.broker.resident_kib() - before < 64 * 1024


def a_receiver_that_is_gone_is_disabled_and_others_are_told(world):
    watcher = world.hook("/ok/watcher", events=["io.edge.webhook.disabled.v1"])
    hook = world.hook("/410/gone")
    world.test(hook)
    event = json.loads(world.receiver.wait_for("/ok/watcher", 1)[0][3])
    assert event["type"] == "io.edge.webhook.disabled.v1" and event["data"]["webhook_id"] == hook["id"]
    now = world.api.get(f"/api/v1/webhooks/{hook['id']}")
    assert not now["enabled"] and "410" in now["disabled_reason"]
    try:
        world.test(hook)
        raise AssertionError("a disabled one was tested")
    except Refused as refused:
        assert refused.status == 409
    world.receiver.status["/410/gone"] = "ok"
    enabled = world.api.request("PATCH", f"/api/v1/webhooks/{hook['id']}", {"enabled": True})[1]
    assert enabled["enabled"] and "disabled_reason" not in enabled
    assert world.api.post(f"/api/v1/webhooks/{hook['id']}/replay", None)["replayed"] == 1
    world.receiver.wait_for("/410/gone", 2)
    world.api.request("DELETE", f"/api/v1/webhooks/{watcher['id']}")


def an_event_is_retried_with_its_id_and_waits_as_asked(world):
    failing = world.hook("/429/wait", events=["io.edge.webhook.disabled.v1"])
    world.test(world.hook("/410/other"))  # its end is the event
    first = world.receiver.wait_for("/429/wait", 1)[0]
    second = world.receiver.wait_for("/429/wait", 2)[1]
    assert second[2]["webhook-id"] == first[2]["webhook-id"] and second[3] == first[3]
    assert second[0] - first[0] >= 2, second[0] - first[0]
    assert world.api.get(f"/api/v1/webhooks/{failing['id']}")["failing_since"]
    asked = urllib.request.Request(world.broker.url + "/metrics", headers={"Authorization": f"Bearer {world.broker.token}"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        metrics = answer.read().decode()
    hooks = world.api.get("/api/v1/webhooks")["items"]
    count = sum(one["enabled"] and "failing_since" in one for one in hooks)
    assert f'edge_webhook_endpoints{{state="failing"}} {count}\n' in metrics, (hooks, metrics)  # one failed attempt is enough
    world.api.request("DELETE", f"/api/v1/webhooks/{failing['id']}")


def rotation_signs_with_both(world):
    hook = world.hook("/ok/rotate")
    rotated = world.api.post(f"/api/v1/webhooks/{hook['id']}/rotate-secret", None)
    assert rotated["secret"] != hook["secret"] and rotated["old_secret_until"]
    world.test(hook)
    assert len(world.receiver.wait_for("/ok/rotate", 1)[0][2]["webhook-signature"].split(" ")) == 2


def what_may_not_be_spoken_to_is_refused(world):
    for url in ["http://10.0.0.1/", "http://169.254.169.254/", "http://[::1]/", "http://2130706433/", "ftp://a/", "http://u:p@127.0.0.1/"]:
        try:
            world.api.post("/api/v1/webhooks", {"url": url})
            raise AssertionError(url)
        except Refused as refused:
            assert refused.status == 422, refused
    # A name is resolved when it is sent, whatever it led to before; localhost leads to ::1 as well, which is not allowed.
    delivery = world.test(world.api.post("/api/v1/webhooks", {"url": f"http://localhost:{world.receiver.port}/ok/name"}))
    assert world.attempt(delivery)[1]["peer"].startswith("127.0.0.1:")


def what_somebody_writes_ends_no_header(world):
    for url in ["/ok/x\r\nX-Evil: 1", "/ok/x\nX-Evil: 1", "/ok/x HTTP/1.1", "/ok/x\0", "/ok/\u2028"]:
        for body in ({"url": world.receiver.url(url)}, {"url": world.receiver.url("/ok/x"), "description": "a\r\nX-Evil: 1"},
                     {"url": world.receiver.url("/ok/x"), "selector": "all\r\nX-Evil: 1"}):
            try:
                world.api.post("/api/v1/webhooks", body)
                raise AssertionError(body)
            except Refused as refused:
                assert refused.status == 422, refused
    # Encoded it is a path like any other; and a description has any characters that end no line.
    path = "/ok/x%0d%0aX-Evil:%201"
    hook = world.hook(path, description="电信 \u202e \U0001f600 \"quoted\" \\")
    assert world.api.get(f"/api/v1/webhooks/{hook['id']}")["description"] == "电信 \u202e \U0001f600 \"quoted\" \\"
    world.test(hook)
    (_, _, headers, _), = world.receiver.wait_for(path, 1)
    assert set(headers) == {"host", "content-length", "content-type", "user-agent", "webhook-id", "webhook-timestamp",
                            "webhook-signature"}, headers


def what_a_receiver_answers_is_kept_as_text(world):
    delivery = world.test(world.hook("/odd/answer"))
    _, attempt = world.attempt(delivery)
    assert attempt["status"] == 200 and "<script>" in attempt["response_body"], attempt
    assert attempt["response_head"].startswith("HTTP/1.1 200 ") and "X-Odd: " in attempt["response_head"], attempt
    listed = world.api.get(f"/api/v1/webhooks/{delivery['webhook_id']}/deliveries")["items"]
    assert [one["state"] for one in listed] == ["delivered"]


def the_pages_snippets_verify(world):
    hook = world.hook("/ok/snippet")
    world.test(hook)
    _, _, headers, body = world.receiver.wait_for("/ok/snippet", 1)[0]
    docs = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
    for page in ("webhooks.md", "webhooks.zh.md"):
        with open(os.path.join(docs, page), encoding="utf-8") as file:
            snippet = re.search(r"```python\n(.*?)```", file.read(), re.S).group(1)
        names = {}
        exec(snippet, names)
        assert names["verify"](hook["secret"], headers, body), page
        assert not names["verify"](hook["secret"], headers, body + b" "), page
        assert not names["verify"]("whsec_" + "A" * 43 + "=", headers, body), page


def a_temporary_one_removes_itself(world):
    hook = world.hook("/ok/short", ttl_ms=1000)
    until(lambda: hook["id"] not in [one["id"] for one in world.api.get("/api/v1/webhooks")["items"]])


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        tests = [a_message_arrives_and_its_attempt_is_kept, what_is_no_2xx_fails_and_bounds_hold,
                 a_receiver_that_is_gone_is_disabled_and_others_are_told, an_event_is_retried_with_its_id_and_waits_as_asked,
                 rotation_signs_with_both, what_may_not_be_spoken_to_is_refused, what_somebody_writes_ends_no_header,
                 what_a_receiver_answers_is_kept_as_text, the_pages_snippets_verify, a_temporary_one_removes_itself]
        for test in tests:
            test(world)
            print("ok", test.__name__)
        assert world.broker.stop() == 0
        print(f"{len(tests)} passed, 0 failed")


main()
