"""docs/own-nodes.md, typed into two shells: the broker's machine and a node, with no other help than the lab's networks."""
import os
import re
import select
import subprocess
import tempfile
import time
import unittest

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "own-nodes.md")
PATIENCE_S = 60

LINES = """[[line]]
name = "telecom"
carrier = "ct"
device = "telecom"
addresses = ["100.65.1.2"]
gateway4 = "100.65.1.1"
table = 101
mark = 0x101
resolvers = ["100.65.255.53"]
routes = "managed"
"""
POLICY = 'services = ["dns", "http", "ping"]\n[targets]\nallow = ["198.51.100.0/24"]\n[worker]\nmemory_mb = 512\n'  # of a build with sanitizers, too


class Shell:
    """Commands one after the other, as at a prompt."""

    def __init__(self, *inside):
        self.process = subprocess.Popen([*inside, "bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def type(self, command):
        """Its status and what stood on the screen meanwhile."""
        self.process.stdin.write(f'{command}\nstatus=$?; echo; echo "[status $status]"\n'.encode())
        self.process.stdin.flush()
        screen = b""
        while not (status := re.search(rb"\[status (\d+)\]\n", screen)):
            if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
                raise AssertionError(f"{command}: hangs\n{screen.decode()}")
            screen += os.read(self.process.stdout.fileno(), 65536)
        return int(status.group(1)), screen[:status.start()].decode()

    def close(self):
        self.type("kill $(jobs -p) && wait")
        self.process.communicate()


class OwnNodes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="edge-own-nodes-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)
        for made in ("lib", "run", "etc/edge"):
            os.makedirs(f"{self.folder}/{made}")
        allowed = subprocess.run(["lab-in", "gz-1", "cat", "/proc/sys/net/ipv4/ping_group_range"], capture_output=True, text=True, check=True)
        self.uid = int(allowed.stdout.split()[0])
        with open(DOCUMENT, encoding="utf-8") as document:
            self.blocks = re.findall(r"```sh\n(.*?)```", document.read(), re.S)

    def of_this_machine(self, command, token):
        """Its folders, users and addresses in the place of those that the document has."""
        for theirs, ours in (("/etc/edge", f"{self.folder}/etc/edge"), ("/var/lib/", f"{self.folder}/lib/"), ("/run/edge", f"{self.folder}/run/edge"),
                             ("broker.example", "10.90.0.1"), ("edgep_…", token), ("gz-1.token", f"{self.folder}/gz-1.token"),
                             ("runuser -u edge-agent --", f"setpriv --reuid {self.uid} --regid {self.uid} --clear-groups"),
                             ("-o edge-agent -g edge-agent", f"-o {self.uid} -g {self.uid}"), ("--agent-uid edge-agent", f"--agent-uid {self.uid}"),
                             ("200000 200255", f"{self.uid + 1} {self.uid + 256}"), ("--uid-base 200000", f"--uid-base {self.uid + 1}"),
                             ("--cgroup edge ", f"--cgroup {os.environ['EDGE_LAB_CGROUP']} ")):
            command = command.replace(theirs, ours)
        return command

    def type_block(self, shell, block, token=""):
        """Every command ends with 0; what edgectl wants to see may take the programs a moment."""
        screen = ""
        for line in block.strip().splitlines():
            if line.startswith("useradd"):
                continue  # users are this machine's
            deadline = time.monotonic() + PATIENCE_S
            while True:
                status, said = shell.type(self.of_this_machine(line, token))
                wanted = {"edgectl get nodes": "connected", "edgectl get lines": " up "}.get(line, "")
                if status == 0 and wanted in said:
                    break
                self.assertTrue(line.startswith("edgectl") and time.monotonic() < deadline, f"{line}: status {status}\n{said}")
                time.sleep(0.2)
            screen += said
        return screen

    def test_every_command_of_the_document_does_what_it_says(self):
        self.assertEqual(len(self.blocks), 5)
        broker, node = Shell(), Shell("lab-in", "gz-1")
        self.addCleanup(broker.close)
        self.addCleanup(node.close)
        made = self.type_block(broker, self.blocks[0])
        token = re.search(r"edgep_\w+", made).group()
        self.assertIn("export EDGE_URL=http://127.0.0.1:8080 EDGE_TOKEN=" + token, made)
        self.assertIn("edge-agent enroll https://10.90.0.1:7443 --token-file", self.type_block(broker, self.blocks[1], token))
        for name, text in (("lines.toml", LINES), ("policy.toml", POLICY), ("agent.toml", f'[agent]\nstate_dir = "{self.folder}/lib/edge-agent"\nlauncher = "{self.folder}/run/edge/launcher.sock"\n')):
            with open(f"{self.folder}/etc/edge/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        self.type_block(node, self.blocks[2])
        self.assertIn("enrolled as gz-1", self.type_block(node, self.blocks[3]))
        self.assertIn("1 of 1 ok: ct", self.type_block(broker, self.blocks[4]))
        self.remove_all(node)

    def remove_all(self, node):
        """What the site report says removes everything does, and leaves nothing that the document had made."""
        page = node.type(f"edge-agent site-report --config {self.folder}/etc/edge/agent.toml")[1]
        commands = re.search(r"## Everything at once\n\n```\n(.*?)```", page, re.S).group(1).strip().splitlines()
        self.assertRegex(commands[0], r"^kill \d+ \d+; for ")
        for command in commands:
            ours = " ".join(word for word in command.split(" ") if not (command.startswith("rm -f ") and "/bin/" in word))  # the build's
            status, said = node.type(ours)
            self.assertEqual(status, 0, f"{ours}\n{said}")
        for words in ("-4 rule", "-6 rule", "-4 route show table all", "-6 route show table all"):
            self.assertNotIn("proto 237", node.type(f"ip {words}")[1])
        self.assertEqual(node.type(f"find /sys/fs/cgroup -path '*/{os.environ['EDGE_LAB_CGROUP']}*'")[1].strip(), "")
        left = sorted(os.path.relpath(os.path.join(at, name), self.folder) for at, folders, files in os.walk(self.folder) for name in folders + files
                      if "edge-broker" not in at + name)
        self.assertEqual(left, ["etc", "gz-1.token", "lib", "run"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
