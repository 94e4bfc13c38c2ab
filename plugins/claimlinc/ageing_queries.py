"""The SQL of ageing: how many days claims wait or waited, over what a provider or a payer sees."""

from datetime import date
from typing import Any

from masterlinc.db.transaction import Transaction

_DAY = "AT TIME ZONE 'Asia/Riyadh')::date"
# From what a claim's days are counted, and to what: of those that wait to the day that is asked for.
COUNTED_FROM = {
    "submission": (f"$2::date - (c.submitted_at {_DAY}", ""),
    "answer": (
        f"$2::date - (a.answered_at {_DAY}",
        "AND c.status IN ('approved', 'partial')",
    ),
    "payment": (f"(c.status_at {_DAY} - (c.submitted_at {_DAY}", "AND c.status = 'paid'"),
}
_SEEN = """
WITH seen AS (
    SELECT organization_id, id FROM claimlinc.claim WHERE organization_id = ANY ($1::uuid[])
    UNION SELECT organization_id, id FROM claimlinc.claim WHERE payer_organization_id = ANY ($1::uuid[])
    UNION SELECT organization_id, claim_id FROM claimlinc.claim_cover WHERE payer_organization_id = ANY ($1::uuid[])
), claim AS (
    SELECT c.*, coalesce(c.payer_organization_id, (SELECT v.payer_organization_id FROM claimlinc.claim_cover v
        WHERE v.organization_id = c.organization_id AND v.claim_id = c.id ORDER BY v.number DESC LIMIT 1)) AS payer
    FROM seen JOIN claimlinc.claim c USING (organization_id, id)
    WHERE c.use = 'claim' AND c.submitted_at < ($2::date + 1)::timestamp AT TIME ZONE 'Asia/Riyadh'
)
"""


async def waits(tx: Transaction, day: date, counted_from: str) -> list[Any]:
    """Return claims and amounts by provider, payer, what they wait for and how many days."""
    days, more = COUNTED_FROM[counted_from]
    open_states = "('pending', 'pended', 'information_requested', 'appealed', 'approved', 'partial')"
    states = "" if counted_from == "payment" else f"AND c.status IN {open_states}"
    return await tx.fetch(
        f"{_SEEN} SELECT c.organization_id AS provider, c.payer, w.what, d.days, count(*) AS claims,"  # noqa: S608 - our own words
        " sum(w.amount) AS amount FROM claim c"
        " LEFT JOIN LATERAL (SELECT n.number, n.payer_decision_id, n.answered_at FROM claimlinc.answer n"
        "  WHERE n.organization_id = c.organization_id AND n.claim_id = c.id ORDER BY n.number DESC LIMIT 1) a ON true"
        " CROSS JOIN LATERAL (SELECT CASE WHEN c.status IN ('approved', 'partial') THEN 'payment'"
        "  WHEN c.status = 'paid' THEN 'nothing' ELSE 'answer' END AS what,"
        "  CASE WHEN c.status IN ('approved', 'partial', 'paid') THEN coalesce("
        "   (SELECT p.payer_share FROM claimlinc.decision p"
        "    WHERE p.provider_organization_id = c.organization_id AND p.id = a.payer_decision_id),"
        "   (SELECT sum(l.payer_share) FROM claimlinc.answer_line l WHERE l.organization_id = c.organization_id"
        "    AND l.claim_id = c.id AND l.number = a.number), 0) ELSE c.total END AS amount) w"
        f" CROSS JOIN LATERAL (SELECT greatest({days}, 0) AS days) d WHERE true {states} {more}"
        " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
        list(tx.organizations),
        day,
    )


async def filed_late(tx: Transaction, day: date, days: int) -> int:
    """Count claims that were submitted more than so many days after their last day of service."""
    counted: int = await tx.fetchval(
        f"{_SEEN} SELECT count(*) FROM claim c WHERE (c.submitted_at {_DAY} - c.service_end > $3",  # noqa: S608 - our own words
        list(tx.organizations),
        day,
        days,
    )
    return counted
