"""Results of real probes as messages: any characters, up to the bound whole and above it thin, each verified by its bytes."""
import json
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
import running_lab  # noqa: E402
from api import Api  # noqa: E402
from receiver import Receiver  # noqa: E402

ODD = "电信 ünïcödé \u2028\u202e\ufeff \U0001f600 </script> \" \\ \x7f "
PAGE = "http://198.51.100.20"  # an address that has no server of the lab's
SERVER = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass
    def do_GET(self):
        wanted = int(self.path[1:])
        text = sys.argv[1] * (wanted // len(sys.argv[1].encode()) + 1)
        body = text.encode()[:wanted].decode(errors="ignore").encode()
        self.send_response(200)
        self.send_header("X-Odd", "\\u00e9\\u00ff")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("198.51.100.20", 80), Page).serve_forever()
"""
MOST_BODY = 20 * 1024


def python_of_the_page():
    """`verify` as docs/webhooks.md shows it."""
    page = running_lab.text_of(os.path.join(HERE, "..", "..", "docs", "webhooks.md"))
    names = {}
    exec(re.search(r"```python\n(.*?)```", page, re.S).group(1), names)
    return names["verify"]


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        running_lab.start_in("internet", sys.executable, "-c", SERVER, ODD)
        cls.api = Api()
        cls.api.wait(lambda: running_lab.in_network("internet", "curl", "-s", f"{PAGE}/0").returncode == 0, 30, "the page")
        cls.receiver = Receiver()

    def told(self, hook, path, run):
        """The run's only result, as it was told."""
        came = self.receiver.wait_for(path, 1)
        self.assertEqual(len(came), 1)
        _, _, headers, body = came[0]
        self.assertTrue(python_of_the_page()(hook["secret"], headers, body))
        self.assertFalse(python_of_the_page()(hook["secret"], headers, body.replace(b"ok", b"no", 1) + b" "))
        self.assertLess(len(body), MOST_BODY)
        event = json.loads(body)
        self.assertEqual(event["data"]["run_id"], run["id"])
        return event, len(body)

    def test_any_characters_and_sizes_are_signed_whole_or_thin(self):
        largest = 0
        for size in (0, 1_000, 12_000, 14_000, 15_500, 40_000, 65_536):
            with self.subTest(size=size):
                path = f"/ok/result-{size}"
                hook = self.api.post("/api/v1/webhooks", {"url": self.receiver.url(path), "events": ["io.edge.result.v1"]})
                run = self.api.probe("http", "line:telecom", target=f"{PAGE}/{size}", keep_body_bytes=65_536)
                event, bytes_ = self.told(hook, path, run)
                whole = self.api.get(event["dataref"])
                self.assertEqual(whole["id"], event["data"]["id"])
                if size > MOST_BODY:
                    self.assertTrue(event["data"]["thin"])
                    self.assertEqual({key: whole[key] for key in ("status", "summary", "target")},
                                     {key: event["data"][key] for key in ("status", "summary", "target")})
                else:
                    self.assertEqual(event["data"], whole)
                    largest = max(largest, bytes_)
                self.assertEqual(whole["detail"].get("body", ""), (ODD * (size // 30 + 1)).encode()[:size].decode(errors="ignore"))
                self.api.request("DELETE", f"/api/v1/webhooks/{hook['id']}")
        self.assertGreater(largest, 16_000)
        print(f"the largest whole message has {largest} bytes")


if __name__ == "__main__":
    unittest.main(verbosity=2)
