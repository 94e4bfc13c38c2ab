"""How long an application of the tests lives: as long as the test, or the fixture, that started it.

A run starts hundreds of them in one process. Each polls, beats and holds connections; all of them together made the
last tests of a run ten times slower than the first ones.
"""

import asyncio
import gc
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

_setting_up: list[str] = []  # the scopes of the fixtures that are being set up, the innermost last
_held: dict[str, list[tuple[asyncio.Event, "asyncio.Task[None]"]]] = defaultdict(list)
_UNTIL = {"function": "function", "class": "module", "module": "module", "package": "session", "session": "session"}


@contextmanager
def setting_up(scope: str) -> Iterator[None]:
    """Note that a fixture of a scope is being set up."""
    _setting_up.append(scope)
    try:
        yield
    finally:
        _setting_up.pop()


def asked_for() -> str:
    """Return the scope of the fixture that asks, or that of a test."""
    return _UNTIL[_setting_up[-1]] if _setting_up else "function"


def keep(scope: str, stop: asyncio.Event, task: "asyncio.Task[None]") -> None:
    """Have a task be told to stop, and waited for, when its scope ends."""
    _held[scope].append((stop, task))


def spare(scope: str) -> None:
    """Have no collection of garbage walk what lives to the end of the run: it halts the loop for longer and longer."""
    if scope == "session":
        gc.collect()
        gc.freeze()


async def end(scope: str) -> None:
    """Stop what lives in a scope."""
    ended = _held.pop(scope, [])
    for stop, _ in ended:
        stop.set()
    await asyncio.gather(*(task for _, task in ended))
