"""The broker's public API as tests use it: one kept-alive connection, JSON in and out."""
import http.client
import json
import os
import time
import urllib.parse


class Refused(Exception):
    """A problem document (RFC 9457)."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class Api:
    def __init__(self, url=None, token=None, timeout_s=60):
        self._url = urllib.parse.urlsplit(url or os.environ["EDGE_URL"])
        self._token = token or os.environ["EDGE_TOKEN"]
        self._timeout_s = timeout_s
        self._connection = None
        self._used_at = 0.0

    def __del__(self):
        if self._connection is not None:
            self._connection.close()

    def get(self, path):
        return self.request("GET", path)[1]

    def post(self, path, body, **headers):
        return self.request("POST", path, body, headers)[1]

    def items(self, path):
        """All pages of a list."""
        cursor = ""
        while True:
            joint = "&" if "?" in path else "?"
            page = self.get(f"{path}{joint}limit=500" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def probe(self, service, selector, *, wait_s=30, repeat=None, **params):
        """Runs a job and waits for it; the finished run with its results."""
        job = {"service": service, "params": params, "selector": selector}
        if repeat is not None:
            job["repeat"] = repeat
        return self.post("/api/v1/jobs", job, Prefer=f"wait={wait_s}")

    def start(self, service, selector, **params):
        return self.post("/api/v1/jobs", {"service": service, "params": params, "selector": selector})

    def wait_run(self, run_id, within_s=60):
        return self.wait(lambda: (run := self.get(f"/api/v1/runs/{run_id}"))["state"] == "finished" and run, within_s,
                         f"run {run_id} to finish")

    def wait(self, condition, within_s, what):
        """Asks until `condition` gives something true. For states outside this process, which send no event here."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                if found := condition():
                    return found
            except (OSError, http.client.HTTPException):
                self._connection = None
            time.sleep(0.05)
        raise TimeoutError(f"waited {within_s} s for {what}")

    def request(self, method, path, body=None, headers=None):
        """(headers, decoded body). Raises Refused for 4xx and 5xx."""
        if time.monotonic() - self._used_at > 30:
            self._connection = None  # the broker ends one that was idle for a minute
        self._used_at = time.monotonic()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._url.hostname, self._url.port, timeout=self._timeout_s)
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        payload = None
        if body is not None:
            payload = body if isinstance(body, (bytes, str)) else json.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            self._connection.request(method, path, payload, sent)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise
        decoded = json.loads(text) if text else None
        if response.status >= 400:
            raise Refused(response.status, decoded or {})
        return dict(response.getheaders()), decoded
