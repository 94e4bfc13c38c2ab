"""A whole file decided, by one process or by several that share its persons."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from claimlinc import workers
from claimlinc.batch.deciding import CHUNK, Outcome, decide_chunks
from claimlinc.batch.files import Share, read
from masterlinc import wire
from masterlinc.context import Context
from masterlinc.errors import FieldError

_SHOWN = 100
Tell = Callable[["Summary"], None]


class Refusal(Struct, frozen=True):
    """A submission that could not be decided, and why."""

    line: int
    claim_number: str
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


class Summary(Struct):
    """What became of a file's submissions."""

    decided: int = 0
    kept: int = 0  # decided before: by an earlier run, or as a message
    refused: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)  # of those decided now
    payer_share: Decimal = Decimal("0.00")
    refusals: list[Refusal] = field(default_factory=list)

    def count(self, one: Outcome) -> None:
        """Count a submission."""
        if one.decided is None:
            self.refused += 1
            self.refusals += [_refusal(one)][: _SHOWN - len(self.refusals)]
        elif one.kept:
            self.kept += 1
        else:
            self.decided += 1
            outcome = one.decided.decision.outcome.value
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
            self.payer_share += one.decided.decision.totals.payer_share

    def add(self, other: "Summary") -> None:
        """Add what another process did."""
        self.decided += other.decided
        self.kept += other.kept
        self.refused += other.refused
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.payer_share += other.payer_share
        self.refusals += other.refusals[: max(0, _SHOWN - len(self.refusals))]


class Work(Struct, frozen=True):
    """What one process does: its share of a file, for a payer."""

    file: str
    payer: UUID
    share: Share = Share()
    chunk: int = CHUNK


async def run(ctx: Context, work: Work, tell: Tell) -> None:
    """Decide a share of a file; `tell` is told what each chunk came to, once it is committed."""
    requests = read(Path(work.file), work.payer, work.share)
    async for outcomes in decide_chunks(ctx, requests, work.chunk):
        done = Summary()
        for one in outcomes:
            done.count(one)
        tell(done)


async def spread(work: Work, processes: int, tell: Tell) -> None:
    """Decide a file by several processes, a share each; run again after a fault, it goes on from there."""
    works = [wire.encode(replace(work, share=Share(number, processes))) for number in range(processes)]
    await workers.share("claimlinc.batch.worker", works, lambda line: tell(wire.load(line, Summary)))


def _refusal(one: Outcome) -> Refusal:
    assert one.refusal is not None, "what has no decision has a reason"
    number = one.request.submission.identifier.value
    return Refusal(getattr(one.request, "line", 0), number, one.refusal.code, one.refusal.detail, one.refusal.errors)
