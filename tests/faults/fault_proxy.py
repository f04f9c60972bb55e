"""A bad network: a proxy on loopback that delays, cuts, goes down, or stops forwarding without a word; and one that knows WebSocket's frames and
sends some twice, out of order, or again much later, or is cut or half-open from one on. TLS is end to end, so the second is for a
gateway without it."""
import asyncio
import random
import threading

UP, DOWN = "up", "down"  # from the agent, to it


class FaultProxy:
    """Listens at `address`. Owns: a thread. What is set is in force from the next bytes on."""

    def __init__(self, upstream, tls=None):
        """`tls`: an ssl.SSLContext; who connects speaks TLS to it."""
        self._upstream = upstream
        self.drops = frozenset()  # directions in which everything vanishes, ends included
        self.delay_s = 0.0  # of everything, each way
        self.cut_at_once = 0  # so many of the next connections end before anything has passed
        self._writers = set()
        self._up = asyncio.Event()
        self._up.set()
        self._refuses = False
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls), self._loop).result()
        self.address = server.sockets[0].getsockname()[:2]

    def cut(self):
        """All connections, at once."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._writers])

    def go_down(self, cuts):
        """Nothing passes until come_up(). With `cuts` all connections end, and new ones at once; else what is sent waits, as what TCP
        sends again."""
        self._refuses = cuts
        self._loop.call_soon_threadsafe(self._up.clear)
        if cuts:
            self.cut()

    def come_up(self):
        self._refuses = False
        self._loop.call_soon_threadsafe(self._up.set)

    async def _serve(self, reader, writer):
        if self._refuses:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        if self.cut_at_once > 0:
            self.cut_at_once -= 1
            self._loop.call_later(self.delay_s / 2, lambda: [end.transport.abort() for end in ends])
        self._writers |= ends
        lost = set()  # directions in which everything vanishes, of this connection
        try:
            await asyncio.gather(self._pump(reader, far_writer, UP, lost), self._pump(far_reader, writer, DOWN, lost))
        except (OSError, asyncio.IncompleteReadError):
            pass
        self._writers -= ends
        for end in ends:
            end.transport.abort()

    async def _pump(self, reader, writer, direction, lost):
        while data := await reader.read(65536):
            await self._forward(data, writer, direction, lost)
        if direction not in self.drops:
            writer.close()

    async def _forward(self, data, writer, direction, lost):
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self._up.wait()
        if direction not in self.drops | lost:
            writer.write(data)
            await writer.drain()


class FrameProxy(FaultProxy):
    """Of each direction's messages the `share` is sent twice, as many change places with the next, as many are sent again later, over
    the same connection: TLS lets no message of one into another, and the numbers of work begin anew with each. With as many the
    connection is cut, and with as many it becomes half-open: they are lost with it."""

    HOLD_S = 0.05  # for the next one
    MEMORY = 1000  # messages

    def __init__(self, upstream, seed, share=0.05):
        self._random = random.Random(seed)
        self._share = share
        self.done = {"twice": 0, "out of order": 0, "replayed": 0, "cut": 0, "half-open": 0}
        super().__init__(upstream)

    async def _pump(self, reader, writer, direction, lost):
        try:
            await self._pump_frames(reader, writer, direction, lost)
        except asyncio.IncompleteReadError:
            if not lost:  # of a half-open one the other side does not hear the end
                raise

    async def _pump_frames(self, reader, writer, direction, lost):
        await self._forward(await reader.readuntil(b"\r\n\r\n"), writer, direction, lost)
        held = []
        past = []

        def let_go():
            while held and not lost and not writer.is_closing():
                writer.write(held.pop())

        while True:
            frame = await self._frame(reader)
            chance = self._random.random()
            if frame[0] & 15 != 1:
                chance = 1.0  # a close is a close
            elif chance < self._share and not held:
                self.done["out of order"] += 1
                held.append(frame)
                self._loop.call_later(self.HOLD_S, let_go)
                continue
            elif 3 * self._share <= chance < 4 * self._share:
                self.done["cut"] += 1
                raise ConnectionAbortedError
            elif 4 * self._share <= chance < 5 * self._share and not lost:
                self.done["half-open"] += 1
                lost.update((UP, DOWN))
            await self._forward(frame, writer, direction, lost)
            let_go()
            if self._share <= chance < 2 * self._share:
                self.done["twice"] += 1
                await self._forward(frame, writer, direction, lost)
            elif 2 * self._share <= chance < 3 * self._share and past:
                self.done["replayed"] += 1
                await self._forward(self._random.choice(past), writer, direction, lost)
            past = past[-self.MEMORY:] + [frame]

    @staticmethod
    async def _frame(reader):
        """The bytes of the next one, as they came."""
        head = await reader.readexactly(2)
        size = head[1] & 127
        if size >= 126:
            more = await reader.readexactly(2 if size == 126 else 8)
            head, size = head + more, int.from_bytes(more, "big")
        return head + await reader.readexactly(size + (4 if head[1] & 128 else 0))
