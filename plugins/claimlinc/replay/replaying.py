"""Past decisions of some or all payers made again by a command; only the audit row of the run is written."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from claimlinc.replay import checking, kept, spread
from claimlinc.replay.comparing import Compared
from claimlinc.replay.figures import AMOUNTS
from claimlinc.replay.kept import Span
from claimlinc.replay.running import Job
from claimlinc.replay.schemas import Overrides, Simulation, SimulationForm
from claimlinc.replay.simulating import simulation
from claimlinc.replay.tally import Tally
from masterlinc import ids, wire
from masterlinc.context import Context

Tell = Callable[[int, int], None]


class Asked(Struct, frozen=True):
    """What a command asks for; without overrides every byte is compared."""

    payers: tuple[UUID, ...] = ()
    claims: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    overrides: Overrides | None = None
    sample: int = 20
    processes: int = 2


class Replayed(Struct):
    """What was found: a comparison, or with other terms a simulation."""

    compared: Compared | None = None
    simulated: Simulation | None = None

    @property
    def differs(self) -> bool:
        """Say whether a decision by the same versions was not made again as it was kept."""
        return self.compared is not None and self.compared.different > self.compared.other_versions


def asked(  # noqa: PLR0913 - a command line has this many facts
    *,
    payers: Sequence[str],
    claims: Sequence[str] | None,
    since: str | None,
    until: str | None,
    overrides: bytes | None,
    policy_version: str | None,
    sample: int,
    processes: int,
) -> Asked:
    """Read what a command line asks for; raises Invalid with every fault."""
    other = wire.decode(overrides, Overrides) if overrides is not None else None
    if policy_version is not None:
        other = replace(other or Overrides(), policy_version=policy_version)
    numbers = None if claims is None else tuple(claims)
    form = SimulationForm(since=since, until=until, claim_ids=numbers, overrides=other)
    start, end = checking.span_of(form)
    keys = tuple(ids.parse("ORG", text) for text in payers)
    return Asked(keys, numbers, start, end, other, max(0, sample), max(1, processes))


async def replay(ctx: Context, wanted: Asked, tell: Tell = lambda *_: None) -> Replayed:
    """Make the decisions again, one payer after the other."""
    if wanted.payers:
        payers = list(wanted.payers)
    else:
        async with ctx.transaction(read_only=True) as tx:
            payers = await kept.payers(tx)
    compared, tally, before = Compared(), Tally(), dict.fromkeys(("claims", *AMOUNTS), 0)
    for payer in payers:
        acting = ctx.acting_for(payer)
        span, sums = await _begin(acting, payer, wanted)
        for name in before:
            before[name] += sums[name]
        job, done = Job(span, wanted.overrides, wanted.sample), compared.claims + tally.claims
        counts = await spread.count(
            acting,
            job,
            wanted.processes,
            lambda more, done=done: tell(done + more, int(before["claims"])),  # type: ignore[misc]
        )
        if isinstance(counts, Compared):
            compared.add(counts, wanted.sample)
        else:
            tally.add(counts, wanted.sample)
    if wanted.overrides is None:
        return Replayed(compared=compared)
    return Replayed(simulated=simulation(tally, before))


async def _begin(ctx: Context, payer: UUID, wanted: Asked) -> tuple[Span, Any]:
    """Count what is to be done of a payer, and leave the audit row of the run: the only thing that is written."""
    async with ctx.transaction() as tx:
        chosen = None
        if wanted.claims is not None:
            found = await kept.decisions_of_claims(tx, payer, checking.claim_keys(wanted.claims))
            chosen = tuple(decision for _, decision in found)
        span = Span(payer, wanted.since, wanted.until, chosen, last_only=wanted.overrides is not None)
        sums = await kept.counted(tx, span)
        tx.audit(
            "adjudication.replay",
            "decision",
            "",
            organization_id=payer,
            detail={"claims": str(sums["claims"]), "other_terms": str(wanted.overrides is not None).lower()},
        )
    return span, sums
