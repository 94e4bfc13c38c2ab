"""A Redis that can be killed, emptied and started again at the same place."""

import contextlib
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis

from masterlinc.testing_servers import start_valkey


class RedisServer:
    """One server in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = start_valkey(folder, folder / "redis")
        self.url = self._server.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def flush(self) -> None:
        """Forget everything."""
        with contextlib.closing(Redis.from_url(self.url)) as client:
            client.flushall()

    def kill(self) -> None:
        """End it at once; it keeps nothing."""
        with contextlib.closing(Redis.from_url(self.url)) as client:
            os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
        self._server.stop()

    def start(self) -> None:
        """Start it again, empty."""
        self._server = start_valkey(self._folder, self._folder / "redis")

    def event_ids(self, stream: str) -> set[str]:
        """Return the ids of the events that are in a stream."""
        with contextlib.closing(Redis.from_url(self.url, decode_responses=True)) as client:
            return {fields["id"] for _, fields in client.xrange(stream)}
