"""Writing a claim, and the reads that several services share; each names its organizations, beside row-level rules."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from masterlinc import idempotency
from masterlinc.db.transaction import Database, Transaction

CLAIM_COLUMNS = (
    "c.organization_id, c.id, c.payer_organization_id, c.status, c.status_at, c.version, c.total, c.submitted_at,"
    " c.patient_id, c.provider_license, c.identifier_system, c.identifier_value, c.use, c.submission"
)
_SUBMIT = "SELECT * FROM claimlinc.submit($1, $2::jsonb, $3, $4::bytea[], $5::jsonb, $6, $7, $8, $9)"
_SUBMIT_ONCE = (
    f"SELECT * FROM claimlinc.submit_once($1, {idempotency.row(2)}, $11::jsonb, $12, $13::bytea[], $14::jsonb,"  # noqa: S608 - our own words
    " $15, $16, $17, $18)"
)
# What the scope may see, each way by its own index: an OR over the three would read the whole table.
_WAYS = (
    "claimlinc.claim c WHERE c.organization_id = o.id",  # as provider
    "claimlinc.claim c WHERE c.payer_organization_id = o.id",  # as the payer that the submission names
    # as the payer of the cover that validation found
    (
        "claimlinc.claim_cover v JOIN claimlinc.claim c ON c.organization_id = v.organization_id AND c.id = v.claim_id"
        " WHERE v.payer_organization_id = o.id"
    ),
)


def _seen(more: str, most: str) -> str:
    ways = (f"SELECT c.organization_id, c.id FROM {way} {more} ORDER BY c.id DESC LIMIT {most}" for way in _WAYS)  # noqa: S608 - our own words
    return " UNION ".join(
        f"SELECT w.organization_id, w.id FROM unnest($1::uuid[]) AS o (id) CROSS JOIN LATERAL ({way}) AS w"  # noqa: S608 - our own words
        for way in ways
    )


async def submit(db: Database, organization: UUID, claim: Sequence[Any]) -> Any:
    """Record a claim, or return the one that has its number; one call, also by itself."""
    return await db.call(_SUBMIT, [organization], *claim)


async def submit_once(
    db: Database, organizations: Collection[UUID], answer: Sequence[Any], claim: Sequence[Any]
) -> Any:
    """Record a claim and keep its answer under a request's key, or return what is there; one call by itself."""
    return await db.call(_SUBMIT_ONCE, organizations, *answer, *claim)


async def own_claim(tx: Transaction, organization: UUID, claim_id: UUID) -> Any:
    """Return a claim of an organization, or None."""
    return await tx.fetchrow(
        f"SELECT {CLAIM_COLUMNS} FROM claimlinc.claim c WHERE c.organization_id = $1 AND c.id = $2",  # noqa: S608 - our own words
        organization,
        claim_id,
    )


async def seen_claim(tx: Transaction, claim_id: UUID) -> Any:
    """Return a claim that the open transaction's organizations may see, as provider or payer, or None."""
    return await tx.fetchrow(
        f"SELECT {CLAIM_COLUMNS} FROM ({_seen('AND c.id = $2', '1')}) AS seen"  # noqa: S608 - our own words
        " JOIN claimlinc.claim c USING (organization_id, id)",
        list(tx.organizations),
        claim_id,
    )


async def seen_claims(tx: Transaction, status: str | None, limit: int, offset: int) -> list[Any]:
    """Return a page of claims, the newest first."""
    more, arguments = _with_status(status, 4)
    return await tx.fetch(
        f"SELECT {CLAIM_COLUMNS} FROM ({_seen(more, '$2::int + $3::int')}) AS seen"  # noqa: S608 - our own words
        " JOIN claimlinc.claim c USING (organization_id, id) ORDER BY c.id DESC LIMIT $2 OFFSET $3",
        list(tx.organizations),
        limit,
        offset,
        *arguments,
    )


async def count_claims(tx: Transaction, status: str | None, most: int) -> int:
    """Count the claims of a list, to `most` and no further."""
    more, arguments = _with_status(status, 3)
    counted: int = await tx.fetchval(
        f"SELECT count(*) FROM ({_seen(more, '$2')} LIMIT $2) AS counted",  # noqa: S608 - our own words
        list(tx.organizations),
        most,
        *arguments,
    )
    return counted


def _with_status(status: str | None, place: int) -> tuple[str, tuple[str, ...]]:
    return (f"AND c.status = ${place}", (status,)) if status else ("", ())


async def next_number(tx: Transaction, table: str, organization: UUID, claim_id: UUID) -> int:
    """Return the number of a claim's next append-only row; the claim's row must be locked."""
    number: int = await tx.fetchval(
        f"SELECT coalesce(max(number), 0) + 1 FROM claimlinc.{table} WHERE organization_id = $1 AND claim_id = $2",  # noqa: S608 - our own table
        organization,
        claim_id,
    )
    return number


async def lock_claim(tx: Transaction, organization: UUID, claim_id: UUID) -> Any:
    """Lock a claim of an organization and return it, or None."""
    return await tx.fetchrow(
        f"SELECT {CLAIM_COLUMNS} FROM claimlinc.claim c WHERE c.organization_id = $1 AND c.id = $2"  # noqa: S608 - our own words
        " FOR NO KEY UPDATE",
        organization,
        claim_id,
    )


async def last_normalized(tx: Transaction, organization: UUID, claim_id: UUID) -> list[Any]:
    """Return the codes of the last normalisation, in line order."""
    return await tx.fetch(
        "SELECT sequence, system, code, display, source FROM claimlinc.normalized_line n"
        " WHERE organization_id = $1 AND claim_id = $2 AND number = (SELECT max(number) FROM claimlinc.normalized_line"
        "  WHERE organization_id = $1 AND claim_id = $2) ORDER BY sequence",
        organization,
        claim_id,
    )


async def last_signature(tx: Transaction, organization: UUID, claim_id: UUID) -> str | None:
    """Return the claim's last signature."""
    signature: str | None = await tx.fetchval(
        "SELECT signature FROM claimlinc.claim_signature WHERE organization_id = $1 AND claim_id = $2"
        " ORDER BY number DESC LIMIT 1",
        organization,
        claim_id,
    )
    return signature


async def last_cover(tx: Transaction, organization: UUID, claim_id: UUID) -> Any:
    """Return the cover that validation found last, or None."""
    return await tx.fetchrow(
        "SELECT payer_organization_id, member_id, policy_id, policy_class, status FROM claimlinc.claim_cover"
        " WHERE organization_id = $1 AND claim_id = $2 ORDER BY number DESC LIMIT 1",
        organization,
        claim_id,
    )


async def attachments(tx: Transaction, organization: UUID, claim_id: UUID) -> list[Any]:
    """Return a claim's sealed attachments in order."""
    return await tx.fetch(
        "SELECT position, sealed FROM claimlinc.claim_attachment WHERE organization_id = $1 AND claim_id = $2"
        " ORDER BY position",
        organization,
        claim_id,
    )


async def findings(tx: Transaction, organization: UUID, claim_id: UUID) -> list[Any]:
    """Return what the steps found wrong, in the order found."""
    return await tx.fetch(
        "SELECT step, rule, severity, path, detail, detail_ar FROM claimlinc.finding"
        " WHERE organization_id = $1 AND claim_id = $2 ORDER BY id",
        organization,
        claim_id,
    )


async def last_answer(tx: Transaction, organization: UUID, claim_id: UUID) -> Any:
    """Return the last answer to a claim, or None."""
    return await tx.fetchrow(
        "SELECT number, status, disposition, preauth_ref, payer_decision_id, errors, answered_at FROM claimlinc.answer"
        " WHERE organization_id = $1 AND claim_id = $2 ORDER BY number DESC LIMIT 1",
        organization,
        claim_id,
    )


async def answer_lines(tx: Transaction, organization: UUID, claim_id: UUID, number: int) -> list[Any]:
    """Return the lines of an answer in order."""
    return await tx.fetch(
        "SELECT sequence, outcome, billed, allowed, deductible, copay, tax, payer_tax, payer_share, patient_share,"
        " approved_quantity, denial_code FROM claimlinc.answer_line"
        " WHERE organization_id = $1 AND claim_id = $2 AND number = $3 ORDER BY sequence",
        organization,
        claim_id,
        number,
    )


async def decision(tx: Transaction, decision_id: UUID) -> Any:
    """Return a decision that the scope may see, as payer or provider, or None."""
    return await tx.fetchrow("SELECT * FROM claimlinc.decision WHERE id = $1", decision_id)


async def decision_lines(tx: Transaction, organization: UUID, decision_id: UUID) -> list[Any]:
    """Return the lines of a payer's decision in order."""
    return await tx.fetch(
        "SELECT * FROM claimlinc.decision_line WHERE organization_id = $1 AND decision_id = $2 ORDER BY sequence",
        organization,
        decision_id,
    )


async def decision_of(
    tx: Transaction, payer: UUID, provider_license: str, system: str, value: str, provider: UUID | None
) -> UUID | None:
    """Return the number of the last decision on a submission, or None."""
    found: UUID | None = await tx.fetchval(
        "SELECT id FROM claimlinc.decision WHERE organization_id = $1 AND provider_license = $2"
        " AND identifier_system = $3 AND identifier_value = $4 AND provider_organization_id IS NOT DISTINCT FROM $5"
        " ORDER BY number DESC LIMIT 1",
        payer,
        provider_license,
        system,
        value,
        provider,
    )
    return found


async def past_lines(
    tx: Transaction,
    payer: UUID,
    member: UUID,
    days: tuple[date, date, date],
    claim: tuple[UUID | None, str, str],
    most: int,
) -> list[Any]:
    """Return what counts of a member's history from one day to another, nearest to the middle one, but for a claim."""
    return await tx.fetch(
        "SELECT p.* FROM claimlinc.past_line p WHERE p.organization_id = $1 AND p.member_id = $2"
        " AND p.service_date BETWEEN $3 AND $5 AND p.outcome <> 'rejected'"
        " AND (p.provider_organization_id, p.claim_system, p.claim) IS DISTINCT FROM ($6::uuid, $7::text, $8::text)"
        " AND NOT EXISTS (SELECT FROM claimlinc.withdrawn_decision w"
        "  WHERE w.organization_id = p.organization_id AND w.decision_id = p.decision_id)"
        " ORDER BY abs(p.service_date - $4::date), p.decision_id, p.sequence LIMIT $9",
        payer,
        member,
        *days,
        *claim,
        most,
    )


async def wait_for_turn(tx: Transaction, key: str) -> None:
    """Hold a key until the transaction ends; who asks for the same key waits."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", key)
