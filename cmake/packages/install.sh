#!/bin/sh
# Puts EDGE below /usr/local, on a system without dpkg; again, to replace an older one: ./install.sh edge-agent | edge-broker | edgectl ...
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

say() { printf '%s\n' "$*" >&2; }
[ "$#" -gt 0 ] || { say "usage: $0 edge-agent | edge-broker | edgectl ..."; exit 64; }
for package in "$@"; do
    case "$package" in
    edge-agent | edge-broker | edgectl) ;;
    *) say "install.sh: no $package in here; there are edge-agent, edge-broker and edgectl"; exit 64 ;;
    esac
done
[ "$(id -u)" = 0 ] || { say "install.sh: writes below /usr/local; run it as root"; exit 77; }

lists=/usr/local/lib/edge

# Says which of its folders were not there before, as FOLDER/.
make_folder() {
    [ -d "$1" ] || { make_folder "$(dirname "$1")"; mkdir "$1"; echo "$1/"; }
}

# The files of one part, and a list of all that was made, which uninstall.sh goes by.
put() {
    new=$here/.installed old=$lists/$1.list
    make_folder "$lists" >"$new"
    (cd "$here/$1" && find . -type f | cut -c 3-) | while read -r file; do
        make_folder "/usr/local/$(dirname "$file")"
        cp "$here/$1/$file" "/usr/local/$file.new"
        mv -f "/usr/local/$file.new" "/usr/local/$file" # a program that runs keeps its own
        echo "/usr/local/$file"
    done >>"$new"
    if [ -e "$old" ]; then # an older one had files that this has not; its folders are still ours
        grep -vxFf "$new" "$old" | while read -r left; do
            case "$left" in */) echo "$left" >>"$new" ;; *) rm -f "$left" ;; esac
        done
    fi
    mv "$new" "$old"
}

# What a service wants besides: its user, its folders, its units.
serve() {
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers "/usr/local/lib/sysusers.d/$1.conf"
    elif ! getent passwd "$1" >/dev/null; then
        useradd --system --user-group --no-create-home --home-dir "/var/lib/$1" --shell /usr/sbin/nologin "$1"
    fi
    mkdir -p /etc/edge
    install -d -m 0700 -o "$1" -g "$1" "/var/lib/$1"
    shift
    command -v systemctl >/dev/null || { say "install.sh: no systemd here; start the programs of $* yourself"; return 0; }
    systemctl --quiet enable "$@"
    [ -d /run/systemd/system ] || return 0
    systemctl daemon-reload
    # A socket stays as it is, so that nobody is refused meanwhile; units whose condition does not hold are passed over.
    for unit in "$@"; do
        case "$unit" in *.socket) systemctl start "$unit" ;; *) systemctl restart "$unit" ;; esac || true
    done
}

put libraries
for package in "$@"; do
    put "$package"
    case "$package" in
    edge-agent)
        range=/proc/sys/net/ipv4/ping_group_range
        if [ -w "$range" ] && [ "$(tr '\t' ' ' <"$range")" = "1 0" ]; then echo "70000 70255" >"$range" || true; fi
        serve edge-agent edge-launcher.service edge-agent.service
        say "edge-agent is installed; it joins a broker by: edge-agent enroll https://BROKER:443 --token-file FILE"
        ;;
    edge-broker)
        serve edge-broker edge-broker.socket edge-broker.service
        say "edge-broker is installed; it is set up by: edge-broker init --public-url https://NAME:443"
        ;;
    edgectl) say "edgectl is installed" ;;
    esac
done
