"""A program that cannot start says why in one line, with a documented exit code, and leaves nothing half-made."""
import os
import socket
import subprocess
import tempfile
import unittest

USAGE, NO_INPUT, UNAVAILABLE, OS_MISSING, CANNOT_CREATE, NO_PERMISSION, CONFIG = 64, 66, 69, 71, 73, 77, 78
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]

LINE = '''[[line]]
name = "telecom"
carrier = "ct"
device = "nowhere0"
addresses = ["100.65.1.2"]
gateway4 = "100.65.1.1"
table = 101
mark = 0x101
resolvers = ["100.65.255.53"]
'''


class BadStart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="edge-bad-start-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)

    def write(self, name, text, mode=0o644):
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def refused(self, code, *command, says):
        """Exit `code`, nothing on standard output, and `says` in what a person reads on standard error."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, code, f"{command}: {done.stdout}{done.stderr}")
        for word in says:
            self.assertIn(word, done.stderr)
        return done.stderr

    def broker(self):
        made = f"{self.folder}/broker"
        subprocess.run(["edge-broker", "init", "--dir", made, "--gateway", "127.0.0.1:0", "--api", "127.0.0.1:0",
                        "--public-url", "https://127.0.0.1:7443"], check=True, capture_output=True)
        return f"{made}/broker.toml"

    def edit(self, path, old, new):
        text = text_of(path)
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known_one(self):
        config = self.write("agent.toml", '[agent]\nstate_dri = "/tmp"\n')
        self.refused(CONFIG, "edge-agent", "--check-config", "--config", config, says=[f"{config}:2:1", "state_dri", "state_dir"])
        config = self.write("broker.toml", "[gatway]\n")
        self.refused(CONFIG, "edge-broker", "--check-config", "--config", config, says=[f"{config}:1:", "gatway", "gateway"])
        self.write("policy.toml", 'services = ["ping"]\n')
        lines = self.write("lines.toml", LINE.replace("gateway4", "gatway4"))
        self.refused(CONFIG, "edge-launcher", "--check-config", "--config", self.folder, says=[f"{lines}:6:", "gatway4", "gateway4"])

    def test_the_examples_in_config_are_good(self):
        examples = os.path.join(os.path.dirname(__file__), "..", "..", "config")
        for name in ("lines.toml", "policy.toml", "agent.toml", "broker.toml"):
            self.write(name, text_of(f"{examples}/{name}"))
        made = os.path.dirname(self.broker())  # what the example names is somewhere else on a machine of one's own
        self.edit(f"{self.folder}/broker.toml", "/var/lib/edge-broker/", f"{made}/")
        for command in (["edge-launcher", "--config", self.folder], ["edge-agent", "--config", f"{self.folder}/agent.toml"],
                        ["edge-broker", "--config", f"{self.folder}/broker.toml"]):
            done = subprocess.run([*command, "--check-config"], capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ok\n", ""), command)

    def test_every_problem_is_told_at_once(self):
        config = self.write("agent.toml", '[agent]\nstate_dri = "/tmp"\ntasks_per_worker = "many"\nspool_mb = 1\n[lgo]\n')
        said = self.refused(CONFIG, "edge-agent", "--check-config", "--config", config, says=[":2:", ":3:", ":4:", ":5:"])
        self.assertEqual([line.startswith("edge-agent: ") for line in said.splitlines()], [True] * 4, said)

    def test_a_wrong_type_is_named(self):
        config = self.write("broker.toml", "[broker]\nio_threads = \"two\"\n")
        self.refused(CONFIG, "edge-broker", "--check-config", "--config", config, says=[f"{config}:2:", "broker.io_threads must be an integer, not a string"])
        self.write("policy.toml", 'services = ["ping"]\n')
        lines = self.write("lines.toml", LINE.replace("mark = 0x101", 'mark = "0x101"'))
        self.refused(CONFIG, "edge-launcher", "--check-config", "--config", self.folder,
                     says=[f"{lines}:8:1: line.mark must be an integer, not a string; it must be 1 to 4294967295"])
        self.write("lines.toml", LINE.replace("[[line]]", "[line]"))
        self.refused(CONFIG, "edge-launcher", "--check-config", "--config", self.folder, says=["write [[line]], not [line]"])

    def test_a_missing_file_is_named(self):
        for program in ("edge-agent", "edge-broker"):
            for path, why in ((f"{self.folder}/none.toml", "No such file"), (self.folder, "Is a directory")):
                said = self.refused(NO_INPUT, program, "--config", path, says=[path, why])
                self.assertTrue(said.startswith(program + ": "), said)

    def test_an_empty_file_of_the_agent_is_all_defaults(self):
        done = subprocess.run(["edge-agent", "--check-config", "--config", self.write("agent.toml", "")], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "ok\n", ""))

    def test_versions_and_helps_are_of_one_kind(self):
        for program in ("edge-agent", "edge-broker", "edge-launcher", "edge-probe", "edgectl"):
            done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True)
            self.assertRegex(done.stdout, rf"^{program} \d+\.\d+\.\d+\n$")
        done = subprocess.run(["edge-agent", "enroll", "--help"], capture_output=True, text=True, timeout=20, check=True)
        self.assertIn("--config", done.stdout)

    def test_lines_that_others_may_write_are_refused(self):
        self.write("policy.toml", 'services = ["ping"]\n')
        self.write("lines.toml", LINE, mode=0o666)
        self.refused(CONFIG, "edge-launcher", "--check-config", "--config", self.folder, says=["lines.toml", "chmod"])
        self.write("lines.toml", LINE)
        os.chmod(self.folder, 0o777)
        self.refused(CONFIG, "edge-launcher", "--check-config", "--config", self.folder, says=[f"{self.folder}: ", f"chmod go-w {self.folder}"])

    def test_a_policy_that_offers_nothing_is_told(self):
        self.write("lines.toml", LINE)
        self.write("policy.toml", "services = []\n")
        self.refused(CONFIG, "edge-launcher", "--check-config", "--config", self.folder, says=["policy.toml:1:1: services must name one"])

    def test_a_socket_in_a_folder_that_is_not_there_names_the_folder(self):
        self.write("policy.toml", 'services = ["ping"]\n')
        self.write("lines.toml", LINE)
        said = self.refused(CANNOT_CREATE, "unshare", "--net", "edge-launcher", "--config", self.folder, "--socket", f"{self.folder}/nope/x",
                            "--agent-uid", "1", "--uid-base", "70000", "--cgroup", "edge-bad-start", says=[f"{self.folder}/nope: ", "install -d"])
        self.assertNotIn("/nope/x", said)

    def test_a_port_in_use_is_told(self):
        config = self.broker()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.edit(config, "127.0.0.1:0", f"127.0.0.1:{taken.getsockname()[1]}")
            self.refused(UNAVAILABLE, "edge-broker", "--config", config, says=[str(taken.getsockname()[1]), "in use"])

    def test_an_unreadable_key_is_told(self):
        config = self.broker()
        key = f"{self.folder}/broker/gateway.key"
        os.rename(key, key + ".away")
        self.refused(NO_INPUT, "edge-broker", "--config", config, says=["gateway.key"])
        self.refused(NO_INPUT, "edge-broker", "--check-config", "--config", config, says=["gateway.key"])

    def test_a_key_that_everybody_can_read_is_refused(self):
        config = self.broker()
        key = f"{self.folder}/broker/gateway.key"
        for mode in (0o644, 0o604):
            os.chmod(key, mode)
            for more in ([], ["--check-config"]):
                self.refused(CONFIG, "edge-broker", *more, "--config", config, says=[f"{key}: ", f"chmod 600 {key}"])
        os.chmod(key, 0o640)
        subprocess.run(["edge-broker", "--check-config", "--config", config], check=True, capture_output=True)

    def test_init_overwrites_nothing(self):
        config = self.broker()
        before = text_of(config)
        self.refused(CANNOT_CREATE, "edge-broker", "init", "--dir", f"{self.folder}/broker", "--gateway", "127.0.0.1:0",
                     "--api", "127.0.0.1:0", "--public-url", "https://127.0.0.1:7443", says=["broker"])
        self.assertEqual(text_of(config), before)

    def test_a_plain_api_on_a_public_address_is_refused(self):
        config = self.broker()
        self.edit(config, 'listen = "127.0.0.1:0"', 'listen = "0.0.0.0:0"')
        self.refused(CONFIG, "edge-broker", "--check-config", "--config", config, says=["loopback"])

    def test_a_second_broker_on_one_store_is_refused(self):
        config = self.broker()
        first = subprocess.Popen(["edge-broker", "--config", config], stderr=subprocess.PIPE, text=True)
        try:
            while "ready" not in first.stderr.readline():
                self.assertIsNone(first.poll())
            self.refused(UNAVAILABLE, "edge-broker", "--config", config, says=["edge.db"])
        finally:
            first.terminate()
            first.wait(20)
            first.stderr.close()

    def test_an_agent_that_is_not_enrolled_says_how(self):
        os.mkdir(f"{self.folder}/state")
        config = self.write("agent.toml", f'[agent]\nstate_dir = "{self.folder}/state"\nlauncher = "{self.folder}/none"\n')
        self.refused(CONFIG, "edge-agent", "run", "--config", config, says=["edge-agent enroll"])

    def test_a_join_token_that_is_not_there_is_told(self):
        config = self.write("agent.toml", f'[agent]\nstate_dir = "{self.folder}/state"\n')
        enroll = ["edge-agent", "enroll", "https://127.0.0.1:1", "--config", config]
        self.refused(USAGE, *enroll, says=["--token-file", "edgectl token create --node"])
        self.refused(NO_INPUT, *enroll, "--token-file", f"{self.folder}/none", says=["none", "cannot be read"])
        self.refused(NO_INPUT, "env", f"EDGE_JOIN_TOKEN_FILE={self.folder}/none", *enroll, says=["none", "cannot be read"])
        self.refused(USAGE, *enroll, "--token-file", self.write("empty", "\n"), says=["empty", "one line"])
        self.refused(USAGE, *enroll, "--token-file", config, "--token", "x", says=["--token"])
        self.refused(USAGE, *enroll, "--token-file", self.write("other", "no token\n"), says=["token"])
        self.assertFalse(os.path.exists(f"{self.folder}/state"))

    def test_a_launcher_without_privilege_says_which(self):
        self.write("policy.toml", 'services = ["ping"]\n')
        self.write("lines.toml", LINE)
        before = cgroups()
        self.refused(NO_PERMISSION, *NOBODY, "edge-launcher", "--config", self.folder, "--socket", f"{self.folder}/l.sock",
                     "--agent-uid", "1", "--uid-base", "70000", "--cgroup", "edge-bad-start", says=["root"])
        self.assertEqual(cgroups(), before)
        self.assertFalse(os.path.exists(f"{self.folder}/l.sock"))

    def test_a_launcher_without_a_cgroup_tree_says_so(self):
        self.write("policy.toml", 'services = ["ping"]\n')
        self.write("lines.toml", LINE)
        hidden = ["unshare", "--mount", "--net", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh"]
        self.refused(OS_MISSING, *hidden, "edge-launcher", "--config", self.folder, "--socket", f"{self.folder}/l.sock",
                     "--agent-uid", "1", "--uid-base", "70000", "--cgroup", "edge-bad-start", says=["cgroup"])
        self.assertFalse(os.path.exists(f"{self.folder}/l.sock"))

    def test_a_probe_on_a_line_needs_the_launcher(self):
        self.refused(UNAVAILABLE, "edge-probe", "ping", "198.51.100.20", "--line", "telecom", "--launcher", f"{self.folder}/none",
                     says=["edge-launcher"])

    def test_edgectl_says_what_to_set(self):
        bare = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_")}
        done = subprocess.run(["edgectl", "get", "nodes"], env=bare, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("EDGE_URL", done.stderr)


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def cgroups():
    return sorted(folder for folder, _, _ in os.walk("/sys/fs/cgroup") if "edge-bad-start" in folder)


if __name__ == "__main__":
    unittest.main(verbosity=2)
