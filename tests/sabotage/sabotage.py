"""Each protection of the launcher is switched off in turn, in a build that has switches; a test that holds it must turn red.

Says `N of N caught`. A row is (what is switched off, the program, what of it[, what must be said]). Some protections stand before another: both
are switched off, and the row says which one it is about by coming first."""
import os
import subprocess
import sys

BIN = os.environ["EDGE_BIN"]
PROBE = f"{BIN}/edge-probe"

ESCAPE, CONTRACT = "escape", "contract_launcher"
ROWS = [
    ("egress", ESCAPE, "ip-pktinfo-device"),
    ("sock_create", ESCAPE, "so-bindtodevice"),
    ("connect", ESCAPE, "metadata4"),
    ("bind", ESCAPE, "bind-any"),
    ("ingress,kernel_targets", CONTRACT, "nobody outside can open a connection to what runs on a line"),
    ("kernel_targets", ESCAPE, "private4"),
    ("unreachable", CONTRACT, "rules and routes stand as documented, and go with the launcher"),
    ("wide_filter", ESCAPE, "igmp-join"),
    ("wide_filter", ESCAPE, "mptcp --guard nft"),
    ("wide_filter", ESCAPE, "death-signal"),
    ("capabilities", ESCAPE, "privileges-back"),
    ("own_root", ESCAPE, "open-secrets"),
    ("read_only_root", ESCAPE, "create-file"),
    ("rlimits", ESCAPE, "fd-bomb"),
    ("launcher_capabilities", CONTRACT, "the launcher works with five capabilities and can get no other"),
    ("launcher_filter", CONTRACT, "the launcher filters itself, and its spawner, which is not filtered, holds nothing"),
    ("client_uid", CONTRACT, "the socket is the agent's, and serves the agent and root"),
]


def run(program, what, launcher, switched_off):
    arguments = ["--only", *what.split(), "-v"] if program == ESCAPE else [f"--test-case={what.replace(',', chr(92) + ',')}"]
    environment = {**os.environ, "EDGE_LAUNCHER": f"{BIN}/{launcher}", "EDGE_PROBE": PROBE, "EDGE_SABOTAGE": switched_off}
    done = subprocess.run([f"{BIN}/{program}", *arguments], env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    if done.returncode == 77:
        print(done.stdout.strip())
        sys.exit(77)
    return done.returncode, done.stdout


def is_caught(program, code, text, because):
    """By the test's own verdict: a crash, or a sandbox that could not be tried, is red too, and proves nothing."""
    verdict = any(line.startswith("ESCAPED") and because in line for line in text.splitlines()) if program == ESCAPE else "ERROR: CHECK" in text
    return code == 1 and verdict and "AddressSanitizer" not in text


def says_why(text):
    lines = [line.strip() for line in text.splitlines() if line.startswith(("ESCAPED", "BROKEN")) or "ERROR:" in line]
    return lines[0] if lines else text.strip().splitlines()[-1] if text.strip() else "no output"


def main():
    with open(f"{BIN}/edge-launcher", "rb") as shipped:
        has_switch = b"EDGE_SABOTAGE" in shipped.read()
    everything = ",".join(sorted({name for row in ROWS for name in row[0].split(",")}))
    caught, wrong = 0, ["edge-launcher knows the switches, and is no test build"] if has_switch else []
    for program, what in dict.fromkeys((row[1], row[2]) for row in ROWS):
        code, text = run(program, what, "edge-launcher", everything)
        if code != 0:
            wrong.append(f"{what}: red in a build without switches: {says_why(text)}")
        code, text = run(program, what, "edge-launcher-sabotaged", "")
        if code != 0:
            wrong.append(f"{what}: red with nothing switched off: {says_why(text)}")
    for switched_off, program, what, *because in ROWS:
        code, text = run(program, what, "edge-launcher-sabotaged", switched_off)
        is_red = is_caught(program, code, text, *because or [""])
        caught += is_red
        print(f"{'caught' if is_red else 'MISSED'}  {switched_off:26} {what:60.60} {says_why(text) if code else ''}", flush=True)
    for line in wrong:
        print(f"WRONG   {line}")
    print(f"seen: {caught} of {len(ROWS)} caught")
    sys.exit(0 if caught == len(ROWS) and not wrong else 1)


main()
