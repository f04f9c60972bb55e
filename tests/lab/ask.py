#!/usr/bin/python3 -B
"""ask.py [--tcp] --from ADDRESS SERVER NAME TYPE: one DNS question without EDNS, so that what the lab serves is tested
by code that is not EDGE's. Prints the rcode (and TC), then an answer a line: addresses as such, other rdata as hex."""
import argparse
import ipaddress
import random
import socket
import struct

RCODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
TYPES = {"A": 1, "TXT": 16, "AAAA": 28}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("server")
    parser.add_argument("name")
    parser.add_argument("type")
    options = parser.parse_args()
    kind = TYPES.get(options.type) or int(options.type)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in options.name.split(".")) + b"\0"
    question = struct.pack(">HHHHHH", random.randrange(65536), 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1)
    show((by_tcp if options.tcp else by_udp)(options, question), kind)


def by_udp(options, question):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind((options.source, 0))
        channel.settimeout(2)
        for attempt in range(4):
            channel.sendto(question, (options.server, 53))
            try:
                return channel.recv(65535)
            except TimeoutError:
                if attempt == 3:
                    raise


def by_tcp(options, question):
    with socket.create_connection((options.server, 53), timeout=10, source_address=(options.source, 0)) as channel:
        channel.sendall(struct.pack(">H", len(question)) + question)
        stream = channel.makefile("rb")
        return stream.read(struct.unpack(">H", stream.read(2))[0])


def show(message, kind):
    _, flags, questions, answers, _, _ = struct.unpack_from(">HHHHHH", message)
    print(RCODES.get(flags & 15, flags & 15), *(["TC"] if flags & 0x0200 else []))
    at = 12
    for _ in range(questions):
        at = after_name(message, at) + 4
    for _ in range(answers):
        at = after_name(message, at)
        found, _, _, size = struct.unpack_from(">HHIH", message, at)
        data = message[at + 10:at + 10 + size]
        at += 10 + size
        if found == kind:
            print(ipaddress.ip_address(data) if kind in (1, 28) else data.hex())


def after_name(message, at):
    while message[at]:
        if message[at] >= 0xC0:
            return at + 2
        at += 1 + message[at]
    return at + 1


if __name__ == "__main__":
    main()
