"""The SQL of authorizations: rows are locked in the order of their ids, entries appended, lines kept as their sum."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from masterlinc.db.transaction import Transaction
from masterlinc.ids import new_id


class Holder(NamedTuple):
    """Whose authorizations: a member's, of a payer, for a provider and the licence by which it asked."""

    payer: UUID
    member_id: UUID
    provider: UUID | None
    license: str


class Posting(NamedTuple):
    """What is posted to an authorization at once, and by which decision."""

    payer: UUID
    authorization_id: UUID
    source_id: UUID
    kind: str
    provider: UUID | None


class Entry(NamedTuple):
    """What is posted to one line."""

    sequence: int
    quantity: Decimal
    amount: Decimal


_HEAD = (
    "SELECT organization_id, id, provider_organization_id, provider_license, member_id, identifier_system,"
    " identifier_value, valid_from, valid_to, status, status_at, version, opened_at FROM claimlinc.preauthorization"
)
_LINES = (
    "SELECT authorization_id, sequence, codes::text AS codes, benefit, quantity_granted, quantity_used,"
    " amount_granted, amount_used FROM claimlinc.preauthorization_line"
)
# What each kind of entry does to what is granted and to what is used.
_EFFECTS = {"grant": (1, 0), "withdrawal": (-1, 0), "release": (-1, 0), "use": (0, 1), "reversal": (0, -1)}


async def lock_usable(tx: Transaction, holder: Holder, first: date, last: date, named: Collection[UUID]) -> list[Any]:
    """Lock a holder's authorizations that may be used for services from one day to another.

    With them those that a claim names, of whatever days and also with nothing left, so that it is told the reason.
    """
    return await tx.fetch(
        f"{_HEAD} WHERE organization_id = $1 AND member_id = $2 AND provider_organization_id IS NOT DISTINCT FROM $3"
        " AND (provider_organization_id IS NOT NULL OR provider_license = $4) AND ("
        "status IN ('active', 'expired') AND valid_from <= $6 AND valid_to >= $5"
        " OR status IN ('active', 'expired', 'used_up') AND id = ANY ($7::uuid[])) ORDER BY id FOR NO KEY UPDATE",
        *holder,
        first,
        last,
        list(named),
    )


async def lock(tx: Transaction, payer: UUID, authorization_id: UUID) -> Any:
    """Lock an authorization of a payer and return it, or None."""
    return await tx.fetchrow(
        f"{_HEAD} WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE", payer, authorization_id
    )


async def lines(tx: Transaction, payer: UUID, authorizations: Collection[UUID]) -> list[Any]:
    """Return the lines of authorizations, in order."""
    return await tx.fetch(
        f"{_LINES} WHERE organization_id = $1 AND authorization_id = ANY ($2::uuid[])"
        " ORDER BY authorization_id, sequence",
        payer,
        list(authorizations),
    )


async def open_authorization(tx: Transaction, row: Sequence[Any]) -> bool:
    """Insert an active authorization; False where it is there already."""
    return bool(
        await tx.fetchval(
            "INSERT INTO claimlinc.preauthorization (organization_id, id, provider_organization_id, provider_license,"
            " member_id, identifier_system, identifier_value, valid_from, valid_to, opened_at, status_at, status,"
            " version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 'active', 1)"
            " ON CONFLICT DO NOTHING RETURNING true",
            *row,
        )
    )


async def add_lines(tx: Transaction, rows: Iterable[Sequence[Any]]) -> None:
    """Insert lines with nothing granted yet; those that are there stay."""
    await tx.executemany(
        "INSERT INTO claimlinc.preauthorization_line (organization_id, authorization_id, sequence,"
        " provider_organization_id, codes, benefit, quantity_granted, quantity_used, amount_granted, amount_used)"
        " VALUES ($1, $2, $3, $4, $5::jsonb, $6, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
        rows,
    )


async def post(
    tx: Transaction, posting: Posting, entries: Sequence[Entry], at: datetime, valid_to: date | None = None
) -> bool:
    """Append entries and add them to the lines; False where this was posted before. The row must be locked."""
    made = await tx.fetchval(
        "INSERT INTO claimlinc.preauthorization_posting (organization_id, authorization_id, source_id, kind,"
        " provider_organization_id, valid_to, posted_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT DO NOTHING RETURNING true",
        *posting,
        valid_to,
        at,
    )
    if made is None:
        return False
    payer, authorization_id, source_id, kind, provider = posting
    await tx.executemany(
        "INSERT INTO claimlinc.preauthorization_entry (organization_id, id, authorization_id, sequence, source_id,"
        " kind, provider_organization_id, quantity, amount) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            (payer, new_id(), authorization_id, one.sequence, source_id, kind, provider, one.quantity, one.amount)
            for one in entries
        ],
    )
    granted, used = _EFFECTS[kind]
    await tx.executemany(
        "UPDATE claimlinc.preauthorization_line SET quantity_granted = quantity_granted + $6 * $4::numeric,"
        " amount_granted = amount_granted + $6 * $5::numeric, quantity_used = quantity_used + $7 * $4::numeric,"
        " amount_used = amount_used + $7 * $5::numeric"
        " WHERE organization_id = $1 AND authorization_id = $2 AND sequence = $3",
        [(payer, authorization_id, *one, granted, used) for one in entries],
    )
    return True


async def postings_of(tx: Transaction, payer: UUID, source_id: UUID) -> list[Any]:
    """Return what a decision posted to authorizations, in the order in which these are locked."""
    return await tx.fetch(
        "SELECT authorization_id, kind, valid_to FROM claimlinc.preauthorization_posting"
        " WHERE organization_id = $1 AND source_id = $2 ORDER BY authorization_id",
        payer,
        source_id,
    )


async def entries_of(tx: Transaction, payer: UUID, authorization_id: UUID, source_id: UUID, kind: str) -> list[Entry]:
    """Return the entries of one posting, a line's together."""
    rows = await tx.fetch(
        "SELECT sequence, sum(quantity) AS quantity, sum(amount) AS amount FROM claimlinc.preauthorization_entry"
        " WHERE organization_id = $1 AND authorization_id = $2 AND source_id = $3 AND kind = $4"
        " GROUP BY sequence ORDER BY sequence",
        payer,
        authorization_id,
        source_id,
        kind,
    )
    return [Entry(*row.values()) for row in rows]


async def last_day(tx: Transaction, payer: UUID, authorization_id: UUID) -> date | None:
    """Return the last day of what is granted and not withdrawn, or None where nothing is."""
    found: date | None = await tx.fetchval(
        "SELECT max(g.valid_to) FROM claimlinc.preauthorization_posting g"
        " WHERE g.organization_id = $1 AND g.authorization_id = $2 AND g.kind = 'grant' AND NOT EXISTS ("
        "SELECT FROM claimlinc.preauthorization_posting w WHERE w.organization_id = $1 AND w.authorization_id = $2"
        " AND w.source_id = g.source_id AND w.kind = 'withdrawal')",
        payer,
        authorization_id,
    )
    return found


async def move(tx: Transaction, payer: UUID, authorization_id: UUID, status: str, valid_to: date, at: datetime) -> None:
    """Write an authorization's state and last day; its row must be locked."""
    await tx.execute(
        "UPDATE claimlinc.preauthorization SET status = $3, valid_to = $4, version = version + 1,"
        " status_at = CASE WHEN status = $3 THEN status_at ELSE $5 END WHERE organization_id = $1 AND id = $2",
        payer,
        authorization_id,
        status,
        valid_to,
        at,
    )


# As its payer, and as its provider, each by its own index.
_WAYS = ("organization_id = ANY ($1::uuid[])", "provider_organization_id = ANY ($1::uuid[])")


def _seen(more: str, most: str) -> str:
    return " UNION ".join(
        f"(SELECT organization_id, id FROM claimlinc.preauthorization WHERE {way} {more} ORDER BY id DESC LIMIT {most})"  # noqa: S608 - our own words
        for way in _WAYS
    )


async def seen(tx: Transaction, authorization_id: UUID) -> Any:
    """Return an authorization that the open transaction's organizations may see, as payer or provider, or None."""
    return await tx.fetchrow(f"{_HEAD} WHERE id = $1", authorization_id)


async def seen_page(tx: Transaction, status: str | None, limit: int, offset: int) -> list[Any]:
    """Return a page of the authorizations that the scope may see, the newest first."""
    more = "AND ($4::text IS NULL OR status = $4)"
    return await tx.fetch(
        f"{_HEAD} JOIN ({_seen(more, '$2::int + $3::int')}) AS seen USING (organization_id, id)"
        " ORDER BY id DESC LIMIT $2 OFFSET $3",
        list(tx.organizations),
        limit,
        offset,
        status,
    )


async def count_seen(tx: Transaction, status: str | None, most: int) -> int:
    """Count the authorizations of a list, to `most` and no further."""
    more = "AND ($3::text IS NULL OR status = $3)"
    counted: int = await tx.fetchval(
        f"SELECT count(*) FROM ({_seen(more, '$2')} LIMIT $2) AS counted",  # noqa: S608 - our own words
        list(tx.organizations),
        most,
        status,
    )
    return counted


async def history(tx: Transaction, payer: UUID, authorization_id: UUID, most: int) -> list[Any]:
    """Return an authorization's entries, the last ones, in order."""
    rows = await tx.fetch(
        "SELECT e.kind, p.posted_at, e.sequence, e.quantity, e.amount, e.source_id"
        " FROM claimlinc.preauthorization_entry e"
        " JOIN claimlinc.preauthorization_posting p USING (organization_id, source_id, kind, authorization_id)"
        " WHERE e.organization_id = $1 AND e.authorization_id = $2 ORDER BY e.id DESC LIMIT $3",
        payer,
        authorization_id,
        most,
    )
    return rows[::-1]


async def claim_with_number(tx: Transaction, provider: UUID, system: str, value: str) -> Any:
    """Return a provider's claim by its number, or None."""
    return await tx.fetchrow(
        "SELECT id, submission FROM claimlinc.claim WHERE organization_id = $1 AND identifier_system = $2"
        " AND identifier_value = $3",
        provider,
        system,
        value,
    )
