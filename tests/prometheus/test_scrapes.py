"""Prometheus scrapes the broker by the configuration that the documentation shows, and promtool reads what we write."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(__file__))
import scraping  # noqa: E402
from scraping import running_lab  # noqa: E402
from api import Api  # noqa: E402

DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "docs")
PAGES = ("prometheus.md", "prometheus.zh.md")
LINES = ("mobile", "telecom", "unicom")


def snippets(page):
    """The configuration and the module file of a page."""
    found = re.findall(r"```yaml\n(.*?)```", running_lab.text_of(os.path.join(DOCS, page)), re.S)
    assert len(found) == 2, page
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    """Debian's, with a page's configuration pointed at the lab."""

    def __init__(self, page, target):
        folder = f"{running_lab.DIRECTORY}/{page}.d"
        os.makedirs(folder)
        running_lab.write(f"{folder}/token", os.environ["EDGE_TOKEN"])
        config = snippets(page)[0]
        for was, becomes in (("broker.example:8080", urllib.parse.urlsplit(os.environ["EDGE_URL"]).netloc),
                             ("/etc/prometheus/edge.token", f"{folder}/token"),
                             ("https://www.example/", target), ("scrape_interval: 15s", "scrape_interval: 3s")):
            assert was in config, was
            config = config.replace(was, becomes)
        running_lab.write(f"{folder}/prometheus.yml", config)
        self.port = free_port()
        scraping.started("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                         f"--web.listen-address=127.0.0.1:{self.port}", log=f"{running_lab.DIRECTORY}/log/{page}")

    def query(self, expression):
        """[(labels, number)]"""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            return []
        return [(one["metric"], float(one["value"][1])) for one in found]


class AsDocumented(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program in ("prometheus", "promtool"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed")
        scraping.restart_broker_with(snippets(PAGES[0])[1] + "  http_2xx: {prober: http}\n")

    def test_both_pages_show_the_same(self):
        self.assertEqual(snippets(PAGES[0]), snippets(PAGES[1]))

    def test_prometheus_scrapes_the_broker_and_a_probe_from_each_line(self):
        for page in PAGES:
            with self.subTest(page=page):
                prometheus = Prometheus(page, "http://www.lab.test/")
                lines = scraping.until(lambda: len(found := prometheus.query("probe_success == 1")) == 3 and found, "three lines")
                self.assertEqual(sorted(labels["line"] for labels, _ in lines), list(LINES))
                self.assertEqual({labels["carrier"] for labels, _ in lines}, {"ct", "cu", "cm"})
                self.assertEqual([value for _, value in prometheus.query('up == 1')], [1.0] * 4)
                scraping.until(lambda: prometheus.query('edge_agent_up{node="gz-1"} == 1'), "/metrics")

    def test_the_modules_of_the_page_do_what_it_says(self):
        for query in ({"module": "http_v4", "target": "http://www.lab.test/"}, {"module": "ping_10", "target": "ping.lab.test"}):
            status, text = scraping.scrape("/probe", node="gz-1", line="telecom", **query)
            self.assertEqual((status, scraping.samples(text)[("probe_success", ())]), (200, 1), text)
        self.assertIn(("probe_icmp_rtt_seconds", (("stat", "jitter"),)), scraping.samples(text))

    def test_promtool_finds_nothing_to_say(self):
        Api().probe("ping", "all", target="ping.lab.test", count=2)
        Api().probe("http", "line:telecom", target="http://ping.lab.test/")
        texts = [scraping.scrape("/metrics")[1],
                 scraping.scrape("/probe", module="ping_10", target="ping.lab.test", **{"from": "all"})[1]]
        self.assertIn(('edge_probe_failures_total', 'ECONNREFUSED'),
                      [(name, dict(labels).get("reason")) for name, labels in scraping.samples(texts[0])])
        for text in texts:
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), text)

    def test_results_make_series_and_targets_and_a_probe_none(self):
        run = Api().probe("ping", "all", target="ping.lab.test", count=2)
        found = scraping.samples(scraping.scrape("/metrics")[1])
        for line, carrier in zip(LINES, ("cm", "ct", "cu")):
            key = (("carrier", carrier), ("job", run["job_id"]), ("line", line), ("node", "gz-1"), ("target", "ping.lab.test"))
            self.assertEqual(found[("edge_probe_success", key)], 1)
            self.assertEqual(found[("edge_probe_rtt_seconds_count", key)], 1)
        listed = json.loads(scraping.scrape("/api/v1/prometheus/sd", role="targets")[1])
        self.assertEqual(sorted(one["labels"]["__meta_edge_line"] for one in listed
                                if one["labels"]["__meta_edge_job"] == run["job_id"]), list(LINES))
        jobs = {dict(labels).get("job") for name, labels in found if name == "edge_probe_success"}
        scraping.scrape("/probe", module="ping_10", target="ping.lab.test", node="gz-1", line="telecom")
        after = scraping.samples(scraping.scrape("/metrics")[1])
        self.assertEqual({dict(labels).get("job") for name, labels in after if name == "edge_probe_success"}, jobs)

    def test_a_list_has_what_was_asked_for_apart_from_what_was_scraped(self):
        asked = Api().probe("ping", "telecom", target="ping.lab.test", count=1)
        scraping.scrape("/probe", module="ping_10", target="ping.lab.test", node="gz-1", line="telecom")
        for what, key in (("runs", "id"), ("jobs", "last_run")):
            scraped = list(Api().items(f"/api/v1/{what}?q=origin:prometheus"))
            others = list(Api().items(f"/api/v1/{what}?q=-origin:prometheus"))
            self.assertEqual({one["origin"] for one in scraped}, {"prometheus"})
            self.assertEqual({one["origin"] for one in others}, {"api"})
            self.assertEqual(others[0][key], asked["id"])
            self.assertEqual(len(scraped) + len(others), len(list(Api().items(f"/api/v1/{what}"))))


if __name__ == "__main__":
    unittest.main(verbosity=2)
