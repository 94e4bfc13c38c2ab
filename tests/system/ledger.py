"""The ledger check: what a client knows that it was told, against everything that the system has kept."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg

from masterlinc import ids

WORKFLOW = "claimlinc.claim"

# What happens once for a claim, however often processes died on the way.
ONCE = (
    "SELECT identifier_value FROM claimlinc.claim",
    "SELECT claim_id FROM claimlinc.answer",
    "SELECT identifier_value FROM claimlinc.decision",
    "SELECT claim_id FROM claimlinc.claim_signature",
    "SELECT claim_id FROM nphieslinc.exchange WHERE state = 'answered'",
    "SELECT claim_id FROM nphieslinc.message WHERE direction = 'outbound'",
    "SELECT identifier_value FROM nphieslinc.simulator_inbox",
    "SELECT aggregate FROM masterlinc.event WHERE name = 'claimlinc.claim_submitted.v1'",
    "SELECT aggregate FROM masterlinc.event WHERE name = 'claimlinc.claim_decided.v1'",
    "SELECT resource_id FROM masterlinc.audit_event WHERE action = 'claim.submit'",
    f"SELECT business_key FROM masterlinc.workflow WHERE name = '{WORKFLOW}'",
)

# What is not there when everything has come to its end.
NOTHING = f"""
SELECT 'claim workflow', id::text, status FROM masterlinc.workflow WHERE name = '{WORKFLOW}' AND status <> 'done'
UNION ALL SELECT 'lease', id::text, name FROM masterlinc.workflow WHERE lease_owner IS NOT NULL
UNION ALL SELECT 'step', s.workflow_id::text, s.name || ' ' || s.status
    FROM masterlinc.workflow_step s JOIN masterlinc.workflow w ON w.id = s.workflow_id
    WHERE w.status = 'done' AND s.status NOT IN ('done', 'skipped')
UNION ALL SELECT 'delivery', event_id::text, subscription || ' ' || state FROM masterlinc.delivery WHERE state <> 'done'
UNION ALL SELECT 'claim without workflow', c.id::text, c.identifier_value FROM claimlinc.claim c
    LEFT JOIN masterlinc.workflow w ON w.name = '{WORKFLOW}' AND w.business_key = c.id::text WHERE w.id IS NULL
UNION ALL SELECT 'workflow without claim', w.id::text, w.business_key FROM masterlinc.workflow w
    LEFT JOIN claimlinc.claim c ON w.business_key = c.id::text WHERE w.name = '{WORKFLOW}' AND c.id IS NULL
UNION ALL SELECT 'gap of events', aggregate::text, count(*)::text FROM masterlinc.event
    GROUP BY aggregate HAVING max(aggregate_seq) <> count(*)
UNION ALL SELECT 'total', c.id::text, c.total::text FROM claimlinc.claim c WHERE c.total <> (
    SELECT sum(l.net) FROM claimlinc.claim_line l WHERE (l.organization_id, l.claim_id) = (c.organization_id, c.id))
UNION ALL SELECT 'state', id::text, status FROM claimlinc.claim WHERE status NOT IN ('approved', 'partial', 'rejected')
"""


@dataclass
class Journal:
    """What a client sent, and what it was told."""

    sent: dict[str, Decimal] = field(default_factory=dict)  # number of a claim → its amount
    acknowledged: dict[str, str] = field(default_factory=dict)  # number → identifier that was answered
    read: set[str] = field(default_factory=set)  # identifiers of claims whose content was shown

    def acknowledge(self, number: str, identifier: str) -> None:
        """Note an answer; one number has one identifier, however often it is sent."""
        assert self.acknowledged.setdefault(number, identifier) == identifier


async def check_ledger(connection: asyncpg.Connection, journal: Journal) -> None:
    """Compare the journal with the database, to the halala; everything has come to its end before."""

    async def rows(sql: str) -> list[Any]:
        return [tuple(row) for row in await connection.fetch(sql)]

    claims = {row[0]: (row[1], row[2]) for row in await rows("SELECT identifier_value, id, total FROM claimlinc.claim")}
    told = {number: ids.parse("CLM", shown) for number, shown in journal.acknowledged.items()}
    assert {number: claims[number][0] for number in told if number in claims} == told
    assert set(claims) <= set(journal.sent)
    assert {number: total for number, (_, total) in claims.items()} == {one: journal.sent[one] for one in claims}
    for once in ONCE:
        found = await rows(once)
        assert (len(found), len(set(found))) == (len(claims), len(claims)), once
    assert await rows(NOTHING) == []
    await _check_money(rows)
    seen = await rows("SELECT DISTINCT resource_id FROM masterlinc.audit_event WHERE action = 'claim.read'")
    assert journal.read <= {row[0] for row in seen}


async def _check_money(rows: Any) -> None:
    """Compare what was decided, what was posted, and what is kept as the balance."""
    decided = await rows("SELECT id, payer_share - payer_tax FROM claimlinc.decision WHERE payer_share > 0 ORDER BY 1")
    posted = await rows("SELECT decision_id, sum(amount) FROM policylinc.benefit_entry GROUP BY 1 ORDER BY 1")
    assert decided
    assert posted == decided
    entries = await rows("SELECT coalesce(sum(amount), 0) FROM policylinc.benefit_entry")
    assert await rows("SELECT coalesce(sum(used), 0) FROM policylinc.balance") == entries
