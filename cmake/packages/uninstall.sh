#!/bin/sh
# Takes away what install.sh has put below /usr/local, and what it does. --purge: keys, results, configuration and users as well.
set -eu
lists=/usr/local/lib/edge

say() { printf '%s\n' "$*" >&2; }
case "${1:-}" in
"" | --purge) ;;
*) say "usage: $0 [--purge]"; exit 64 ;;
esac
[ "$(id -u)" = 0 ] || { say "uninstall.sh: run it as root"; exit 77; }

units=""
for unit in edge-agent.service edge-launcher.service edge-broker.socket edge-broker.service edge-lines.slice edge.slice; do
    [ ! -e "/usr/local/lib/systemd/system/$unit" ] || units="$units $unit"
done
if [ -n "$units" ] && command -v systemctl >/dev/null; then
    # shellcheck disable=SC2086
    if [ -d /run/systemd/system ]; then systemctl --quiet stop $units || true; fi
    # shellcheck disable=SC2086
    systemctl --quiet disable $units 2>/dev/null || true
fi
# What a launcher that was killed has left of rules, routes, devices and nftables.
if [ -x /usr/local/sbin/edge-launcher ]; then
    /usr/local/sbin/edge-launcher --cleanup --cgroup edge-cleanup >/dev/null 2>&1 || true
    range=/proc/sys/net/ipv4/ping_group_range
    if [ -w "$range" ] && [ "$(tr '\t' ' ' <"$range")" = "70000 70255" ]; then echo "1 0" >"$range" || true; fi
fi
rm -rf /run/edge /run/edge-launcher

made=$(cat "$lists"/*.list 2>/dev/null | sort -ru) # what is in a folder stands before it
rm -f "$lists"/*.list
printf '%s\n' "$made" | while read -r path; do
    case "$path" in
    */) rmdir --ignore-fail-on-non-empty "$path" ;;
    ?*) rm -f "$path" ;;
    esac
done
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi

[ "${1:-}" = --purge ] || exit 0
rm -rf /var/lib/edge-agent /var/lib/edge-launcher /var/lib/edge-broker
rm -f /etc/edge/agent.toml /etc/edge/lines.toml /etc/edge/policy.toml /etc/edge/broker.toml
rmdir --ignore-fail-on-non-empty /etc/edge 2>/dev/null || true
for user in edge-agent edge-broker; do
    if getent passwd "$user" >/dev/null; then userdel "$user"; fi
done
