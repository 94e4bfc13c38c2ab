"""kill -9 at every boundary of a step and inside of it: nothing is lost, nothing has its effect twice."""

import asyncio
import itertools
import os
import random
import time
from collections.abc import Iterator

import httpx
import pytest
from harness import SHAPES, tell
from sending import submit

from chaos.graphs import moments
from chaos.keeper import Keeper
from chaos.trial import PATIENCE, Trial

SHORT = 12
KILLS = int(os.environ.get("CHAOS_KILLS", SHORT))  # over all shapes
LONG = KILLS > SHORT
SEED = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
AT_ONCE = 4 if LONG else 2  # workflows that are under way
FROM_OUTSIDE = 5  # every so many kills one comes from outside, at a moment of its own
TOLD = 25  # every so many kills
TOKEN = 240.0  # seconds that a token surely holds
WITHIN = 10.0  # seconds until the work of a dead process is free for others
ENDED = """
SELECT array_agg(substring(business_key FROM '[^/]+$')) FROM masterlinc.workflow
WHERE title = 'chaos' AND status IN ('done', 'failed', 'parked')
"""


def orders(shape: str) -> Iterator[tuple[str, str]]:
    """Return what each workflow dies of, for ever; each shape begins elsewhere in the list."""
    ways = list(moments())
    tell(f"{shape}: CHAOS_SEED={SEED}")
    random.Random(SEED).shuffle(ways)
    start = len(ways) * SHAPES.index(shape) // len(SHAPES)
    return itertools.cycle(ways[start:] + ways[:start])


class Storm:
    """Workflows that kill, each run to its end with a claim beside it, until there were enough kills."""

    def __init__(self, trial: Trial, keeper: Keeper, kills: int) -> None:
        self._trial, self._keeper, self._kills = trial, keeper, kills
        self._ways, self._numbers = orders(trial.system.shape), itertools.count()
        self._ended: set[str] = set()

    async def run(self) -> None:
        """Let it come, with a client that stays signed in."""
        async with self._trial.client() as client, asyncio.TaskGroup() as beside:
            looking = beside.create_task(self._look(client))
            await asyncio.gather(self._strike(), self._report(), *(self._ask(client) for _ in range(AT_ONCE)))
            looking.cancel()

    async def _ask(self, client: httpx.AsyncClient) -> None:
        while self._keeper.kills < self._kills:
            key, (kind, order) = f"kill-{next(self._numbers)}", next(self._ways)
            claim = asyncio.create_task(submit(client, self._trial.system, key))
            await self._trial.ask(client, key, kind, order)
            await claim
            async with asyncio.timeout(PATIENCE):
                while key not in self._ended:
                    await asyncio.sleep(0.05)

    async def _look(self, client: httpx.AsyncClient) -> None:
        """See which workflows have ended, and renew the token."""
        since = time.monotonic()
        while True:
            self._ended.update(await self._trial.value(ENDED) or ())
            if time.monotonic() > since + TOKEN:
                await self._trial.sign_in(client)
                since = time.monotonic()
            await asyncio.sleep(0.05)

    async def _strike(self) -> None:
        """Kill from outside, at any moment."""
        chance = random.Random(os.urandom(8))
        for mark in range(min(FROM_OUTSIDE, self._kills - 1), self._kills, FROM_OUTSIDE):
            await self._keeper.until(mark)
            self._keeper.kill(chance.choice(self._trial.system.names))

    async def _report(self) -> None:
        for mark in range(TOLD, self._kills, TOLD):
            await self._keeper.until(mark)
            tell(f"{self._trial.system.shape}: {mark} of {self._kills} kills")


async def test_kills_at_every_moment_lose_and_double_nothing(trial: Trial) -> None:
    shape = trial.system.shape
    kills = KILLS // len(SHAPES) + (SHAPES.index(shape) < KILLS % len(SHAPES))
    async with Keeper(trial) as keeper:
        await Storm(trial, keeper, kills).run()
        await trial.calm()
        taken = await keeper.takeovers()
    await trial.settle()
    inside = trial.struck()
    assert not trial.missed()
    told = ", ".join(f"{count} {moment}" for moment, count in sorted(inside.items()))
    tell(f"{shape}: {keeper.kills} kills ({told}; {keeper.blows} blows from outside)")
    claims = len(trial.system.journal.acknowledged)
    tell(f"{shape}: {len(trial.told)} workflows and {claims} claims, nothing lost or doubled")
    if taken:
        tell(f"{shape}: {len(taken)} takeovers, the slowest after {max(taken):.1f} s")
        assert not LONG or max(taken) < WITHIN  # the short form runs on machines that do much else
    assert keeper.kills >= kills


async def test_a_step_that_kills_every_time_is_parked(trial: Trial) -> None:
    if trial.system.shape != "replicas" and not LONG:
        pytest.skip("in the short form with the replicas only")
    async with Keeper(trial) as keeper, trial.client() as client:
        await trial.ask(client, "poison", "poison", "deadly always unstored")
        await trial.ask(client, "beside", "plain")
        await keeper.until(3)  # the first start is not counted before it happens, two are
        await trial.calm()
    await trial.settle()
    assert keeper.kills == 3
