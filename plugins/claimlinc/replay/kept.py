"""Reading kept decisions: in the order in which they were made, page by page, of one payer, and nothing is written."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from masterlinc.db.transaction import Transaction

# As `figures.spell` writes a decision that was just made.
FIGURES = """
coalesce((SELECT string_agg(concat_ws(' ', l.sequence, l.outcome, coalesce(l.denial_code, '-'), l.allowed, l.deductible,
        l.copay, l.tax, l.payer_share, l.patient_share), E'\\n' ORDER BY l.sequence)
    FROM claimlinc.decision_line l WHERE l.organization_id = d.organization_id AND l.decision_id = d.id), '')"""
_OLDEST = datetime.min.replace(tzinfo=UTC)
_NEWEST = datetime.max.replace(tzinfo=UTC)

# A claim that was decided more than once counts as it was decided last; what was cancelled or replaced does not count.
_LAST = """
d.use = 'claim' AND NOT EXISTS (SELECT FROM claimlinc.decision n
    WHERE n.organization_id = d.organization_id AND n.provider_license = d.provider_license
        AND n.identifier_system = d.identifier_system AND n.identifier_value = d.identifier_value
        AND n.provider_organization_id IS NOT DISTINCT FROM d.provider_organization_id AND n.number > d.number)
    AND NOT EXISTS (SELECT FROM claimlinc.decision_end e
        WHERE e.organization_id = d.organization_id AND e.decision_id = d.id)"""
_IN_SPAN = (
    "d.organization_id = $1 AND d.decided_at >= $2 AND d.decided_at < $3 AND ($4::uuid[] IS NULL OR d.id = ANY ($4))"
)
_PAGE = " AND (d.decided_at, d.id) > ($5, $6) AND (d.decided_at, d.id) <= ($7, $8) ORDER BY d.decided_at, d.id LIMIT $9"
_SUMS = ", ".join(
    f"coalesce(sum(d.{name}), 0) AS {name}"
    for name in ("allowed", "deductible", "copay", "tax", "payer_share", "patient_share")
)
_CLAIMS = """
SELECT asked.place, d.id FROM unnest($2::uuid[]) WITH ORDINALITY AS asked (id, place)
JOIN claimlinc.claim c ON c.id = asked.id
JOIN claimlinc.decision d ON d.organization_id = $1 AND d.provider_license = coalesce(c.provider_license, '')
    AND d.identifier_system = c.identifier_system AND d.identifier_value = c.identifier_value
    AND d.provider_organization_id = c.organization_id
"""


class Span(Struct, frozen=True):
    """Which decisions of a payer: those made from `since` to before `until`, or of these alone."""

    payer: UUID
    since: datetime | None = None
    until: datetime | None = None
    decisions: tuple[UUID, ...] | None = None
    last_only: bool = False  # of each claim the last decision; else every one

    def arguments(self) -> list[Any]:
        """Return the arguments that every query on a span begins with."""
        chosen = None if self.decisions is None else list(self.decisions)
        return [self.payer, self.since or _OLDEST, self.until or _NEWEST, chosen]


class Place(NamedTuple):
    """A place in the order of decisions."""

    decided_at: datetime
    id: UUID


START, END = Place(_OLDEST, UUID(int=0)), Place(_NEWEST, UUID(int=(1 << 128) - 1))


async def counted(tx: Transaction, span: Span) -> Any:
    """Return how many decisions a span holds, and what they come to."""
    sql = f"SELECT count(*) AS claims, {_SUMS} FROM claimlinc.decision d WHERE {_where(span)}"  # noqa: S608 - our own words
    return await tx.fetchrow(sql, *span.arguments())


async def counted_to(tx: Transaction, span: Span, most: int) -> int:
    """Count the decisions of a span, to `most` and no further."""
    sql = f"SELECT count(*) FROM (SELECT FROM claimlinc.decision d WHERE {_where(span)} LIMIT $5) AS counted"  # noqa: S608 - our own words
    found: int = await tx.fetchval(sql, *span.arguments(), most)
    return found


async def bounds(tx: Transaction, span: Span, size: int) -> list[Place]:
    """Return the last place of every `size` decisions of a span: where it can be cut."""
    sql = f"""
    SELECT decided_at, id FROM (
        SELECT d.decided_at, d.id, row_number() OVER (ORDER BY d.decided_at, d.id) AS place
        FROM claimlinc.decision d WHERE {_where(span)}) AS placed
    WHERE place % $5 = 0 ORDER BY place"""  # noqa: S608 - our own words
    return [Place(*row) for row in await tx.fetch(sql, *span.arguments(), size)]


async def figures_page(tx: Transaction, span: Span, after: Place, last: Place, size: int) -> list[Any]:
    """Return the next decisions with what they were made on and their lines' figures as one text."""
    sql = f"""
    SELECT d.id, d.decided_at, d.provider_organization_id, d.provider_license, d.identifier_value, d.member_id,
        d.outcome, d.payer_share, d.patient_share, d.rules_version, b.facts, b.submission, {FIGURES} AS figures
    FROM claimlinc.decision d
    JOIN claimlinc.decision_basis b ON b.organization_id = d.organization_id AND b.decision_id = d.id
    WHERE {_where(span)}{_PAGE}"""  # noqa: S608 - our own words
    return await tx.fetch(sql, *span.arguments(), *after, *last, size)


async def whole_page(tx: Transaction, span: Span, after: Place, last: Place, size: int) -> list[Any]:
    """Return the next decisions whole, with what they were made on; their lines are read by `lines_of`."""
    sql = f"""
    SELECT d.*, b.facts, b.submission FROM claimlinc.decision d
    JOIN claimlinc.decision_basis b ON b.organization_id = d.organization_id AND b.decision_id = d.id
    WHERE {_where(span)}{_PAGE}"""  # noqa: S608 - our own words
    return await tx.fetch(sql, *span.arguments(), *after, *last, size)


async def lines_of(tx: Transaction, payer: UUID, decisions: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """Return the lines of some decisions, by decision and in order."""
    sql = """
    SELECT * FROM claimlinc.decision_line WHERE organization_id = $1 AND decision_id = ANY ($2)
    ORDER BY decision_id, sequence"""
    found: dict[UUID, list[Any]] = {}
    for row in await tx.fetch(sql, payer, list(decisions)):
        found.setdefault(row["decision_id"], []).append(row)
    return found


async def decisions_of_claims(tx: Transaction, payer: UUID, claims: Sequence[UUID]) -> list[tuple[int, UUID]]:
    """Return the payer's decisions on claims, each with the place of its claim in the list, from 0 on."""
    rows = await tx.fetch(_CLAIMS, payer, list(claims))
    return [(row["place"] - 1, row["id"]) for row in rows]


async def payers(tx: Transaction) -> list[UUID]:
    """Return every payer that has decided: ids only, in any scope."""
    return [row[0] for row in await tx.fetch("SELECT * FROM claimlinc.deciding_payers()")]


def _where(span: Span) -> str:
    return f"{_IN_SPAN} AND {_LAST}" if span.last_only else _IN_SPAN
