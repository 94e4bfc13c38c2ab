"""Processes that share the work of a command: each is a module that reads its work and writes a line for each step."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress

from masterlinc.errors import StartupError

_LONGEST_LINE = 16 * 1024 * 1024


async def share(module: str, works: Sequence[bytes], take: Callable[[bytes], None]) -> None:
    """Start a process for each piece of work, and hand each line that one writes to `take`; raises StartupError."""
    children: list[Process] = []
    try:
        while len(children) < len(works):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE
            )
            children.append(child)
        async with asyncio.TaskGroup() as group:
            for child, work in zip(children, works, strict=True):
                group.create_task(_follow(child, work, take))
    finally:
        for child in children:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _follow(child: Process, work: bytes, take: Callable[[bytes], None]) -> None:
    assert child.stdin is not None, "it is a pipe"
    assert child.stdout is not None, "it is a pipe"
    child.stdin.write(work)
    child.stdin.close()
    while line := await child.stdout.readline():
        take(line)
    if await child.wait():
        raise StartupError(f"a process of this command ended with {child.returncode}; run it again")
