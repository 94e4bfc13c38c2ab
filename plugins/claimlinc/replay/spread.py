"""Many kept decisions on several processors: the span is cut, each process takes its parts, their counts are added."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from msgspec import Struct

from claimlinc import workers
from claimlinc.replay import kept
from claimlinc.replay.comparing import Compared
from claimlinc.replay.kept import END, START
from claimlinc.replay.running import Job, Part, compare_part, tally_part
from claimlinc.replay.tally import Tally
from masterlinc import wire
from masterlinc.context import Context

PART = 5_000  # decisions
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
    assert len(found) == len(parts), "a process that ends well has done its parts"
    for _, counts in sorted(found.items()):
        total.add(counts, job.sample)  # type: ignore[arg-type]  # all are of the job's kind
    return total


async def _spread(job: Job, parts: Sequence[Part], processes: int, take: Callable[[int, Counts], None]) -> None:
    numbered = list(enumerate(parts))
    works = [Work(job, share) for start in range(processes) if (share := numbered[start::processes])]

    def done(line: bytes) -> None:
        one = wire.load(line, Done)
        counts = one.tally or one.compared
        assert counts is not None, "a part is counted one way or the other"
        take(one.place, counts)

    await workers.share("claimlinc.replay.worker", [wire.encode(work) for work in works], done)
