"""Clients that begin something and then send a byte of it each second."""
import select
import socket
import time

HELLO = (b"GET /edge/v1/link HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: edge.v1\r\n\r\n")
FRAME = b"\x81\xfe\x10\x00" + bytes(4)  # of a message of 4,096 bytes


def post(path, *headers, framing="Content-Length: 4096\r\n\r\n"):
    """A request up to its body."""
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *headers, framing]).encode()


class Drips:
    def __init__(self):
        self._open = {}  # socket -> (what it does, since when)
        self.lived = {}  # what -> seconds until each was closed

    def connect(self, what, address, source, begin, *after_answer):
        """`after_answer` is sent when the broker has said something."""
        one = socket.socket()
        one.bind((source, 0))
        one.connect(address)
        one.sendall(begin)
        for more in after_answer:
            one.recv(65536)
            one.sendall(more)
        self.take_over(what, one)

    def take_over(self, what, one):
        one.settimeout(None)
        self._open[one] = (what, time.monotonic())

    def go_on(self, within_s):
        """Until all are closed. Answers how many are not."""
        until = time.monotonic() + within_s
        while self._open and time.monotonic() < until:
            for one in list(self._open):
                try:
                    one.send(b" ")
                except OSError:
                    self._closed(one)
            self._listen_until(time.monotonic() + 1)
        left = len(self._open)
        for one in self._open:
            one.close()
        return left

    def _listen_until(self, moment):
        poll = select.poll()
        by_number = {one.fileno(): one for one in self._open}
        for number in by_number:
            poll.register(number, select.POLLIN)
        while by_number and (rest := moment - time.monotonic()) > 0:
            for number, _ in poll.poll(rest * 1000):
                try:
                    said = by_number[number].recv(65536)
                except OSError:
                    said = b""
                if not said:
                    poll.unregister(number)
                    self._closed(by_number.pop(number))

    def _closed(self, one):
        what, began = self._open.pop(one)
        self.lived.setdefault(what, []).append(time.monotonic() - began)
        one.close()
