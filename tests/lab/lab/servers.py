"""The lab's servers, all from Debian's packages: nsd and nginx on the internet, a resolver (unbound) in each carrier."""
import os
import socket
import string
import subprocess

from lab import linux, topology

TEMPLATES = f"{os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}/servers"
CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def start(programs):
    directory = f"{programs.directory}/servers"
    os.mkdir(directory)
    _make_certificates(directory)
    _trust(f"{directory}/ca.crt")
    _start_nsd(programs, directory)
    _start_nginx(programs, directory)
    for carrier in topology.CARRIERS:
        _start_resolver(programs, directory, carrier)
    _wait(programs, "nsd", "internet", topology.NAME_SERVERS, 53)
    _wait(programs, "nginx", "internet", topology.WEB, 443)
    for carrier in topology.CARRIERS:
        _wait(programs, f"resolver-{carrier.name}", carrier.name, (carrier.resolver4, carrier.resolver6), 53)


def nginx_log(programs):
    return f"{programs.directory}/servers/nginx.jsonl"


def _start_nsd(programs, directory):
    www4, www6 = topology.WEB
    ping4, ping6 = topology.PING_ONLY
    cdn4, cdn6 = topology.CDN_ELSEWHERE
    echo4, echo6 = topology.ECHO
    _fill("lab.test.zone", f"{directory}/lab.test.zone",
          ns1_4=topology.NAME_SERVERS[0], ns2_4=topology.NAME_SERVERS[1],
          ns1_6=topology.NAME_SERVERS[2], ns2_6=topology.NAME_SERVERS[3],
          www4=www4, www6=www6, ping4=ping4, ping6=ping6, echo4=echo4, echo6=echo6, cdn4=cdn4, cdn6=cdn6,
          unreachable4=topology.UNREACHABLE[0], unreachable6=topology.UNREACHABLE[1],
          silent4=topology.SILENT[0], silent6=topology.SILENT[1],
          sites="".join(f"cdn-{name} A {v4}\ncdn-{name} AAAA {v6}\n" for name, (v4, v6) in topology.CDN.items()),
          many="".join(f"many A 203.0.113.{host}\n" for host in range(100, 220)))
    _fill("nsd.conf", f"{directory}/nsd.conf", directory=directory,
          addresses="\n".join(f"    ip-address: {address}" for address in topology.NAME_SERVERS))
    programs.start("nsd", "internet", ["nsd", "-d", "-c", f"{directory}/nsd.conf"])


def _start_resolver(programs, directory, carrier):
    cdn4, cdn6 = topology.CDN[carrier.name]
    config = f"{directory}/unbound-{carrier.name}.conf"
    _fill("unbound.conf", config, directory=directory, resolver4=carrier.resolver4, resolver6=carrier.resolver6,
          cdn4=cdn4, cdn6=cdn6, name_servers="\n".join(f"    stub-addr: {address}" for address in topology.NAME_SERVERS))
    programs.start(f"resolver-{carrier.name}", carrier.name, ["unbound", "-d", "-c", config])


def _start_nginx(programs, directory):
    os.mkdir(f"{directory}/www")
    with open(f"{directory}/www/1m", "wb") as file:
        file.write(bytes(range(256)) * 4096)
    _fill("nginx.conf", f"{directory}/nginx.conf", directory=directory, log=nginx_log(programs),
          web=_listen(topology.WEB),
          cdn="\n".join(_cdn_site(directory, name, pair) for name, pair in
                        [*topology.CDN.items(), ("elsewhere", topology.CDN_ELSEWHERE)]))
    programs.start("nginx", "internet", ["nginx", "-p", directory, "-c", f"{directory}/nginx.conf", "-e", "stderr"])


def _cdn_site(directory, name, addresses):
    with open(f"{TEMPLATES}/nginx-cdn.conf", encoding="utf-8") as file:
        return string.Template(file.read()).substitute(directory=directory, site=name, listen=_listen(addresses))


def _listen(addresses):
    hosts = [f"[{address}]" if ":" in address else address for address in addresses]
    return "\n".join(f"        listen {host}:80;\n        listen {host}:443 ssl;" for host in hosts)


def _fill(template, path, **values):
    with open(f"{TEMPLATES}/{template}", encoding="utf-8") as file:
        text = string.Template(file.read()).substitute(values)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _make_certificates(directory):
    """A root of the lab's own, a server certificate from it, and one that nobody vouches for."""
    names = "DNS:lab.test,DNS:*.lab.test,IP:" + ",IP:".join(topology.WEB)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    authority = ["-CA", f"{directory}/ca.crt", "-CAkey", f"{directory}/ca.key"]
    _openssl("req", "-x509", *key, "-keyout", f"{directory}/ca.key", "-out", f"{directory}/ca.crt",
             "-subj", "/O=EDGE lab/CN=EDGE lab root", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl("req", "-x509", *key, *authority, "-keyout", f"{directory}/web.key", "-out", f"{directory}/web.crt",
             "-subj", "/CN=www.lab.test", "-addext", f"subjectAltName={names}",
             "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth")
    _openssl("req", "-x509", *key, "-keyout", f"{directory}/untrusted.key", "-out", f"{directory}/untrusted.crt",
             "-subj", "/CN=untrusted.lab.test", "-addext", "subjectAltName=DNS:untrusted.lab.test")


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"lab: openssl {arguments[0]}: {done.stderr}")


def _trust(certificate):
    """Everything in the lab trusts the lab's root: laid over the host's bundle in our mount namespace only."""
    bundle = f"{os.path.dirname(certificate)}/bundle.crt"
    with open(bundle, "wb") as out:
        for path in (CA_BUNDLE, certificate):
            if os.path.exists(path):
                with open(path, "rb") as file:
                    out.write(file.read())
    if os.path.exists(CA_BUNDLE):
        subprocess.run(["mount", "--bind", bundle, CA_BUNDLE], check=True)


def _wait(programs, name, network, addresses, port):
    def serves():
        with linux.network(network):
            return all(_accepts(address, port) for address in addresses)

    programs.wait_until(name, serves, within_s=20, what=f"serving port {port}")


def _accepts(address, port):
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False
