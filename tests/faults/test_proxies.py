"""The agent behind an HTTP proxy: enrolment, session and results go through its tunnel; what it refuses is told with its reason; and where one
broker of several is not there, the next is dialled at once."""
import base64
import os
import ssl
import subprocess
import sys
import time
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
import own_node  # noqa: E402
from broker_case import PROGRAMS, BrokerCase  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from own_node import OwnNode  # noqa: E402
from seen import seen, seen_by  # noqa: E402
from wait_for import wait_for  # noqa: E402

USER, PASSWORD = "edge", "s:cret/1"


class ConnectProxy(FaultProxy):
    """A proxy for CONNECT that wants USER and PASSWORD, and leads where it is asked to, but nowhere while `answer` is set."""

    def __init__(self, port, tls=None):
        self.allowed = ("127.0.0.1", port)
        self.tunnels = 0
        self.answer = None
        super().__init__(self.allowed, tls)

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        words = head.split("\r\n")[0].split()
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        answer = self.answer
        if answer is None and f"Proxy-Authorization: Basic {credentials}\r\n" not in head:
            answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\"\r\n\r\n"
        if answer is None and (words[0] != "CONNECT" or words[1] != f"{self.allowed[0]}:{self.allowed[1]}"):
            answer = b"HTTP/1.1 403 Forbidden\r\n\r\n"
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.tunnels += 1
        await super()._serve(reader, writer)


class Proxies(BrokerCase):
    def setUp(self):
        super().setUp()
        self.broker.start()
        self.addCleanup(self.broker.stop)
        self.proxy = ConnectProxy(self.broker.gateway[1])
        self.password = f"{self.folder}/password"
        self.write_password(PASSWORD)

    def write_password(self, text):
        with open(self.password, "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.chown(self.password, own_node.UID, own_node.UID)
        os.chmod(self.password, 0o600)

    def link(self, scheme="http"):
        return f'proxy = "{scheme}://{USER}@127.0.0.1:{self.proxy.address[1]}"\nproxy_password_file = "{self.password}"\n'

    def is_connected(self, name):
        return self.broker.api.get(f"/api/v1/nodes/{name}")["state"] == "connected"

    def test_enrolment_session_and_results_go_through_the_tunnel(self):
        node = OwnNode(PROGRAMS, self.folder, self.broker, "proxied", link=self.link())
        self.assertEqual(self.proxy.tunnels, 1)
        self.addCleanup(node.start_launcher().stop)
        agent = node.start_agent()
        self.addCleanup(agent.stop)
        lines = lambda: self.broker.api.get("/api/v1/nodes/proxied")["lines"]  # noqa: E731
        wait_for(lambda: self.is_connected("proxied") and any(line["state"] == "up" for line in lines()), 60, agent.said)
        job = {"service": "ping", "selector": "all", "repeat": 20, "params": {"target": own_node.TARGET, "count": 1, "timeout_ms": 1000}}
        for _ in range(5):
            self.assertTrue(self.ledger.ask(self.broker.api, job))
            self.proxy.cut()
            wait_for(lambda: self.is_connected("proxied"), 60, agent.said)
        told, lost, duplicated = self.ledger.check(self.broker.api)
        seen(f"5 cuts of a tunnel: {len(told)} results, {len(lost)} lost, {len(duplicated)} duplicated")
        self.assertEqual((lost, duplicated), ([], []))
        self.assertGreaterEqual(self.proxy.tunnels, 4)

    def test_a_proxy_that_speaks_tls_is_known_by_the_hosts_authorities(self):
        """Its certificate is looked at as a browser would; the broker's key is pinned all the same, in the tunnel."""
        certificate, key = f"{self.folder}/proxy.crt", f"{self.folder}/proxy.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=proxy",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
        self.proxy = ConnectProxy(self.broker.gateway[1], tls)
        with self.assertRaisesRegex(RuntimeError, "TLS to the proxy: .*certificate verify failed"):
            OwnNode(PROGRAMS, self.folder, self.broker, "stranger", link=self.link("https"))
        as_stranger = self.proxy.tunnels
        self.assertEqual(as_stranger, 0)
        with unittest.mock.patch.dict(os.environ, {"SSL_CERT_FILE": certificate}):
            node = OwnNode(PROGRAMS, self.folder, self.broker, "over-tls", link=self.link("https"))
            agent = node.start_agent()
        self.addCleanup(agent.stop)
        wait_for(lambda: self.is_connected("over-tls"), 60, agent.said)
        self.assertEqual(self.proxy.tunnels, 2)
        seen(f"a proxy that speaks TLS: {as_stranger} tunnels while its authority was unknown, {self.proxy.tunnels} when it was known")

    def test_what_a_proxy_refuses_is_told_and_tried_again(self):
        node = OwnNode(PROGRAMS, self.folder, self.broker, "refused", link=self.link())
        self.write_password("wrong")
        agent = node.start_agent()
        self.addCleanup(agent.stop)
        wait_for(lambda: "HTTP 407: it wants another user or password" in agent.said(), 30, agent.said)
        self.assertNotIn("wrong", agent.said())
        agent.stop()
        self.write_password(PASSWORD)
        self.proxy.answer = b"\x00\x01\x02garbage that is no HTTP"
        agent = node.start_agent()
        self.addCleanup(agent.stop)
        wait_for(lambda: "it does not answer as an HTTP proxy does" in agent.said(), 30, agent.said)
        self.proxy.answer = None
        wait_for(lambda: self.is_connected("refused"), 60, agent.said)
        seen_by(self, f"HTTP 407 and garbage told with their reasons, {self.proxy.tunnels} tunnels in the end")

    def test_a_dead_broker_before_the_living_one_costs_seconds(self):
        dead = FaultProxy(("127.0.0.1", 1)).address[1]
        host, port = self.broker.gateway
        node = OwnNode(PROGRAMS, self.folder, self.broker, "second",
                       link=f'brokers = ["https://127.0.0.1:{dead}", "https://{host}:{port}"]\n')
        began = time.monotonic()
        agent = node.start_agent()
        self.addCleanup(agent.stop)
        wait_for(lambda: self.is_connected("second"), 60, agent.said)
        took = time.monotonic() - began
        seen(f"a dead broker before the living one: connected after {took:.1f} s")
        self.assertLess(took, 20)  # a busy machine; a second and a handshake
        self.assertIn("link_down", agent.said())

    def test_a_broker_that_goes_names_another_which_is_dialled_first(self):
        """Both ways lead to the same broker: what counts is where the agent goes first. One that it does not know it does not dial."""
        host, port = self.broker.gateway
        other = FaultProxy(self.broker.gateway).address[1]
        node = OwnNode(PROGRAMS, self.folder, self.broker, "moves",
                       link=f'brokers = ["https://{host}:{port}", "https://127.0.0.1:{other}"]\n')
        first_after = {}
        for named in (other, 1):
            self.broker.stop()
            self.broker.configure("gateway", f'alternative = "https://127.0.0.1:{named}"\n')
            self.broker.start()
            agent = node.start_agent()  # anew: it goes to the first of its list, and not to the one that worked last
            self.addCleanup(agent.stop)
            wait_for(lambda: self.is_connected("moves"), 60, agent.said)
            before = len(agent.said())
            self.broker.stop()
            wait_for(lambda: "link_dialling" in agent.said()[before:], 60, agent.said)
            said = agent.said()[before:]
            self.assertIn("link_alternative" if named == other else "link_alternative_unknown", said)
            first_after[named] = said[said.index("link_dialling"):].split("\n")[0]
            agent.stop()
            self.broker.unset("gateway", "alternative")
            self.broker.start()
        seen_by(self, f"the other was named: {first_after[other]}; an unknown one: {first_after[1]}")
        self.assertIn(f"broker=127.0.0.1:{other}", first_after[other])
        self.assertIn(f"broker={host}:{port}", first_after[1])

    def test_the_configuration_is_checked(self):
        config = f"{self.folder}/agent.toml"
        with open(config, "w", encoding="ascii") as file:
            file.write('[link]\nproxy = "http://edge@p"\nproxy_password_file = "/nonexistent/password"\n')
        done = subprocess.run([f"{PROGRAMS}/edge-agent", "--check-config", "--config", config], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("/nonexistent/password", done.stderr)
        seen(f"a password file that is not there: named, exit code {done.returncode}")


if __name__ == "__main__":
    own_node.enter_network()
    unittest.main(verbosity=2, warnings="ignore")  # the agents' sockets and keys go with the process
