"""blackbox_exporter in a carrier's network and /probe on a line, with one module file, on the same targets."""
import os
import re
import shutil
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(__file__))
import scraping  # noqa: E402
from scraping import running_lab  # noqa: E402

EXPORTER = "prometheus-blackbox-exporter"
MODULES = """
modules:
  http: {prober: http, timeout: 4s, http: {preferred_ip_protocol: ip4}}
  http_no_redirect: {prober: http, timeout: 4s, http: {preferred_ip_protocol: ip4, follow_redirects: false, valid_status_codes: [302]}}
  http_404: {prober: http, timeout: 4s, http: {valid_status_codes: [404]}}
  http_insecure: {prober: http, timeout: 4s, http: {tls_config: {insecure_skip_verify: true}}}
  http_not_ssl: {prober: http, timeout: 4s, http: {fail_if_not_ssl: true}}
  http_body: {prober: http, timeout: 4s, http: {fail_if_body_not_matches_regexp: ['^client ']}}
  http_body_fails: {prober: http, timeout: 4s, http: {fail_if_body_matches_regexp: ['^client ']}}
  http_header_fails: {prober: http, timeout: 4s, http: {fail_if_header_matches: [{header: Content-Type, regexp: text}]}}
  http_soon: {prober: http, timeout: 1s}
  dns_udp: {prober: dns, timeout: 4s, dns: {query_name: www.lab.test, query_type: A}}
  dns_tcp: {prober: dns, timeout: 4s, dns: {query_name: www.lab.test, query_type: AAAA, transport_protocol: tcp}}
  dns_soa: {prober: dns, timeout: 4s, dns: {query_name: lab.test, query_type: SOA}}
  dns_none: {prober: dns, timeout: 4s, dns: {query_name: nowhere.lab.test, query_type: A}}
  dns_none_wanted: {prober: dns, timeout: 4s, dns: {query_name: nowhere.lab.test, query_type: A, valid_rcodes: [NXDOMAIN]}}
  dns_record: {prober: dns, timeout: 4s, dns: {query_name: www.lab.test, query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: ["^www.lab.test.\\t300\\tIN\\tA\\t198.51.100.10$"]}}}
  dns_record_fails: {prober: dns, timeout: 4s, dns: {query_name: www.lab.test, query_type: A, validate_answer_rrs: {fail_if_matches_regexp: ["198.51.100"]}}}
  dns_soon: {prober: dns, timeout: 1s, dns: {query_name: www.lab.test}}
  icmp: {prober: icmp, timeout: 4s, icmp: {preferred_ip_protocol: ip4}}
  icmp_soon: {prober: icmp, timeout: 1s}
"""
WEB, NAME_SERVER, PING, SILENT = "198.51.100.10", "198.51.100.53", "198.51.100.20", "198.51.100.254"
# module, target, hostname, success
PROBES = [
    ("http", f"http://{WEB}/", "", 1),
    ("http", WEB, "www.lab.test", 1),
    ("http", f"https://{WEB}/", "www.lab.test", 1),
    ("http", f"http://{WEB}/redirect", "", 1),
    ("http", f"http://{WEB}/status/404", "www.lab.test", 0),
    ("http", f"http://{WEB}/1m", "www.lab.test", 1),
    ("http", f"http://{PING}/", "", 0),  # refused
    ("http", "http://[2001:db8:ffff::10]/", "", 1),
    ("http_no_redirect", f"http://{WEB}/redirect", "www.lab.test", 1),
    ("http_404", f"http://{WEB}/status/404", "www.lab.test", 1),
    ("http", f"https://{WEB}/", "untrusted.lab.test", 0),
    ("http_insecure", f"https://{WEB}/", "untrusted.lab.test", 1),
    ("http_not_ssl", f"http://{WEB}/", "", 0),
    ("http_not_ssl", f"https://{WEB}/", "www.lab.test", 1),
    ("http_body", f"http://{WEB}/", "", 1),
    ("http_body_fails", f"http://{WEB}/", "", 0),
    ("http_header_fails", f"http://{WEB}/", "", 0),
    ("http_soon", f"http://{SILENT}/", "", 0),
    ("http_soon", f"http://{WEB}/slow/30", "www.lab.test", 0),
    ("dns_udp", NAME_SERVER, "", 1),
    ("dns_udp", f"{NAME_SERVER}:53", "", 1),
    ("dns_tcp", NAME_SERVER, "", 1),
    ("dns_soa", NAME_SERVER, "", 1),
    ("dns_none", NAME_SERVER, "", 0),
    ("dns_none_wanted", NAME_SERVER, "", 1),
    ("dns_record", NAME_SERVER, "", 1),
    ("dns_record_fails", NAME_SERVER, "", 0),
    ("dns_soon", SILENT, "", 0),
    ("icmp", PING, "", 1),
    ("icmp", "2001:db8:ffff::20", "", 1),
    ("icmp_soon", SILENT, "", 0),
]
# Ours beside theirs; and what depends on the host that asks.
OURS = re.compile(r"probe_(agent_offline|failure_info|icmp_packet_loss_ratio|icmp_rtt_seconds|line_info|line_verified)$")
SCATTER_S = 0.5
MEASURED = re.compile(r".*(duration|lookup_time)_seconds$")
# Go gives the body of a redirect that is not followed to nobody; ours is counted.
NOT_THERE = {("http_no_redirect", "probe_http_uncompressed_body_length")}
ELSEWHERE = {"probe_icmp_reply_hop_limit"}  # a hop more or less from where they stand


def theirs(module, target, hostname):
    query = {"module": module, "target": target, **({"hostname": hostname} if hostname else {})}
    done = running_lab.in_network("telecom", "curl", "-sS", "-H", "X-Prometheus-Scrape-Timeout-Seconds: 10",
                                  "http://127.0.0.1:9115/probe?" + urllib.parse.urlencode(query))
    assert done.returncode == 0, done.stderr
    return done.stdout


def ours(module, target, hostname="", **where):
    query = {"module": module, "target": target, **({"hostname": hostname} if hostname else {}), **where}
    return scraping.scrape("/probe", {"X-Prometheus-Scrape-Timeout-Seconds": "10"}, **query)


class BesideTheExporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which(EXPORTER):
            raise unittest.SkipTest(f"{EXPORTER} is not installed")
        file = scraping.restart_broker_with(MODULES)
        scraping.started("lab-in", "telecom", EXPORTER, f"--config.file={file}", "--web.listen-address=127.0.0.1:9115",
                         log=f"{running_lab.DIRECTORY}/log/exporter")
        scraping.until(lambda: running_lab.in_network("telecom", "curl", "-sS", "http://127.0.0.1:9115/-/healthy").returncode == 0,
                       "the exporter")

    def compare(self, module, target, hostname, success):
        their_text = theirs(module, target, hostname)
        status, our_text = ours(module, target, hostname, node="gz-1", line="telecom")
        self.assertEqual(status, 200, our_text)
        their_samples = scraping.samples(their_text)
        our_samples = {key: value for key, value in scraping.samples(our_text).items() if not OURS.match(key[0])}
        self.assertEqual(sorted(our_samples), sorted(their_samples), our_text)
        self.assertEqual({name: kind for name, kind in scraping.types(our_text).items() if not OURS.match(name)},
                         scraping.types(their_text))
        self.assertEqual(their_samples[("probe_success", ())], success, their_text)
        for key, value in their_samples.items():
            if key[0] in ELSEWHERE or (module, key[0]) in NOT_THERE:
                continue
            tolerance = SCATTER_S if MEASURED.match(key[0]) else 0
            if target.endswith(("/", "/redirect", WEB)) and key[0].endswith("_length"):
                tolerance = len("2001:db8:ffff:ffff::10")  # the page tells the client's address
            self.assertLessEqual(abs(our_samples[key] - value), tolerance, (key, our_samples[key], value))

    def test_every_probe_has_the_same_names_labels_and_values(self):
        for module, target, hostname, success in PROBES:
            with self.subTest(module=module, target=target, hostname=hostname):
                self.compare(module, target, hostname, success)

    def test_what_is_wrong_with_a_request_is_said_alike(self):
        for query in ({"module": "nope", "target": "a"}, {"module": "icmp"}):
            done = running_lab.in_network("telecom", "curl", "-sS", "-w", "%{http_code}",
                                          "http://127.0.0.1:9115/probe?" + urllib.parse.urlencode(query))
            status, text = scraping.scrape("/probe", node="gz-1", line="telecom", **query)
            self.assertEqual(text + str(status), done.stdout)

    def test_a_module_file_of_theirs_loads_and_what_cannot_be_done_is_said(self):
        example = f"/usr/share/doc/{EXPORTER}/examples/example.yml"
        if not os.path.exists(example):
            self.skipTest("no documentation is installed")
        config = f"{running_lab.DIRECTORY}/check.toml"
        text = running_lab.text_of(scraping.broker_config())
        running_lab.write(config, re.sub(r'modules = ".*"', f'modules = "{example}"', text))
        checked = running_lab.in_network("broker", "edge-broker", "--check-config", "--config", config)
        self.assertEqual((checked.returncode, checked.stdout), (0, "ok\n"), checked.stderr)
        self.assertRegex(checked.stderr, r"module tls_connect cannot be used: \S+:\d+: prober: there is no tcp probe")
        for module in ("http_2xx_example", "http_post_2xx", "dns_udp_example", "dns_soa", "dns_tcp_example"):
            self.assertNotIn(module + " ", checked.stderr)


class OnLines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scraping.restart_broker_with(MODULES)

    def test_a_hostname_is_the_host_header_and_the_name_of_the_certificate(self):
        for target, hostname, success in ((f"https://{WEB}/", "www.lab.test", 1), (f"https://{WEB}/", "untrusted.lab.test", 0),
                                          (f"https://{WEB}/", "elsewhere.test", 0), (f"http://{WEB}/", "www.lab.test", 1)):
            with self.subTest(target=target, hostname=hostname):
                before = len(running_lab.nginx_requests())
                status, text = ours("http", target, hostname, node="gz-1", line="telecom")
                self.assertEqual((status, scraping.samples(text)[("probe_success", ())]), (200, success), text)
                seen = [(one["scheme"], one["host"]) for one in running_lab.nginx_requests()[before:] if "blackbox" not in one["user_agent"]]
                self.assertEqual(seen, [(target.split(":")[0], hostname)] if success else [])
        status, text = ours("http", "https://www.lab.test/", "untrusted.lab.test", node="gz-1", line="telecom")
        self.assertEqual(status, 400)
        self.assertIn("https://untrusted.lab.test or an address", text)

    def test_a_name_is_sought_by_ip6_first_unless_the_module_says_otherwise(self):
        for module, version in (("http_soon", 6), ("http", 4)):
            status, text = ours(module, "http://www.lab.test/", node="gz-1", line="telecom")
            found = scraping.samples(text)
            self.assertEqual((status, found[("probe_success", ())], found[("probe_ip_protocol", ())]), (200, 1, version), text)

    def test_several_lines_are_told_apart_in_one_scrape(self):
        status, text = ours("icmp", PING, **{"from": "node:gz-1"})
        self.assertEqual(status, 200)
        found = scraping.samples(text)
        for line in ("mobile", "telecom", "unicom"):
            self.assertEqual(found[("probe_success", (("line", line), ("node", "gz-1")))], 1)
            self.assertEqual(found[("probe_line_verified", (("line", line), ("node", "gz-1")))], 1)

    def test_a_node_that_is_away_is_told_at_once(self):
        running_lab.stop(running_lab.AGENT)
        try:
            scraping.until(lambda: scraping.samples(scraping.scrape("/metrics")[1])[("edge_agent_up", (("node", "gz-1"),))] == 0,
                           "the broker to see it go")
            status, text = ours("icmp", PING, node="gz-1", line="telecom")
        finally:
            running_lab.start(running_lab.AGENT)
        found = scraping.samples(text)
        self.assertEqual((status, found[("probe_success", ())], found[("probe_agent_offline", ())]), (200, 0, 1))
        scraping.until(lambda: scraping.samples(scraping.scrape("/metrics")[1])[("edge_agent_up", (("node", "gz-1"),))] == 1,
                       "the agent to be back")


if __name__ == "__main__":
    unittest.main(verbosity=2)
