#!/usr/bin/python3 -B
"""forward.py FD HOST:PORT: takes connections from the listening socket FD and carries them to HOST:PORT.

The listener was made on the host, and this runs in the broker's namespace: so a browser on the host reaches the API.
"""
import asyncio
import socket
import sys


async def main(descriptor, host, port):
    async def carry(near_reader, near_writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            near_writer.close()
            return
        await asyncio.gather(pump(near_reader, far_writer), pump(far_reader, near_writer))

    server = await asyncio.start_server(carry, sock=socket.socket(fileno=descriptor))
    async with server:
        await server.serve_forever()


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


if __name__ == "__main__":
    HOST, _, PORT = sys.argv[2].rpartition(":")
    asyncio.run(main(int(sys.argv[1]), HOST, int(PORT)))
