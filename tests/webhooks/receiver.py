"""A receiver on loopback: the first part of the path says how it behaves. What came is kept, in order."""
import asyncio
import threading
import time


class Receiver:
    def __init__(self, address="127.0.0.1"):
        self._address = address
        self.came = []  # (time, path, headers, body)
        self.changed = threading.Condition()
        self.status = {}  # path → what it answers instead
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        started.wait()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def of(self, path):
        with self.changed:
            return [one for one in self.came if one[1] == path]

    def wait_for(self, path, count, timeout_s=30):
        """All that came there, once there are so many."""
        with self.changed:
            enough = self.changed.wait_for(lambda: sum(one[1] == path for one in self.came) >= count, timeout_s)
        found = self.of(path)
        assert enough, f"{path}: {len(found)} of {count} came"
        return found

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, self._address, 0, limit=1 << 20, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        with self.changed:
            self.came.append((time.monotonic(), path, headers, body))
            self.changed.notify_all()
        how = self.status.get(path, path.split("/")[1])
        if how == "stuck":
            await asyncio.sleep(60)
        elif how == "drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(600):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)
        elif how == "drip-head":
            writer.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(600):
                writer.write(b"X: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.1)
        elif how == "giant":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10000000000\r\n\r\n")
            while True:
                writer.write(b"\0" * 65536)
                await writer.drain()
        elif how == "giant-head":
            writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"y" * 60000 + b"\r\n\r\n")
        elif how == "redirect":
            writer.write(f"HTTP/1.1 307 See\r\nLocation: {self.url('/ok/redirected')}\r\nContent-Length: 0\r\n\r\n".encode())
        elif how == "429":
            writer.write(b"HTTP/1.1 429 Later\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n")
        elif how == "odd":
            writer.write(b"HTTP/1.1 200 <b>\xff\r\nX-Odd: \xe7\x94\x1b[31m\r\nContent-Length: 28\r\n\r\n<script>\xff\xfe\0alert(1)</script>")
        elif how == "drop":
            return False
        else:
            status = int(how) if how.isdigit() else 200
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nhi".encode())
        await writer.drain()
        return how not in ("stuck", "drip", "giant", "drip-head")
