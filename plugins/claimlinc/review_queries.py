"""Cases of review in the database: each is locked before it moves, and every move appends a step."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from claimlinc.writes import Row
from masterlinc.db.transaction import Transaction
from masterlinc.http.paging import count_sql

_COLUMNS = (
    "r.organization_id, r.id, r.provider_organization_id, r.provider_license, r.identifier_system, r.identifier_value,"
    " r.decision_id, r.member_id, r.cause, r.reissue_reason, r.state, r.state_at, r.version, r.assigned_to,"
    " r.escalated_at, r.opened_at, r.due_at"
)
_IS_OPEN = "r.state IN ('pended', 'information_requested', 'second_review', 'appealed')"
_FILTERS = {
    "open": "true",
    "mine": "r.assigned_to = $2",
    "unassigned": "r.assigned_to IS NULL",
    "escalated": "r.escalated_at IS NOT NULL",
    "due": "r.due_at <= $3",
}
FILTERS = tuple(_FILTERS)
_INSERT = """
INSERT INTO claimlinc.review_case (organization_id, id, provider_organization_id, provider_license, identifier_system,
    identifier_value, decision_id, member_id, cause, state, state_at, version, opened_at, due_at)
SELECT d.organization_id, $2, d.provider_organization_id, d.provider_license, d.identifier_system, d.identifier_value,
    d.id, d.member_id, $4, d.outcome, $5, 1, $5, $6
FROM claimlinc.decision d WHERE d.organization_id = $1 AND d.id = $3
ON CONFLICT DO NOTHING
"""
_SAME = """
FROM claimlinc.review_case r JOIN claimlinc.decision d ON d.organization_id = r.organization_id
    AND d.provider_organization_id IS NOT DISTINCT FROM r.provider_organization_id
    AND d.provider_license = r.provider_license AND d.identifier_system = r.identifier_system
    AND d.identifier_value = r.identifier_value
"""
_MOVE = """
UPDATE claimlinc.review_case SET state = $3, state_at = $4, version = version + 1, decision_id = $5, cause = $6,
    reissue_reason = $7, assigned_to = $8, escalated_at = $9, opened_at = $10, due_at = $11
WHERE organization_id = $1 AND id = $2
"""
_STEP = """
INSERT INTO claimlinc.review_step (organization_id, case_id, number, provider_organization_id, event, role, state,
    actor, decision_id, shared, said, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


class Wanted(NamedTuple):
    """Which open cases are wanted, by whom and when."""

    show: str
    user: UUID
    now: datetime


async def open_case(tx: Transaction, row: Row) -> None:
    """Open a case on a decision, in the decision's state, unless its submission has one."""
    await tx.execute(_INSERT, *row)


async def case_of(tx: Transaction, payer: UUID, decision_id: UUID) -> Any:
    """Lock the case of a decision's submission and return it, or None."""
    return await tx.fetchrow(
        f"SELECT {_COLUMNS} {_SAME} WHERE d.organization_id = $1 AND d.id = $2 FOR NO KEY UPDATE OF r",
        payer,
        decision_id,
    )


async def case(tx: Transaction, payer: UUID, case_id: UUID, *, lock: bool = False) -> Any:
    """Return a case of a payer, or None; locked where it is going to move."""
    return await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM claimlinc.review_case r WHERE r.organization_id = $1 AND r.id = $2"  # noqa: S608 - our own words
        + (" FOR NO KEY UPDATE" if lock else ""),
        payer,
        case_id,
    )


async def cases(tx: Transaction, payer: UUID, wanted: Wanted, page: tuple[int, int]) -> tuple[list[Any], int]:
    """Return a page of the open cases with their decisions' figures, the oldest due first, and how many there are."""
    found = (
        f"FROM claimlinc.review_case r WHERE r.organization_id = $1 AND {_IS_OPEN} AND {_FILTERS[wanted.show]}"
        " AND ($2::uuid IS NOT NULL OR $3::timestamptz IS NOT NULL)"  # every filter takes the same arguments
    )
    rows = await tx.fetch(
        f"SELECT {_COLUMNS}, d.number, d.use, d.billed, d.payer_share FROM (SELECT r.* {found}"  # noqa: S608 - our own words
        " ORDER BY r.due_at, r.id LIMIT $4 OFFSET $5) AS r"
        " JOIN claimlinc.decision d ON d.organization_id = r.organization_id AND d.id = r.decision_id"
        " ORDER BY r.due_at, r.id",
        payer,
        wanted.user,
        wanted.now,
        *page,
    )
    counted: int = await tx.fetchval(count_sql(f"SELECT 1 {found}"), payer, wanted.user, wanted.now)
    return rows, counted


async def move(tx: Transaction, row: Row) -> None:
    """Write a case's new state; the row must be locked."""
    await tx.execute(_MOVE, *row)


async def add_step(tx: Transaction, row: Row) -> None:
    """Append what happened to a case."""
    await tx.execute(_STEP, *row)


async def next_step(tx: Transaction, payer: UUID, case_id: UUID) -> int:
    """Return the number of a case's next step; the case must be locked."""
    number: int = await tx.fetchval(
        "SELECT coalesce(max(number), 0) + 1 FROM claimlinc.review_step WHERE organization_id = $1 AND case_id = $2",
        payer,
        case_id,
    )
    return number


async def steps(tx: Transaction, payer: UUID, case_id: UUID) -> list[Any]:
    """Return what happened to a case, as far as the scope may see it, in order."""
    return await tx.fetch(
        "SELECT organization_id, case_id, number, event, role, state, actor, decision_id, said, at"
        " FROM claimlinc.review_step"
        " WHERE organization_id = $1 AND case_id = $2 ORDER BY number",
        payer,
        case_id,
    )


async def told(tx: Transaction, provider: UUID, decisions: Sequence[UUID]) -> list[Any]:
    """Return what payers told a provider about the submission of these decisions, in order."""
    return await tx.fetch(
        "SELECT organization_id, case_id, number, event, role, state, said, at FROM claimlinc.review_step"
        " WHERE provider_organization_id = $1 AND case_id IN (SELECT case_id FROM claimlinc.review_step"
        "  WHERE provider_organization_id = $1 AND decision_id = ANY($2)) ORDER BY case_id, number",
        provider,
        list(decisions),
    )


async def add_proposal(tx: Transaction, row: Row) -> None:
    """Append what one person decided and another one has to agree to."""
    await tx.execute(
        "INSERT INTO claimlinc.review_proposal (organization_id, case_id, number, rulings, reissue_reason, payer_share,"
        " proposed_by, proposed_at) VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8)",
        *row,
    )


async def last_proposal(tx: Transaction, payer: UUID, case_id: UUID) -> Any:
    """Return the last proposal of a case, or None."""
    return await tx.fetchrow(
        "SELECT rulings, reissue_reason, payer_share, proposed_by, proposed_at FROM claimlinc.review_proposal"
        " WHERE organization_id = $1 AND case_id = $2 ORDER BY number DESC LIMIT 1",
        payer,
        case_id,
    )


async def add_review(tx: Transaction, row: Row) -> None:
    """Append who made a decision by hand."""
    await tx.execute(
        "INSERT INTO claimlinc.decision_review (organization_id, decision_id, case_id, decided_by, confirmed_by,"
        " payer_share, alone_up_to) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *row,
    )


async def basis(tx: Transaction, payer: UUID, decision_id: UUID) -> Any:
    """Return what a decision was made on."""
    return await tx.fetchrow(
        "SELECT facts, submission FROM claimlinc.decision_basis WHERE organization_id = $1 AND decision_id = $2",
        payer,
        decision_id,
    )


async def claim_of(tx: Transaction, provider: UUID, system: str, value: str, *, lock: bool = False) -> Any:
    """Return the provider's claim with a number, as far as the scope may see it, or None."""
    query = (
        "SELECT id, status, patient_id FROM claimlinc.claim WHERE organization_id = $1 AND identifier_system = $2"
        " AND identifier_value = $3"
    )
    return await tx.fetchrow(
        query + (" FOR NO KEY UPDATE" if lock else ""),
        provider,
        system,
        value,
    )


async def decisions_of(tx: Transaction, organization: UUID, claim_id: UUID) -> list[UUID]:
    """Return the payer's decisions that a claim was answered with, in order."""
    rows = await tx.fetch(
        "SELECT payer_decision_id FROM claimlinc.answer WHERE organization_id = $1 AND claim_id = $2"
        " AND payer_decision_id IS NOT NULL ORDER BY number",
        organization,
        claim_id,
    )
    return [row["payer_decision_id"] for row in rows]


async def decision_number(tx: Transaction, decision_id: UUID) -> int | None:
    """Return which decision on its submission one is, as far as the scope may see it, or None."""
    number: int | None = await tx.fetchval("SELECT number FROM claimlinc.decision WHERE id = $1", decision_id)
    return number
