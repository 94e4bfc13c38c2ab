"""Real receivers over real TLS: a syslog collector and an HTTPS endpoint, with certificates of a test authority."""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager


class Collector:
    """Takes RFC 5425 frames; `messages` are the texts behind the headers."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.came = asyncio.Event()
        self.connections = 0
        self.wait_for = 0

    @property
    def messages(self):
        return [json.loads(frame.split(b" - ", 1)[1]) for frame in self.frames]

    async def take(self, reader, writer):
        self.connections += 1
        try:
            while True:
                length = int(await reader.readuntil(b" "))
                self.frames.append(await reader.readexactly(length))
                if len(self.frames) >= self.wait_for:
                    self.came.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def until(self, count):
        self.wait_for = count
        if len(self.frames) < count:
            self.came.clear()
            async with asyncio.timeout(20):
                await self.came.wait()


class Endpoint:
    """Takes batches over HTTP/1.1; answers with the statuses that it is told, then 202."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.taken: list[tuple[dict[str, str], list[dict]]] = []
        self.asked: list[dict[str, str]] = []

    async def take(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                body = await reader.readexactly(int(headers["content-length"]))
                status = self.statuses.pop(0) if self.statuses else 202
                self.asked.append(headers)
                if status < 300:
                    self.taken.append((headers, json.loads(body)["events"]))
                writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()


class Talker:
    """Takes a batch and does not come to the end of its answer: of its head byte by byte, or of its body."""

    def __init__(self, head: bytes, part: bytes) -> None:
        self.head, self.part = head, part

    async def take(self, reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.head)
            while True:
                writer.write(self.part)
                await writer.drain()
                await asyncio.sleep(0.05)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def listening(receiver, authority, *, client_authority=None):
    """Serve a receiver on a port of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        client_authority.configure_trust(context)
    open_ones = set()

    async def take(reader, writer):
        task = asyncio.current_task()
        open_ones.add(task)
        task.add_done_callback(open_ones.discard)
        await receiver.take(reader, writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in open_ones.copy():
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
