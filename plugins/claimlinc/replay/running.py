"""Going through many kept decisions in little memory: a page in a read-only transaction, then a few at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from msgspec import Struct

from claimlinc.replay import judging, kept
from claimlinc.replay.comparing import Compared
from claimlinc.replay.judging import Differing, Opened
from claimlinc.replay.kept import END, START, Place, Span
from claimlinc.replay.schemas import Overrides
from claimlinc.replay.tally import Tally
from claimlinc.replay.versions import Versions
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction

PAGE = 200
SLICE = 10  # claims that are decided before others may have the processor


class Job(Struct, frozen=True):
    """What is decided again, on what, and how many changed claims are kept to be shown."""

    span: Span
    overrides: Overrides | None = None  # None: on what was kept, and byte for byte
    sample: int = 20


class Part(NamedTuple):
    """A part of a span: after one place, up to another."""

    after: Place = START
    last: Place = END


ReadPage = Callable[[Transaction, Span, Place, Place, int], Awaitable[list[Any]]]


async def pages(ctx: Context, span: Span, part: Part, read: ReadPage) -> AsyncIterator[list[Any]]:
    """Read a part page by page; no transaction is open between two of them."""
    after = part.after
    while True:
        async with ctx.transaction(read_only=True) as tx:
            rows = await read(tx, span, after, part.last, PAGE)
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = Place(rows[-1]["decided_at"], rows[-1]["id"])


async def compare_part(ctx: Context, job: Job, part: Part = Part()) -> Compared:  # noqa: B008 - an immutable whole
    """Decide the claims of a part as they were decided, and compare every byte."""
    compared = Compared()
    async for rows in pages(ctx, job.span, part, kept.whole_page):
        async with ctx.transaction(read_only=True) as tx:
            lines = await kept.lines_of(tx, job.span.payer, [row["id"] for row in rows])
        for start in range(0, len(rows), SLICE):
            for one in judging.opened(ctx.vault, job.span.payer, rows[start : start + SLICE]):
                compared.count(one, lines.get(one.row["id"], ()), job.sample)
            await asyncio.sleep(0)
    return compared


async def tally_part(ctx: Context, job: Job, part: Part = Part()) -> Tally:  # noqa: B008 - an immutable whole
    """Decide the claims of a part on other terms and count what differs."""
    overrides = job.overrides or Overrides()
    tally, versions = Tally(), Versions(ctx, overrides)
    async for rows in pages(ctx, job.span, part, kept.figures_page):
        claims = await versions.replaced(judging.opened(ctx.vault, job.span.payer, rows))
        found = [one async for one in _differing(claims, overrides)]
        changes = []
        if found:
            async with ctx.transaction(read_only=True) as tx:
                lines = await kept.lines_of(tx, job.span.payer, [one.row["id"] for one in found])
            changes = [judging.change(job.span.payer, one, lines.get(one.row["id"], ())) for one in found]
        tally.count(len(rows), changes, job.sample)
    return tally


async def _differing(claims: list[Opened], overrides: Overrides) -> AsyncIterator[Differing]:
    for start in range(0, len(claims), SLICE):
        for one in judging.differing(claims[start : start + SLICE], overrides):
            yield one
        await asyncio.sleep(0)
