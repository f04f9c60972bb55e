"""Runs inside the machine: does what the host asks over a serial port, one request at a time.

A request is a line of JSON; {"unpack": bytes} is followed by that many bytes of tar. An answer is a line of JSON.
"""
import json
import os
import subprocess
import time

PORT = "/dev/virtio-ports/edge"


def run(command, timeout_s, environment):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout_s, env={**os.environ, **environment}, cwd="/root")
        return {"status": done.returncode, "output": done.stdout.decode("utf-8", "replace")}
    except subprocess.TimeoutExpired as late:
        return {"status": 124, "output": (late.stdout or b"").decode("utf-8", "replace")}
    except OSError as failed:
        return {"status": 127, "output": str(failed)}


def unpack(port, size):
    tar = subprocess.Popen(["tar", "-x", "-C", "/", "--no-same-owner", "--no-overwrite-dir"], stdin=subprocess.PIPE)
    while size > 0:
        part = port.read(min(size, 1 << 16))
        tar.stdin.write(part)
        size -= len(part)
    tar.stdin.close()
    return {"status": tar.wait(), "output": ""}


def main():
    while not os.path.exists(PORT):
        time.sleep(0.1)
    booted = subprocess.run(["systemctl", "is-system-running", "--wait"], capture_output=True, text=True)
    failed = subprocess.run(["systemctl", "--failed", "--plain", "--no-legend"], capture_output=True, text=True)
    with open(PORT, "r+b", buffering=0) as raw:
        def answer(value):
            data = json.dumps(value).encode() + b"\n"
            while data:
                data = data[raw.write(data):]

        answer({"state": booted.stdout.strip(), "failed": failed.stdout})
        line = b""
        while True:
            byte = raw.read(1)
            if byte != b"\n":
                line += byte or b""
                continue
            request, line = json.loads(line), b""
            if "unpack" in request:
                answer(unpack(raw, request["unpack"]))
            else:
                answer(run(request["run"], request["timeout_s"], request["environment"]))


main()
