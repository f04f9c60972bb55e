"""What a machine has of what EDGE may touch, as sets that can be compared: what was left, and what was taken away."""

# Runs in the machine: a line `KIND TEXT` each.
LOOK = r'''
import ctypes, os, re, struct, subprocess

def say(kind, text):
    print(kind, text)

def of(kind, *command):
    for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines():
        # A renewed route tells its age.
        say(kind, re.sub(r" (expires|age) \w+", "", line).strip())

for family in ("-4", "-6"):
    of("rule", "ip", family, "rule")
    of("route", "ip", family, "route", "show", "table", "all")
of("device", "ip", "-br", "link")
of("nft", "nft", "list", "ruleset")
of("user", "getent", "passwd")
of("group", "getent", "group")
of("sysctl", "sysctl", "-a", "-e")
for top, _, _ in os.walk("/sys/fs/cgroup"):
    say("cgroup", top)

# Programs by name; numbers of linux/bpf.h.
SYSCALL, NEXT_ID, BY_ID, INFO, CGROUP_DEVICE = 321, 11, 13, 15, 15
libc = ctypes.CDLL(None)
last = 0
while True:
    asked = ctypes.create_string_buffer(struct.pack("=II", last, 0), 128)
    if libc.syscall(SYSCALL, NEXT_ID, asked, 128):
        break
    last = struct.unpack_from("=I", asked, 4)[0]
    fd = libc.syscall(SYSCALL, BY_ID, ctypes.create_string_buffer(struct.pack("=I", last), 128), 128)
    if fd < 0:
        continue
    info = ctypes.create_string_buffer(256)
    libc.syscall(SYSCALL, INFO, ctypes.create_string_buffer(struct.pack("=IIQ", fd, 256, ctypes.addressof(info)), 128), 128)
    os.close(fd)
    kind, = struct.unpack_from("=I", info, 0)
    if kind != CGROUP_DEVICE:  # systemd's own, of units that come and go
        say("bpf", info.raw[64:80].rstrip(b"\0").decode())

for top, folders, files in os.walk("/"):
    folders[:] = [one for one in folders if not (os.path.ismount(os.path.join(top, one)) or
                  os.path.join(top, one) in ("/tmp", "/var/tmp", "/root", "/var/log", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd"))]
    for name in folders + files:
        path = os.path.join(top, name)
        stat = os.lstat(path)
        say("file", f"{path} {stat.st_mode:o} {stat.st_uid} {stat.st_gid}")
'''


def of(machine):
    return set(machine.check("python3", "-c", LOOK, timeout_s=300).splitlines())


def changed(before, after, restless):
    """What is more (+) and less (-) than before; `restless` are settings that change by themselves."""
    told = [f"+ {one}" for one in sorted(after - before)] + [f"- {one}" for one in sorted(before - after)]
    return [line for line in told if not any(line[2:].startswith(f"sysctl {name} ") for name in restless)]


def restless(first, second):
    """Names of settings whose values differ although nothing was done."""
    return {line.split()[1] for line in first ^ second if line.startswith("sysctl ")}
