"""What a package leaves of a machine: an /etc with the users edge-agent and edge-broker, a /var/lib and a /run without anything of EDGE,
all of the test's own in its mount namespace. Needs root."""
import ctypes
import os
import shutil
import subprocess

CLONE_NEWNS = 0x00020000


def _mount(*words):
    subprocess.run(["mount", *words], check=True, capture_output=True)


def enter(users):
    """This process and its children see it from now on. `users`: their names and uids. Of /run the named networks stay."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("--make-rprivate", "/")
    top = "/mnt"  # in this namespace alone, so that nothing is left of it
    _mount("-t", "tmpfs", "-o", "mode=0755", "none", top)
    subprocess.run(["cp", "-a", "/etc", f"{top}/etc"], check=True)
    for made in ("var-lib", "run/netns", "run/edge"):
        os.makedirs(f"{top}/{made}")
    _mount("--rbind", "/run/netns", f"{top}/run/netns")
    for name, uid in users.items():
        for file, line in (("passwd", f"{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin"), ("group", f"{name}:x:{uid}:")):
            with open(f"{top}/etc/{file}", "a", encoding="utf-8") as out:
                out.write(line + "\n")
    shutil.rmtree(f"{top}/etc/edge", ignore_errors=True)
    for theirs, ours in (("/etc", "etc"), ("/var/lib", "var-lib"), ("/run", "run")):
        _mount("--rbind", f"{top}/{ours}", theirs)


def forget():
    """As it was before anything was enrolled or made there."""
    for path in ("/etc/edge", "/var/lib/edge-agent", "/var/lib/edge-launcher", "/var/lib/edge-broker", "/run/systemd"):
        shutil.rmtree(path, ignore_errors=True)


def tree(*folders):
    """Every file and folder below, with its mode and owner."""
    found = {}
    for folder in folders:
        for at, _, files in os.walk(folder):
            for path in (at, *(os.path.join(at, name) for name in files)):
                status = os.lstat(path)
                found[path] = (oct(status.st_mode & 0o7777), status.st_uid, status.st_gid)
    return found
