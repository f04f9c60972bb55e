"""What the packages do to a machine, and that nothing of it stays. Set EDGE_BUILD, EDGE_BIN and EDGE_PACKAGES as CMakeLists.txt does."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import debian_root
from repacked import repacked

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.environ.get("EDGE_BIN", "")
PACKAGES = os.environ.get("EDGE_PACKAGES", "")
NAMES = ("edge-agent", "edge-broker", "edgectl")
PING = "/proc/sys/net/ipv4/ping_group_range"


def ping_range():
    with open(PING, encoding="ascii") as file:
        return file.read().split()


def set_ping_range(text):
    with open(PING, "w", encoding="ascii") as file:
        file.write(text)


def deb(name):
    return glob.glob(f"{PACKAGES}/{name}_*.deb")[0]


class OnAMachine(unittest.TestCase):
    def setUp(self):
        set_ping_range("1 0")
        self.root = debian_root.Root(os.environ["EDGE_DEBIAN_ROOT"])
        self.addCleanup(self.root.close)
        self.before = self.root.entries()

    def check(self, *command):
        status, output = self.root.run(*command)
        self.assertEqual(status, 0, f"{command}:\n{output}")
        return output

    def install(self, *files):
        return self.check("apt-get", "-qy", "--no-install-recommends", "--allow-downgrades", "install", *(self.root.give(file) for file in files))

    def write(self, path, text, owner="root", mode=0o644):
        with open(self.root.path + path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.root.path + path, mode)
        self.check("chown", f"{owner}:{owner}", path)

    def read(self, path):
        with open(self.root.path + path, encoding="utf-8") as file:
            return file.read()

    def changed(self):
        now = self.root.entries()
        return {path: (self.before.get(path), now.get(path)) for path in self.before.keys() | now.keys() if self.before.get(path) != now.get(path)}

    def use(self):
        """What a machine has after a while: configuration of its owner's, a key, results, a store."""
        self.check("mkdir", "-p", "/etc/edge", "/var/lib/edge-launcher")
        for name in ("agent", "lines", "policy", "broker"):
            self.write(f"/etc/edge/{name}.toml", f"# {name}, by the owner of the machine\n")
        self.write("/var/lib/edge-agent/identity.json", "{}", "edge-agent", 0o600)
        self.write("/var/lib/edge-agent/spool-1", "a result", "edge-agent", 0o600)
        self.write("/var/lib/edge-broker/edge.db", "a store", "edge-broker", 0o600)
        return {path: self.root.entries()[path] for path in
                ("/etc/edge/agent.toml", "/etc/edge/lines.toml", "/etc/edge/policy.toml", "/etc/edge/broker.toml", "/var/lib/edge-agent/identity.json",
                 "/var/lib/edge-agent/spool-1", "/var/lib/edge-broker/edge.db", "/var/lib/edge-agent", "/var/lib/edge-broker")}

    def assert_kept(self, used):
        now = self.root.entries()
        self.assertEqual({path: now.get(path) for path in used}, used)

    def test_what_is_installed_is_complete_and_starts_nothing_before_it_is_told_to(self):
        output = self.install(*(deb(name) for name in NAMES))
        self.assertIn("edge-agent enroll", output)
        self.assertIn("edge-broker init", output)
        for program in ("edge-agent", "edge-launcher", "edge-probe", "edge-broker", "edgectl"):
            self.assertIn("0.", self.check(program, "--version"))
        self.assertNotIn("/etc/edge", "".join(self.root.entries()))
        entries = self.root.entries()
        for user in ("edge-agent", "edge-broker"):
            uid, gid = (int(self.check("id", flag, user)) for flag in ("-u", "-g"))
            self.assertLess(uid, 1000)
            self.assertEqual(entries[f"/var/lib/{user}"][:3], ("0o40700", uid, gid))
        for wanted in ("multi-user.target.wants/edge-agent.service", "multi-user.target.wants/edge-launcher.service",
                       "multi-user.target.wants/edge-broker.service", "sockets.target.wants/edge-broker.socket"):
            self.assertIn(f"/etc/systemd/system/{wanted}", entries)
        for unit, condition in (("edge-agent.service", "/var/lib/edge-agent/identity.json"), ("edge-launcher.service", "/etc/edge/lines.toml"),
                                ("edge-broker.service", "/etc/edge/broker.toml"), ("edge-broker.socket", "/etc/edge/broker.toml")):
            self.assertIn(f"ConditionPathExists={condition}\n", self.read(f"/lib/systemd/system/{unit}"))
        self.assertEqual(ping_range(), ["70000", "70255"])

    def test_the_examples_are_such_as_the_programs_take(self):
        self.install(*(deb(name) for name in NAMES))
        self.check("edge-agent", "--check-config", "--config", "/usr/share/doc/edge-agent/examples/agent.toml")
        self.check("edge-launcher", "--check-config", "--config", "/usr/share/doc/edge-agent/examples")
        self.assertNotIn(":1:", self.root.run("edge-broker", "--check-config", "--config", "/usr/share/doc/edge-broker/examples/broker.toml")[1])

    def test_the_workers_of_the_unit_are_those_that_may_ping(self):
        with open(f"{REPOSITORY}/systemd/edge-launcher.service", encoding="utf-8") as file:
            first = int(re.search(r"--uid-base (\d+)", file.read())[1])
        wanted = f"{first} {first + 255}"
        with open(f"{REPOSITORY}/systemd/sysctl.d/10-edge-agent.conf", encoding="utf-8") as file:
            self.assertIn(f"net.ipv4.ping_group_range = {wanted}\n", file.read())
        for script in ("edge-agent/postinst", "edge-agent/postrm", "install.sh", "uninstall.sh"):
            with open(f"{REPOSITORY}/cmake/packages/{script}", encoding="utf-8") as file:
                self.assertIn(f'"{wanted}"', file.read(), script)

    def test_another_version_up_or_down_keeps_what_the_machine_has_and_asks_nothing(self):
        self.install(*(deb(name) for name in NAMES))
        used = self.use()
        with tempfile.TemporaryDirectory() as folder:
            newer = [repacked(deb(name), "99.0.0", folder) for name in NAMES]
            self.install(*newer)
            self.assertIn("99.0.0", self.check("dpkg-query", "-W", "edge-agent"))
            self.assert_kept(used)
        self.install(*(deb(name) for name in NAMES))
        self.assertNotIn("99.0.0", self.check("dpkg-query", "-W", "edge-agent"))
        self.assert_kept(used)
        self.assertEqual(ping_range(), ["70000", "70255"])

    def test_a_unit_that_was_disabled_stays_so_over_an_upgrade(self):
        self.install(deb("edge-agent"))
        self.check("systemctl", "disable", "edge-agent.service")
        with tempfile.TemporaryDirectory() as folder:
            self.install(repacked(deb("edge-agent"), "99.0.0", folder))
        self.assertNotIn("/etc/systemd/system/multi-user.target.wants/edge-agent.service", self.root.entries())
        self.assertIn("/etc/systemd/system/multi-user.target.wants/edge-launcher.service", self.root.entries())

    def test_removed_it_has_no_effect_and_purged_it_was_never_there(self):
        self.install(*(deb(name) for name in NAMES))
        used = self.use()
        self.check("apt-get", "-qy", "remove", *NAMES)
        self.assert_kept(used)
        self.assertNotIn("/usr/bin/edge-agent", self.root.entries())
        self.assertEqual(ping_range(), ["1", "0"])
        self.check("apt-get", "-qy", "purge", *NAMES)
        self.assertEqual(self.changed(), {})
        self.assertNotIn("edge-", self.read("/etc/passwd") + self.read("/etc/group") + self.read("/etc/shadow"))

    def test_one_that_is_purged_leaves_the_others_alone(self):
        self.install(deb("edge-agent"), deb("edge-broker"))
        self.use()
        self.check("apt-get", "-qy", "purge", "edge-agent")
        self.assertIn("/etc/edge/broker.toml", self.root.entries())
        self.assertNotIn("/etc/edge/agent.toml", self.root.entries())
        self.assertIn("/var/lib/edge-broker/edge.db", self.root.entries())

    def test_a_range_of_who_may_ping_that_somebody_chose_is_theirs(self):
        for chosen in ("0 2147483647", "1000 1000"):
            with self.subTest(chosen):
                set_ping_range(chosen)
                self.install(deb("edge-agent"))
                self.assertEqual(ping_range(), chosen.split())
                self.check("apt-get", "-qy", "purge", "edge-agent")
                self.assertEqual(ping_range(), chosen.split())

    def test_the_tarball_runs_with_its_own_libraries_and_goes_without_a_trace(self):
        self.unpack_tarball()
        self.check("sh", "-c", "cd /given/edge-* && ./install.sh edge-agent edge-broker edgectl")
        self.assertEqual(ping_range(), ["70000", "70255"])
        for program in ("bin/edge-agent", "bin/edge-probe", "sbin/edge-launcher", "bin/edge-broker", "bin/edgectl"):
            self.assertIn("0.", self.check(f"/usr/local/{program}", "--version"))
            for library in self.check("ldd", f"/usr/local/{program}").splitlines():
                self.assertRegex(library, r"linux-vdso|ld-linux|/lib(c|m|dl|pthread|rt|resolv)\.so|/usr/local/lib/edge/")
        for unit in glob.glob(f"{self.root.path}/usr/local/lib/systemd/system/*.service"):
            with open(unit, encoding="utf-8") as file:
                for program in re.findall(r"(?:ExecStart=|--probe )(\S+)", file.read()):
                    self.assertTrue(os.access(self.root.path + program, os.X_OK), f"{unit}: {program}")
        used = self.use()
        self.check("sh", "-c", "cd /given/edge-* && ./install.sh edge-agent edge-broker edgectl")  # an upgrade
        self.assert_kept(used)
        self.check("sh", "-c", "cd /given/edge-* && ./uninstall.sh")
        self.assert_kept(used)
        self.assertEqual(ping_range(), ["1", "0"])
        self.check("sh", "-c", "cd /given/edge-* && ./uninstall.sh --purge")
        self.assertEqual(self.changed(), {})

    def unpack_tarball(self):
        self.check("tar", "-C", "/given", "-xzf", self.root.give(glob.glob(f"{PACKAGES}/edge-*.tar.gz")[0]))


class OfThemselves(unittest.TestCase):
    def test_lintian_finds_nothing(self):
        if shutil.which("lintian") is None:
            self.skipTest("no lintian")
        done = subprocess.run(["lintian", "--tag-display-limit", "0", "--fail-on", "error,warning", *(deb(name) for name in NAMES)],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_every_shell_completes_a_command(self):
        """Of edgectl with an environment that names no broker."""
        folder = f"{REPOSITORY}/cli/completions"
        asks = {
            "bash": ["bash", "-c", f"source {folder}/edgectl.bash; COMP_WORDS=(edgectl desc); COMP_CWORD=1; _edgectl; echo \"${{COMPREPLY[@]}}\""],
            "fish": ["fish", "--no-config", "-c", f"source {folder}/edgectl.fish; complete -C 'edgectl desc'"],
            # Its own way in wants a terminal: the words that it would show are what is looked at.
            "zsh": ["zsh", "-fc", f"_describe() {{ print -rl -- ${{(P)2}} }}; _files() {{ print none }}; words=(edgectl desc); CURRENT=2; source {folder}/_edgectl"],
        }
        for shell, command in asks.items():
            with self.subTest(shell):
                if shutil.which(shell) is None:
                    self.skipTest(f"no {shell}")
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
                                      env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/nonexistent", "LANG": "C.UTF-8"})
                self.assertTrue(done.stdout.startswith("describe"), done.stdout + done.stderr)


def main():
    why = debian_root.missing()
    if why:
        print(f"skipped: {why}")
        sys.exit(77)
    if os.environ.get("EDGE_BUILD"):
        architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
        subprocess.run([f"{REPOSITORY}/cmake/packages/make", os.environ["EDGE_BUILD"], PACKAGES, architecture], check=True)
    root = debian_root.ready([deb(name) for name in NAMES])
    # In namespaces of its own: what is mounted goes with them, and the range of who may ping is that of their network.
    os.execvpe("unshare", ["unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child",
                           sys.executable, "-B", *sys.argv], {**os.environ, "EDGE_DEBIAN_ROOT": root})


if __name__ == "__main__":
    if "EDGE_DEBIAN_ROOT" in os.environ:
        unittest.main(verbosity=2)
    main()
