"""One process of a replay: reads its work from standard input, and writes what it counted, a line for each part."""

import asyncio
import sys

from claimlinc.replay.comparing import Compared
from claimlinc.replay.spread import Done, Work, count_part
from masterlinc import runtime, wire
from masterlinc.context import Context
from masterlinc.registry import assemble, discover
from masterlinc.security.principal import service_principal
from masterlinc.settings import load


async def work(given: bytes) -> None:
    """Count every part of the work."""
    ours, settings = wire.load(given, Work), load()
    runtime.settle()
    async with runtime.opened(settings, assemble(settings, *discover())) as services:
        payer = service_principal("claimlinc", frozenset({ours.job.span.payer}))
        ctx = Context("claimlinc", services, payer, trace_id="replay")
        for place, part in ours.parts:
            counts = await count_part(ctx, ours.job, part)
            done = Done(place, compared=counts) if isinstance(counts, Compared) else Done(place, tally=counts)
            sys.stdout.buffer.write(wire.encode(done) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(work(sys.stdin.buffer.read()))
