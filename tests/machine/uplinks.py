"""Three uplinks of a machine, each with a carrier behind it in a network namespace, and targets that all of them reach."""

TARGET = "198.51.100.10"
LINES = ("telecom", "unicom", "mobile")
SOURCES = {"telecom": "100.64.1.2", "unicom": "100.64.2.2", "mobile": "100.64.3.2"}

# A machine as its operator has it: the host goes out by the first, and each address has a table of its own.
SCRIPT = f"""set -e
ip netns add carrier
ip -n carrier link set lo up
ip -n carrier addr add {TARGET}/32 dev lo
n=0
for wan in wan-ct wan-cu wan-cm; do
  n=$((n + 1))
  ip link add $wan type veth peer name node$n netns carrier
  ip addr add 100.64.$n.2/24 dev $wan
  ip link set $wan up
  ip -n carrier addr add 100.64.$n.1/24 dev node$n
  ip -n carrier link set node$n up
done
ip route add default via 100.64.1.1 dev wan-ct
ip route add default via 100.64.2.1 dev wan-cu metric 200
ip route add default via 100.64.3.1 dev wan-cm metric 300
ip netns exec carrier python3 -m http.server --bind {TARGET} --directory /usr/share/zoneinfo/Asia 80 >/dev/null 2>&1 &
disown
"""

# A fourth one in a VRF, as routers have them, with the table of that.
IN_A_VRF = """set -e
ip link add blue type vrf table 110
ip link set blue up
ip link add wan-x type veth peer name node9 netns carrier
ip link set wan-x master blue
ip addr add 100.64.9.2/24 dev wan-x
ip link set wan-x up
ip -n carrier addr add 100.64.9.1/24 dev node9
ip -n carrier link set node9 up
ip route add default via 100.64.9.1 dev wan-x table 110
"""
LINE_IN_A_VRF = """
[[line]]
name = "blue"
carrier = "other"
device = "wan-x"
addresses = ["100.64.9.2"]
gateway4 = "100.64.9.1"
table = 110
mark = 0x110
resolvers = ["100.64.9.1"]
routes = "external"
"""
NO_VRF = "ip link del wan-x && ip link del blue"
