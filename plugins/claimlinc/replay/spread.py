"""Many kept decisions on several processors: the span is cut, each process takes its parts, their counts are added."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise

from msgspec import Struct

from claimlinc.replay import kept
from claimlinc.replay.comparing import Compared
from claimlinc.replay.kept import END, START
from claimlinc.replay.running import Job, Part, compare_part, tally_part
from claimlinc.replay.tally import Tally
from masterlinc import wire
from masterlinc.context import Context
from masterlinc.errors import StartupError

PART = 5_000  # decisions
_WORKER = (sys.executable, "-m", "claimlinc.replay.worker")
_LONGEST_LINE = 16 * 1024 * 1024
Counts = Tally | Compared
Tell = Callable[[int], None]


class Work(Struct, frozen=True):
    """What one process does: the parts of a job, each with its place among all."""

    job: Job
    parts: list[tuple[int, Part]]


class Done(Struct, frozen=True):
    """What a process counted of one part."""

    place: int
    tally: Tally | None = None
    compared: Compared | None = None


async def count_part(ctx: Context, job: Job, part: Part) -> Counts:
    """Count one part here."""
    return await (compare_part(ctx, job, part) if job.overrides is None else tally_part(ctx, job, part))


async def count(ctx: Context, job: Job, processes: int, tell: Tell) -> Counts:
    """Count a whole job; `tell` is told how many decisions are done."""
    async with ctx.transaction(read_only=True) as tx:
        cuts = await kept.bounds(tx, job.span, PART)
    places = [START, *cuts, END]
    parts = [Part(after, last) for after, last in pairwise(places)]
    total: Counts = Compared() if job.overrides is None else Tally()
    found: dict[int, Counts] = {}
    done = 0

    def take(place: int, counts: Counts) -> None:
        nonlocal done
        found[place] = counts
        done += counts.claims
        tell(done)

    if processes <= 1 or len(parts) == 1:
        for place, part in enumerate(parts):
            take(place, await count_part(ctx, job, part))
    else:
        await _spread(job, parts, processes, take)
    for _, counts in sorted(found.items()):
        total.add(counts, job.sample)  # type: ignore[arg-type]  # all are of the job's kind
    return total


async def _spread(job: Job, parts: Sequence[Part], processes: int, take: Callable[[int, Counts], None]) -> None:
    numbered = list(enumerate(parts))
    shares = [share for start in range(processes) if (share := numbered[start::processes])]
    children: list[Process] = []
    try:
        while len(children) < len(shares):
            children.append(
                await asyncio.create_subprocess_exec(*_WORKER, stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE)
            )
        async with asyncio.TaskGroup() as group:
            for child, share in zip(children, shares, strict=True):
                group.create_task(_follow(child, Work(job, share), take))
    finally:
        for child in children:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _follow(child: Process, work: Work, take: Callable[[int, Counts], None]) -> None:
    assert child.stdin is not None and child.stdout is not None, "both are pipes"  # noqa: PT018 - one fact
    child.stdin.write(wire.encode(work))
    child.stdin.close()
    left = len(work.parts)
    while line := await child.stdout.readline():
        done = wire.load(line, Done)
        counts = done.tally or done.compared
        assert counts is not None, "a part is counted one way or the other"
        take(done.place, counts)
        left -= 1
    if await child.wait() or left:
        raise StartupError(f"a process of the replay ended with {child.returncode} and {left} parts undone")
