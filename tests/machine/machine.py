"""A machine that was booted before, thawed for a test; whatever is done to it is gone with it."""
import io
import json
import os
import subprocess
import tarfile
import tempfile
import time

import image


def of_root(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


class Machine:
    """`with Machine() as machine`. Each call waits for its end; `run` raises nothing for a status other than 0."""

    def __init__(self, can_reboot=False):
        """`can_reboot`: with a disk of its own, whose copying takes some seconds."""
        self._image = image.ready()
        self._directory = tempfile.TemporaryDirectory(prefix="edge-machine-", dir="/var/tmp")
        self._disk = f"file={self._image}/disk,snapshot=on"
        if can_reboot:
            subprocess.run(["cp", "--sparse=always", f"{self._image}/disk", f"{self._directory.name}/disk"], check=True)
            self._disk = f"file={self._directory.name}/disk"
        with open(f"{self._image}/memory", "rb") as memory:
            self._start(image.OLDEST, "-incoming", f"fd:{memory.fileno()}", pass_fds=[memory.fileno()])
        # Every thawed machine has the clock and the random numbers of the moment it was frozen.
        self.check("date", "-s", f"@{time.time()}")
        self.check("python3", "-c", "import fcntl, sys\nwith open('/dev/urandom', 'wb') as pool:\n"
                   f" pool.write({os.urandom(32)!r})\n pool.flush()\n fcntl.ioctl(pool, 0x5207)")  # RNDRESEEDCRNG

    def _start(self, kernel, *more, **options):
        here = self._directory.name
        self._qemu = subprocess.Popen(
            [*image.qemu_arguments(self._image, self._disk, f"{here}/port", kernel), "-serial", f"file:{here}/console", *more],
            stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": here}, **options)
        self._channel = image.connect(f"{here}/port", self._qemu)
        self._answers = self._channel.makefile("rb")

    def reboot(self, kernel=image.OLDEST):
        """Shut down and booted again, from its own disk; what systemd says of it then (`running`, `degraded` and which units failed)."""
        self._channel.sendall(json.dumps({"run": ["systemctl", "poweroff"], "timeout_s": 60, "environment": {}}).encode() + b"\n")
        self._qemu.wait(180)
        self._channel.close()
        self._start(kernel)
        self._channel.settimeout(300)
        return json.loads(self._answers.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()
        self._qemu.kill()
        self._qemu.wait()
        self._directory.cleanup()

    def put(self, files):
        """`files`: path in the machine → path here, or bytes. Programs keep their mode; all belongs to root."""
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            for inside, outside in files.items():
                if isinstance(outside, bytes):
                    entry = tarfile.TarInfo(inside.lstrip("/"))
                    entry.size, entry.mode = len(outside), 0o644
                    archive.addfile(entry, io.BytesIO(outside))
                else:
                    archive.add(os.path.realpath(outside), inside.lstrip("/"),
                                filter=of_root)
        data = tar.getvalue()
        done = self._ask({"unpack": len(data)}, 600, data)  # seconds, but 180 were not enough for 14 MB at a load of 12
        if done["status"] != 0:
            raise RuntimeError(f"machine: unpacking ended with {done['status']}")

    def run(self, *command, timeout_s=60, **environment):
        """(status, output): 124 after the time, 127 if it is not there. Standard output and error are one."""
        done = self._ask({"run": command, "timeout_s": timeout_s, "environment": environment}, timeout_s)
        return done["status"], done["output"]

    def check(self, *command, **options):
        """Its output; raises where its status is not 0."""
        status, output = self.run(*command, **options)
        if status != 0:
            raise RuntimeError(f"machine: {' '.join(command)}: status {status}\n{output}")
        return output

    def _ask(self, request, timeout_s, data=b""):
        self._channel.settimeout(timeout_s + 60)
        self._channel.sendall(json.dumps(request).encode() + b"\n" + data)
        answer = self._answers.readline()
        if not answer:
            with open(f"{self._directory.name}/console", encoding="utf-8", errors="replace") as console:
                raise RuntimeError("machine: it went away\n" + console.read()[-2000:])
        return json.loads(answer)
