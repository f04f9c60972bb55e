"""A minimal Debian with what the packages depend on, made once; a test gets an overlay on it."""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "machine"))
import image  # knows this host's package sources

SUITE = "bookworm"
# First choices among what they depend on, and there on any machine.
BESIDES = ["systemd", "ca-certificates"]
# What installing anything changes: dpkg's and apt's own, logs, caches, and the copies that passwd(5) files leave.
NOT_COMPARED = re.compile(r"/(?:proc|dev|sys|tmp|given|var/(?:log|cache|lib/(?:dpkg|apt))|etc/(?:passwd|shadow|group|gshadow|subuid|subgid)-|etc/\.pwd\.lock|etc/ld\.so\.cache)(?:/|$)")


def missing():
    """Why there can be none here, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    lacking = [tool for tool in ("mmdebstrap", "dpkg-deb", "patchelf") if shutil.which(tool) is None]
    return f"{', '.join(lacking)} not installed" if lacking else ""


def depended_on(packages):
    """The first choice of each, without versions."""
    names = set()
    for package in packages:
        depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True).stdout
        names |= {name.split()[0] for name in depends.split(",")}
    return sorted(names)


def ready(packages):
    """The folder of the root; nobody writes there."""
    cache = os.environ.get("EDGE_PACKAGE_CACHE", "/var/cache/edge-package")
    os.makedirs(cache, exist_ok=True)
    names = depended_on(packages) + BESIDES
    made_of = " ".join([SUITE, *names, image._sources_text()])
    root = f"{cache}/{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"
    with open(f"{cache}/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(root):
            print("package: making a Debian root, once; about two minutes", file=sys.stderr, flush=True)
            for other in os.listdir(cache):
                if other != "lock":
                    shutil.rmtree(f"{cache}/{other}", ignore_errors=True)
            acquire = f"{cache}/apt.conf"
            with open(acquire, "w", encoding="utf-8") as file:
                file.write(image._run("apt-config", "dump", "--format", '%F "%v";%n', "Acquire"))
            image._run("mmdebstrap", "--mode=root", "--variant=minbase", "--quiet", f"--aptopt={acquire}", "--dpkgopt=force-unsafe-io",
                       f"--include={','.join(names)}", SUITE, f"{cache}/making", *image._sources())
            os.remove(acquire)
            os.rename(f"{cache}/making", root)
    return root


class Root:
    """An overlay on the root. The mounts are this mount namespace's, and end with it."""

    def __init__(self, below):
        self._folder = tempfile.mkdtemp(prefix="edge-package-")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self._folder], check=True)
        self.path = f"{self._folder}/root"
        for name in ("upper", "work", "root"):
            os.mkdir(f"{self._folder}/{name}")
        subprocess.run(["mount", "-t", "overlay", "overlay", self.path,
                        "-o", f"lowerdir={below},upperdir={self._folder}/upper,workdir={self._folder}/work"], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", f"{self.path}/proc"], check=True)
        subprocess.run(["mount", "--bind", "/dev", f"{self.path}/dev"], check=True)
        os.mkdir(f"{self.path}/given")

    def close(self):
        subprocess.run(["umount", "-R", self._folder], check=True)
        os.rmdir(self._folder)

    def run(self, *command):
        """(status, what it printed on both)."""
        done = subprocess.run(["chroot", self.path, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=600, check=False,
                              env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})
        return done.returncode, done.stdout

    def give(self, file):
        """Its path in there."""
        shutil.copy(file, f"{self.path}/given")
        return f"/given/{os.path.basename(file)}"

    def entries(self):
        """path → (type and mode, owner, group, content) of everything that is compared."""
        found = {}
        for folder, folders, files in os.walk(self.path):
            for name in [*folders, *files]:
                path = f"{folder}/{name}"
                short = path.removeprefix(self.path)
                if NOT_COMPARED.match(short):
                    continue
                status = os.lstat(path)
                content = ""
                if os.path.islink(path):
                    content = os.readlink(path)
                elif os.path.isfile(path):
                    with open(path, "rb") as file:
                        content = hashlib.sha256(file.read()).hexdigest()
                found[short] = (oct(status.st_mode), status.st_uid, status.st_gid, content)
            folders[:] = [name for name in folders if not NOT_COMPARED.match(f"{folder}/{name}".removeprefix(self.path))]
        return found
