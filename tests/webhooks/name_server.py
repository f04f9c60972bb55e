"""A name server on loopback whose answers a test changes. Source: RFC 1035 section 4."""
import socket
import struct
import threading

_A = 1


class NameServer:
    def __init__(self):
        self.address = None  # of every name; none: it does not exist
        self.asked = 0       # for addresses of IPv4
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            question, peer = self._socket.recvfrom(512)
            self._socket.sendto(self._answer(question), peer)

    def _answer(self, question):
        end = question.index(b"\0", 12) + 5
        kind, = struct.unpack("!H", question[end - 4:end - 2])
        self.asked += kind == _A
        found = kind == _A and self.address
        head = question[:2] + struct.pack("!HHHHH", 0x8180 if self.address else 0x8183, 1, 1 if found else 0, 0, 0)
        record = b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 0, 4) + socket.inet_aton(self.address) if found else b""
        return head + question[12:end] + record
