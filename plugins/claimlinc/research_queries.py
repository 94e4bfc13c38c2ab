"""What was published for research: closed months, once each."""

from datetime import date
from typing import Any

from msgspec import Struct

from masterlinc.db.transaction import Transaction
from masterlinc.http.paging import count_sql

_MATCHES = """
FROM claimlinc.research_group
WHERE ($1::date IS NULL OR month >= $1) AND ($2::date IS NULL OR month <= $2) AND ($3::text IS NULL OR claim_type = $3)
"""
_PAGE = f"""
SELECT month, detail, claim_type, diagnosis_chapter, service_group, policy_class, age_band, gender, claims, billed,
    payer_share {_MATCHES} ORDER BY month DESC, number LIMIT $4 OFFSET $5
"""
_COUNT = count_sql(f"SELECT 1 {_MATCHES}")
_OPEN = """
SELECT first::date FROM generate_series($1::date - interval '36 months', $1::date, interval '1 month') AS first
WHERE first::date NOT IN (SELECT month FROM claimlinc.research_month) ORDER BY first
"""
_PUBLISH = "SELECT claimlinc.publish_research($1, $2)"
_PATIENCE = "SET LOCAL statement_timeout = '280s'"


class Wanted(Struct, frozen=True):
    """Which groups of a list."""

    first_month: date | None = None
    last_month: date | None = None
    claim_type: str | None = None


async def groups(tx: Transaction, wanted: Wanted, limit: int, offset: int) -> tuple[list[Any], int]:
    """Return a page of published groups, the newest month first, and how many there are."""
    arguments = (wanted.first_month, wanted.last_month, wanted.claim_type)
    rows = await tx.fetch(_PAGE, *arguments, limit, offset)
    return rows, int(await tx.fetchval(_COUNT, *arguments))


async def publish(tx: Transaction, this_month: date, smallest: int) -> tuple[int, int]:
    """Publish what is due; returns how many months and groups that were."""
    await tx.execute(_PATIENCE)
    months = [row["first"] for row in await tx.fetch(_OPEN, this_month)]
    made = [int(await tx.fetchval(_PUBLISH, month, smallest)) for month in months]
    return sum(count > 0 for count in made), sum(made)
