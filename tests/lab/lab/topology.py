"""The lab's networks: who is connected to whom, and every address.

    node ── telecom ── wire ── carrier ┐
      ├──── unicom ─── wire ── carrier ┼── internet (all addresses on lo)
      ├──── mobile ─── wire ── carrier ┘
      └──── mgmt ───────────── broker ── internet, for its echo alone

Namespaces are named telecom, unicom, mobile, internet, broker, wire, and as the nodes: gz-1, bj-1, …
No address is translated, so what a server logs is the line's own address.
"""
import dataclasses
import json
import os
import subprocess
import time

from lab.slots import UIDS_PER_NODE


@dataclasses.dataclass(frozen=True)
class Carrier:
    name: str
    code: str
    index: int
    rtt_us: int  # as a ping shows it
    jitter_us: int = 0  # the round trip stays within rtt ± jitter
    loss: float = 0.0  # of round trips

    def node4(self, node):
        return f"100.{64 + self.index}.{node.index}.2"

    def node6(self, node):
        return f"2001:db8:{self.index}:{node.index}::2"

    def gateway4(self, node):
        return f"100.{64 + self.index}.{node.index}.1"

    def gateway6(self, node):
        return f"2001:db8:{self.index}:{node.index}::1"

    @property
    def resolver4(self):
        return f"100.{64 + self.index}.255.53"

    @property
    def resolver6(self):
        return f"2001:db8:{self.index}:ffff::53"

    @property
    def wire_options(self):
        """Each way takes half of the delay and its share of the loss."""
        loss_each_way = 1 - (1 - self.loss) ** 0.5
        return ["--delay-us", str(self.rtt_us // 2), "--jitter-us", str(self.jitter_us // 2),
                "--loss-ppm", str(round(loss_each_way * 1e6))]


CARRIERS = (
    Carrier("telecom", "ct", 1, rtt_us=12_000),
    Carrier("unicom", "cu", 2, rtt_us=26_000, loss=0.01),
    Carrier("mobile", "cm", 3, rtt_us=41_000, jitter_us=8_000),
)

_CITIES = (("gz", "guangdong", "guangzhou"), ("bj", "beijing", "beijing"), ("sh", "shanghai", "shanghai"),
           ("cd", "sichuan", "chengdu"), ("wh", "hubei", "wuhan"), ("xa", "shaanxi", "xian"))


@dataclasses.dataclass(frozen=True)
class Node:
    index: int  # from 1

    @property
    def _city(self):
        return _CITIES[(self.index - 1) % len(_CITIES)]

    @property
    def name(self):
        return f"{self._city[0]}-{(self.index - 1) // len(_CITIES) + 1}"

    @property
    def labels(self):
        return {"province": self._city[1], "city": self._city[2]}


# What the internet answers on. `policy.toml` allows these ranges and no others.
TARGET_RANGES = ("198.51.100.0/24", "203.0.113.0/24", "2001:db8:ffff::/48")
NAME_SERVERS = ("198.51.100.53", "203.0.113.53", "2001:db8:ffff::53", "2001:db8:ffff:1::53")
WEB = ("198.51.100.10", "2001:db8:ffff::10")
PING_ONLY = ("198.51.100.20", "2001:db8:ffff::20")
CDN = {carrier.name: (f"203.0.113.1{carrier.index}", f"2001:db8:ffff:1::1{carrier.index}") for carrier in CARRIERS}
CDN_ELSEWHERE = ("203.0.113.10", "2001:db8:ffff:1::10")
ECHO = ("198.51.100.30", "2001:db8:ffff::30")  # the broker's: which address a line leaves by
UNREACHABLE = ("198.51.100.253", "2001:db8:ffff::253")  # a router says so
SILENT = ("198.51.100.254", "2001:db8:ffff::254")  # nothing ever comes back

GATEWAY = "10.90.0.1"  # the broker's, on the management network


def build(nodes, *, wired, uid_base):
    """Namespaces, devices, addresses and routes. `wired`: leave a gap in each line for a wire to carry frames over."""
    for name in ["internet", "broker", "wire", *(carrier.name for carrier in CARRIERS), *(node.name for node in nodes)]:
        _run("ip", "netns", "add", name)
        _sysctl(name, _EVERYWHERE)
        _ip(name, "link set lo up")
    _build_internet()
    for carrier in CARRIERS:
        _build_carrier(carrier)
    _ip("broker", f"addr add {GATEWAY}/32 dev lo")
    _connect_echo()
    for node in nodes:
        _build_management(node)
        for carrier in CARRIERS:
            _build_line(node, carrier, wired)
        first = uid_base(node.index)
        _sysctl(node.name, {"net.ipv4.ping_group_range": f"{first} {first + UIDS_PER_NODE - 1}"})


def wait_for_links(within_s=10):
    """A device sends nothing until the kernel has noticed that its other end is up, and it looks once a second."""
    deadline = time.monotonic() + within_s
    names = os.listdir("/run/netns")
    while down := [f"{name}: {device}" for name in names for device in _devices_down(name)]:
        if time.monotonic() > deadline:
            raise SystemExit(f"lab: links not up within {within_s} s: {', '.join(down)}")
        time.sleep(0.02)


def meet_gateways(nodes):
    """Each line carries frames, and the first probe does not wait for a neighbour's hardware address."""
    pings = [subprocess.Popen(["nsenter", f"--net=/run/netns/{node.name}", "ping", "-q", "-c", "1", "-i", "0.2", "-w", "10",
                               "-I", carrier.name, gateway], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
             for node in nodes for carrier in CARRIERS
             for gateway in (carrier.gateway4(node), carrier.gateway6(node))]
    outputs = [(ping, ping.communicate()[0]) for ping in pings]
    for ping, output in outputs:
        if ping.returncode != 0:
            raise SystemExit(f"lab: {' '.join(ping.args)}: {output}")


def _devices_down(namespace):
    links = json.loads(_run("ip", "-n", namespace, "-json", "link", "show", "up"))
    return [link["ifname"] for link in links if link["operstate"] not in ("UP", "UNKNOWN")]


def wire_ends(node, carrier):
    """The two devices in namespace `wire` between which a wire carries this line's frames."""
    return f"{node.name}.{carrier.name[:7]}", f"{carrier.name[:7]}.{node.name}"


_EVERYWHERE = {
    "net.ipv6.conf.default.accept_dad": 0,  # addresses work at once
    "net.ipv6.conf.default.accept_ra": 0,
    "net.ipv6.conf.default.router_solicitations": 0,
    "net.ipv6.conf.all.keep_addr_on_down": 1,  # a pulled cable can be plugged in again
    "net.ipv6.conf.default.keep_addr_on_down": 1,
}
_ROUTER = {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv4.icmp_ratelimit": 0,  # every traceroute and every unreachable target is answered
    "net.ipv6.icmp.ratelimit": 0,
    "net.ipv4.icmp_msgs_per_sec": 1_000_000,
    "net.ipv4.icmp_msgs_burst": 100_000,
}


def _build_internet():
    _sysctl("internet", _ROUTER)
    addresses = [*NAME_SERVERS, *WEB, *PING_ONLY, *CDN_ELSEWHERE, *(address for pair in CDN.values() for address in pair)]
    _ip("internet", *(f"addr add {_host(address)} dev lo" for address in addresses),
        *(f"route add unreachable {_host(address)}" for address in UNREACHABLE),
        *(f"route add blackhole {_host(address)}" for address in SILENT))


def _build_carrier(carrier):
    near4, far4 = f"100.{64 + carrier.index}.254.1", f"100.{64 + carrier.index}.254.2"
    near6, far6 = f"2001:db8:{carrier.index}:fffe::1", f"2001:db8:{carrier.index}:fffe::2"
    _sysctl(carrier.name, _ROUTER)
    _ip(carrier.name,
        f"link add core type veth peer name {carrier.name} netns internet",
        f"addr add {near4}/24 dev core", f"addr add {near6}/64 dev core nodad", "link set core up",
        f"addr add {_host(carrier.resolver4)} dev lo", f"addr add {_host(carrier.resolver6)} dev lo")
    _ip("internet",
        f"addr add {far4}/24 dev {carrier.name}", f"addr add {far6}/64 dev {carrier.name} nodad",
        f"link set {carrier.name} up",
        f"route add 100.{64 + carrier.index}.0.0/16 via {near4}", f"route add 2001:db8:{carrier.index}::/48 via {near6}")
    _ip(carrier.name, f"route add default via {far4}", f"route add default via {far6}")


def _connect_echo():
    """The broker's echo stands on the internet; nothing is forwarded through the broker's network."""
    near4, far4, near6, far6 = "100.64.254.1", "100.64.254.2", "2001:db8:0:fffe::1", "2001:db8:0:fffe::2"
    _ip("broker",
        "link add internet type veth peer name broker netns internet",
        f"addr add {near4}/24 dev internet", f"addr add {near6}/64 dev internet nodad", "link set internet up",
        *(f"addr add {_host(address)} dev lo" for address in ECHO))
    _ip("internet",
        f"addr add {far4}/24 dev broker", f"addr add {far6}/64 dev broker nodad", "link set broker up",
        f"route add {ECHO[0]} via {near4}", f"route add {ECHO[1]} via {near6}")
    for carrier in CARRIERS:
        _ip("broker", f"route add 100.{64 + carrier.index}.0.0/16 via {far4}",
            f"route add 2001:db8:{carrier.index}::/48 via {far6}")


def _build_management(node):
    _ip(node.name, f"link add mgmt type veth peer name {node.name} netns broker")
    _ip("broker",
        f"addr add 10.90.{node.index}.1/24 dev {node.name}", f"addr add fd90:0:0:{node.index}::1/64 dev {node.name} nodad",
        f"link set {node.name} up")
    _ip(node.name,
        f"addr add 10.90.{node.index}.2/24 dev mgmt", f"addr add fd90:0:0:{node.index}::2/64 dev mgmt nodad",
        "link set mgmt up",
        f"route add default via 10.90.{node.index}.1", f"route add default via fd90:0:0:{node.index}::1")


def _build_line(node, carrier, wired):
    port = node.name
    if wired:
        node_end, carrier_end = wire_ends(node, carrier)
        _sysctl("wire", {"net.ipv6.conf.default.disable_ipv6": 1})  # a cable says nothing of its own
        _ip("wire",
            f"link add {node_end} type veth peer name {carrier.name} netns {node.name}",
            f"link add {carrier_end} type veth peer name {port} netns {carrier.name}",
            f"link set {node_end} up", f"link set {carrier_end} up")
    else:
        _ip(node.name, f"link add {carrier.name} type veth peer name {port} netns {carrier.name}")
    # One packet a frame: otherwise the kernel hands over 64 KiB at once, and a wire would lose it at once.
    _ip(carrier.name,
        f"addr add {carrier.gateway4(node)}/24 dev {port}", f"addr add {carrier.gateway6(node)}/64 dev {port} nodad",
        f"link set {port} gso_max_segs 1", f"link set {port} up")
    _ip(node.name,
        f"addr add {carrier.node4(node)}/24 dev {carrier.name}", f"addr add {carrier.node6(node)}/64 dev {carrier.name} nodad",
        f"link set {carrier.name} gso_max_segs 1", f"link set {carrier.name} up")
    _sysctl(node.name, {f"net.ipv4.conf.{carrier.name}.rp_filter": 1})


def _host(address):
    return f"{address}/128" if ":" in address else f"{address}/32"


def _ip(namespace, *commands):
    _run("ip", "-n", namespace, "-batch", "-", stdin="\n".join(commands))


def _sysctl(namespace, settings):
    _run("nsenter", f"--net=/run/netns/{namespace}", "sysctl", "-q", "-w", *(f"{key}={value}" for key, value in settings.items()))


def _run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"lab: {' '.join(command)}: {done.stderr.strip()}\n{stdin or ''}")
    return done.stdout
