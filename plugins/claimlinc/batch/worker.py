"""One process of a batch: reads its work from standard input, and writes what each chunk came to."""

import asyncio
import sys

from claimlinc.batch.running import Summary, Work, run
from masterlinc import runtime, wire
from masterlinc.context import Context
from masterlinc.registry import assemble, discover
from masterlinc.security.principal import service_principal
from masterlinc.settings import load


async def work(given: bytes) -> None:
    """Decide a share of a file."""
    ours, settings = wire.load(given, Work), load()
    runtime.settle()
    async with runtime.opened(settings, assemble(settings, *discover())) as services:
        payer = service_principal("claimlinc", frozenset({ours.payer}))
        await run(Context("claimlinc", services, payer, trace_id="batch"), ours, _tell)


def _tell(done: Summary) -> None:
    sys.stdout.buffer.write(wire.encode(done) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(work(sys.stdin.buffer.read()))
