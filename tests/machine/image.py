"""The machine's image: a Debian root, booted once and frozen. Made when what it is made of has changed."""
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
SUITE = "bookworm"
PACKAGES = ("linux-image-cloud-amd64 linux-image-6.12-cloud-amd64 systemd systemd-sysv dbus udev kmod procps iproute2 iputils-ping nftables util-linux "
            "python3 ca-certificates openssl curl jq sqlite3 libpam-systemd "
            "libcurl4 libc-ares2 libcap2 libseccomp2 libldns3 libsqlite3-0 libspdlog1.10 libfmt9 libmnl0 libssl3 libre2-9 libyaml-cpp0.7 "
            "libasan8 libubsan1").split()
OLDEST, NEWER = "6.1", "6.12"  # kernels of Debian 12: the one it is booted with and frozen, and one to boot it with again
TOOLS = ("qemu-system-x86_64", "mmdebstrap", "mke2fs")
MEMORY_MB = 1024

SERVICE = """[Unit]
Description=Does what the host of this machine asks
After=multi-user.target
[Service]
ExecStart=/usr/bin/python3 -B /usr/local/lib/guest.py
Environment=HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
StandardError=journal+console
Delegate=yes
KillMode=process
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=20000
[Install]
WantedBy=multi-user.target
"""
QUIET = ("getty.target", "console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
         "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "systemd-tmpfiles-clean.timer")


def missing():
    """Why no machine can be had here, or nothing."""
    if os.geteuid() != 0:
        return "needs root"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(lacking)} not installed" if lacking else ""


def qemu_arguments(directory, disk, control, kernel=OLDEST):
    """`disk` is the root's drive, as qemu's options; the guest's port ends in the unix socket `control`."""
    return ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", f"{directory}/kernel-{kernel}", "-initrd", f"{directory}/initrd-{kernel}",
            "-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off",
            "-drive", f"{disk},if=none,id=root,format=raw,cache=unsafe", "-device", "virtio-blk-pci,drive=root",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=port,path={control},server=on,wait=off",
            "-device", "virtserialport,chardev=port,name=edge"]


def ready():
    """The image's directory; made first if need be, which takes about four minutes."""
    cache = os.environ.get("EDGE_MACHINE_CACHE", "/var/cache/edge-machine")
    os.makedirs(cache, exist_ok=True)
    version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, check=True).stdout
    with open(__file__, "rb") as us, open(f"{HERE}/guest.py", "rb") as guest:
        made_of = us.read() + guest.read() + version + _sources_text().encode()
    image = f"{cache}/{hashlib.sha256(made_of).hexdigest()[:16]}"
    with open(f"{cache}/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(image):
            with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as directory:
                _make(directory)
                os.rename(directory, image)
                os.mkdir(directory)  # for the end of the block to remove
            for other in os.listdir(cache):
                if f"{cache}/{other}" not in (image, f"{cache}/lock"):
                    shutil.rmtree(f"{cache}/{other}", ignore_errors=True)
    return image


def _sources():
    """This host's own package sources that serve SUITE."""
    names = ["/etc/apt/sources.list"]
    if os.path.isdir("/etc/apt/sources.list.d"):
        names += [entry.path for entry in os.scandir("/etc/apt/sources.list.d") if entry.name.endswith((".list", ".sources"))]
    found = []
    for name in sorted(names):
        if os.path.exists(name):
            with open(name, encoding="utf-8") as file:
                if SUITE in file.read():
                    found.append(name)
    return found


def _sources_text():
    text = ""
    for name in _sources():
        with open(name, encoding="utf-8") as file:
            text += file.read()
    return text


def _run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"machine: {command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def _make(directory):
    print("machine: making the image, once; about four minutes", file=sys.stderr, flush=True)
    root = f"{directory}/root"
    acquire = _run("apt-config", "dump", "--format", '%F "%v";%n', "Acquire")
    with open(f"{directory}/apt.conf", "w", encoding="utf-8") as file:
        file.write(acquire)
    _run("mmdebstrap", "--mode=root", "--variant=minbase", "--quiet", f"--aptopt={directory}/apt.conf",
         "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
         "--dpkgopt=path-exclude=/usr/share/locale/*", f"--include={','.join(PACKAGES)}", SUITE, root, *_sources())
    _furnish(root)
    boot = f"{root}/boot"
    for version in (OLDEST, NEWER):
        for file, name in (("vmlinuz", "kernel"), ("initrd.img", "initrd")):
            (of_it,) = (entry for entry in os.listdir(boot) if entry.startswith(f"{file}-{version}."))
            shutil.move(f"{boot}/{of_it}", f"{directory}/{name}-{version}")
    _run("mke2fs", "-q", "-t", "ext4", "-d", root, "-m", "0", "-O", "^has_journal", f"{directory}/disk", "3G")
    shutil.rmtree(root)
    _freeze(directory)


def _furnish(root):
    apt = f"{root}/etc/apt/apt.conf.d/99mmdebstrap"
    if os.path.exists(apt):
        os.remove(apt)
    shutil.copy(f"{HERE}/guest.py", f"{root}/usr/local/lib/guest.py")
    for path, text in (("etc/hostname", "machine\n"), ("etc/hosts", "127.0.0.1 localhost machine\n::1 localhost\n"), ("etc/fstab", ""),
                       ("etc/systemd/system/guest.service", SERVICE)):
        with open(f"{root}/{path}", "w", encoding="ascii") as file:
            file.write(text)
    _run("chroot", root, "systemctl", "-q", "enable", "guest.service")
    _run("chroot", root, "systemctl", "-q", "mask", *QUIET)
    _run("chroot", root, "systemd-machine-id-setup")


def _freeze(directory):
    """Boots it, waits until everything in it has started, and keeps its memory."""
    control, monitor = f"{directory}/port", f"{directory}/monitor"
    qemu = subprocess.Popen([*qemu_arguments(directory, f"file={directory}/disk", control), "-serial", f"file:{directory}/console",
                             "-qmp", f"unix:{monitor},server=on,wait=off"], stdin=subprocess.DEVNULL)
    try:
        hello = json.loads(connect(control, qemu).makefile("rb").readline())
        if hello["state"] != "running":
            raise RuntimeError(f"machine: booted as {hello}")
        with connect(monitor, qemu) as channel:
            stream = channel.makefile("rwb", buffering=0)
            stream.readline()  # its greeting
            _command(stream, "qmp_capabilities")
            _command(stream, "migrate", uri=f"exec:cat > {directory}/memory")
            while (status := _command(stream, "query-migrate"))["status"] != "completed":
                if status["status"] in ("failed", "cancelled"):
                    raise RuntimeError(f"machine: its memory was not kept: {status}")
                time.sleep(0.2)
            _command(stream, "quit")
        qemu.wait(60)
    finally:
        qemu.kill()
        qemu.wait()
    for name in ("port", "monitor"):
        if os.path.exists(f"{directory}/{name}"):
            os.remove(f"{directory}/{name}")


def _command(stream, name, **arguments):
    stream.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
    while True:
        answer = json.loads(stream.readline())
        if "error" in answer:
            raise RuntimeError(f"machine: {name}: {answer['error']}")
        if "return" in answer:
            return answer["return"]


def connect(path, qemu, within_s=300):
    """A connection to a socket that `qemu` makes."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        channel = socket.socket(socket.AF_UNIX)
        channel.settimeout(within_s)
        try:
            channel.connect(path)
            return channel
        except OSError:
            channel.close()
            if qemu.poll() is not None:
                raise RuntimeError(f"machine: qemu ended with {qemu.returncode}") from None
            time.sleep(0.05)
    raise TimeoutError("machine: qemu made no socket")
