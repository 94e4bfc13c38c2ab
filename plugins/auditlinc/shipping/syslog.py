"""Syslog over TLS: RFC 5424 messages in the frames of RFC 5425.

The receiver acknowledges nothing: what its machine lost after TCP had taken it is not sent again.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from auditlinc.config import Siem
from auditlinc.shipping.messages import Message

_FACILITY = 13 * 8  # log audit
_WARNING, _INFO = 4, 6


class Syslog:
    """A connection that is opened when it is needed, and again after it was lost."""

    def __init__(self, siem: Siem, context: ssl.SSLContext) -> None:
        self._siem, self._context = siem, context
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._host = socket.gethostname()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send a batch; raises OSError or TimeoutError."""
        try:
            async with asyncio.timeout(self._siem.deadline_seconds):
                _, writer = await self._connected()
                writer.write(b"".join(framed(message, self._host) for message in messages))
                await writer.drain()
        except BaseException:
            self._cut()
            raise

    async def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            _, writer = self._streams
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            self._cut()
            siem = self._siem
            self._streams = await asyncio.open_connection(siem.host, siem.port, ssl=self._context)
        return self._streams

    def _cut(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def framed(message: Message, host: str) -> bytes:
    """Return a message with its length before it."""
    priority = _FACILITY + (_WARNING if message.refused else _INFO)
    at = message.at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    line = f"<{priority}>1 {at} {_word(host)} masterlinc {os.getpid()} {_word(message.name)} - {message.text}".encode()
    return b"%d %b" % (len(line), line)


def _word(text: str) -> str:
    """Return a text as a field of the header: printable ASCII without spaces, or none."""
    return "".join(letter for letter in text if "!" <= letter <= "~") or "-"
