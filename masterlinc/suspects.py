"""What a process was at when it died goes on one after the other: one of it may be the cause, and is counted alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SECONDS = 5.0


class Suspects:
    """The turn of one suspect of a process; what has lived for some seconds holds the others up no longer."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._turn = asyncio.Lock()
        self.seconds = seconds

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait for the turn, and hold it until the block ends or the seconds are over."""
        await self._turn.acquire()
        held = True

        def pass_on() -> None:
            nonlocal held
            if held:
                held = False
                self._turn.release()

        over = asyncio.get_running_loop().call_later(self.seconds, pass_on)
        try:
            yield
        finally:
            over.cancel()
            pass_on()
