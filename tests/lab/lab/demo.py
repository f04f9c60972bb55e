"""./dev demo: a lab to look at. Three probes from three lines, their evidence, and the API on the host's loopback."""
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from lab import keeper, main as lab_main, servers, topology
from lab.edge import DIRECT

PROBES = (["ping", "ping.lab.test"], ["dns", "cdn.lab.test"], ["http", "https://www.lab.test/"])
NODE = topology.Node(1)


def main(arguments):
    parser = lab_main.Parser(prog="dev demo", description="A node on three lines, three probes, results with evidence.")
    parser.add_argument("--check", action="store_true", help="assert all of it and end, without a terminal")
    parser.add_argument("--port", type=int, default=8080, help="of the API on this machine's loopback, 1 to 65535")
    parser.add_argument("--bin", help="where the programs are (build/bin)")
    own = parser.parse_args(arguments)
    if not 1 <= own.port <= 65535:
        parser.error(f"--port: {own.port} is not within 1 to 65535")
    lab_main.end_if_only_parsed()
    options = lab_main.parse([*(["--bin", own.bin] if own.bin else []), "--", "demo"])
    say("EDGE demo: node gz-1 on three lines, three carriers, their resolvers, and a small internet behind them.")
    say("All of it is network namespaces on this machine; nothing leaves it, and all of it goes when the demo ends.")
    return lab_main.run(options, lambda lab: Demo(lab, own).run())


def say(text=""):
    print(text, flush=True)


class Demo:
    def __init__(self, lab, options):
        self.lab = lab
        self.options = options
        self.environment = os.environ | lab.environment
        self.wrong = []
        self.checked = 0

    def run(self):
        try:
            self.show_lines()
            for probe in PROBES:
                self.show_probe(probe)
            self.show_api()
            for sentence in self.wrong:
                say(f"NOT SO: {sentence}")
            if self.options.check:
                say(f"demo: {self.checked - len(self.wrong)} checks passed, {len(self.wrong)} failed")
            else:
                say("\nUp until Ctrl-C.")
                signal.pause()
        except keeper.Stopped as stop:
            if stop.number != signal.SIGINT:
                raise
            say("\nClearing up.")
        return 1 if self.wrong else 0

    def expect(self, condition, sentence):
        self.checked += 1
        if not condition:
            self.wrong.append(sentence)

    def edgectl(self, *arguments):
        say(f"\n$ edgectl {' '.join(arguments)}")
        done = subprocess.run(["nsenter", "--net=/run/netns/broker", "--", "edgectl", *arguments], env=self.environment, check=False)
        return done.returncode

    def show_lines(self):
        self.expect(self.edgectl("get", "lines") == 0, "edgectl get lines shows the lines")
        lines = self.lab.edge.call("GET", "/api/v1/nodes")["items"][0]["lines"]
        self.expect({line["name"]: line["state"] for line in lines} == {carrier.name: "up" for carrier in topology.CARRIERS},
                    f"the node's three lines are up: {lines}")

    def show_probe(self, probe):
        """As a person sees it, then the evidence as the API has it."""
        logged_before = len(self.nginx_log())
        status = self.edgectl(*probe, "from", "all")
        self.expect(status == 0, f"edgectl {probe[0]} ends with 0, not {status}")
        run = self.lab.edge.call("GET", "/api/v1/runs?limit=1")["items"][0]["id"]
        answers = self.lab.edge.call("GET", f"/api/v1/runs/{run}/results")["items"]
        for answer in answers:
            self.show_evidence(answer)
        self.expect(sorted(answer["line"]["name"] for answer in answers) == sorted(c.name for c in topology.CARRIERS),
                    f"{probe[0]}: one answer from each line")
        if probe[0] == "http":
            logged = sorted(entry["remote_addr"] for entry in self.nginx_log()[logged_before:])
            say(f"  nginx saw    {', '.join(logged)}")
            self.expect(logged == sorted(answer["evidence"]["src_addr"] for answer in answers),
                        "nginx logged each answer's own source address")
        if probe[0] == "dns":
            rdata = {record["rdata"] for answer in answers for record in answer["detail"]["answer"]}
            self.expect(len(rdata) == 3, f"each carrier's resolver has its own answer for the cdn: {sorted(rdata)}")

    def show_evidence(self, answer):
        evidence = answer["evidence"]
        route = evidence.get("route_get") or {}  # a probe without a socket has none
        say(f"  {answer['line']['name']:<12} {evidence['src_addr']} -> {evidence['dst_addr']}  device {evidence['ifname']}"
            f"  mark {evidence['fwmark']:#x}  table {evidence['table']}  kernel's route {route.get('oif')} via {route.get('gw')}"
            f"  enforced by {evidence['enforced_by'] + '-guard' * (evidence['enforced_by'] in ('bpf', 'nft'))}  {'verified' if evidence['verified'] else 'NOT VERIFIED'}")
        line = answer["line"]["name"]
        carrier = next(carrier for carrier in topology.CARRIERS if carrier.name == line)
        self.expect(answer["status"] in ("ok", "partial"), f"{line}: {answer['status']} {answer.get('failure')}")
        self.expect(evidence["verified"], f"{line}: verified; {evidence}")
        self.expect(evidence["src_addr"] in (carrier.node4(NODE), carrier.node6(NODE)), f"{line}: left from the line's own address")

    def show_api(self):
        listener = self.listen()
        port = listener.getsockname()[1]
        api = self.lab.edge.url.removeprefix("http://")
        self.lab.programs.start("forward", "broker", ["/usr/bin/python3", "-B", f"{os.path.dirname(os.path.abspath(__file__))}/forward.py",
                                                      listener.fileno(), api], pass_fds=[listener.fileno()])
        url, token = f"http://127.0.0.1:{port}", self.lab.environment["EDGE_TOKEN"]
        listener.close()
        self.expect(http_status(f"{url}/api/v1/nodes", token) == 200, f"the host reaches the API at {url} with the token")
        self.expect(http_status(f"{url}/api/v1/nodes", None) == 401, "and is refused without it")
        say(f"\nConsole  {self.sign_in_link(url, token)}")
        say("         signs one browser in, once, within ten minutes")
        say(f"\nAPI    {url}/api/v1/nodes")
        say(f"token  {token}")
        say(f"try    curl -H 'Authorization: Bearer {token}' {url}/api/v1/nodes")
        say(f"       EDGE_URL={url} EDGE_TOKEN={token} {self.lab.binaries}/edgectl dns www.lab.test from carrier:ct")

    def sign_in_link(self, url, token):
        """Asked for at the address that the host sees, so that the link leads there."""
        request = urllib.request.Request(f"{url}/api/v1/sign-in-codes", method="POST", headers={"Authorization": f"Bearer {token}"})
        with DIRECT.open(request, timeout=10) as response:
            link = json.load(response)["url"]
        self.expect(link.startswith(f"{url}/#code="), f"the console's link leads to {url}: {link}")
        return link

    def listen(self):
        """On the host's loopback, where this process still is; the forwarder takes it into the broker's namespace."""
        wanted = 0 if self.options.check else self.options.port
        try:
            return socket.create_server(("127.0.0.1", wanted))
        except OSError:
            say(f"Port {wanted} is taken; the API gets another.")
            return socket.create_server(("127.0.0.1", 0))

    def nginx_log(self):
        with open(servers.nginx_log(self.lab.programs), encoding="utf-8") as log:
            return [json.loads(line) for line in log]


def http_status(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with DIRECT.open(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(error)
