"""kill -9 of two processes while the payer's clocks run out: what follows is done once for each request."""

import asyncio
import os
import random
from collections.abc import AsyncIterator

import pytest_asyncio
from harness import LEASE, PATIENTS, System, new_folder

REQUESTS = 12
PATIENCE = 60
# No contract pays what is not agreed, so that a request waits for a person; and silence is approval.
_TERMS = """
SET session_replication_role = replica;
UPDATE policylinc.contract SET percent_of_billed = 0;
UPDATE policylinc.payer_terms SET when_late = 'approve';
"""
# The hour passes for all of them in one moment.
_PASS = """
SET session_replication_role = replica;
UPDATE claimlinc.preauthorization_clock
SET received_at = received_at - interval '2 h', due_at = due_at - interval '2 h';
UPDATE masterlinc.workflow_step s SET wake_at = now() FROM masterlinc.workflow w
WHERE w.id = s.workflow_id AND w.name = 'claimlinc.authorization_clock' AND s.status = 'waiting';
UPDATE masterlinc.workflow SET wake_at = now() WHERE name = 'claimlinc.authorization_clock' AND status = 'waiting';
"""
_ANSWERED = "SELECT count(*) FROM claimlinc.preauthorization_clock WHERE answered_at IS NOT NULL"
_FOLLOWED = """
SELECT k.answered_by, k.in_time,
    (SELECT count(*) FROM claimlinc.decision d WHERE d.identifier_value = f.identifier_value) AS decisions,
    (SELECT count(*) FROM masterlinc.event e
        WHERE e.name = 'claimlinc.authorization_overdue.v1' AND e.aggregate = k.decision_id) AS told,
    (SELECT count(*) FROM claimlinc.preauthorization_posting p WHERE p.source_id = k.answer_id) AS grants,
    (SELECT sum(l.quantity_granted) FROM claimlinc.preauthorization_posting p
        JOIN claimlinc.preauthorization_line l USING (organization_id, authorization_id)
        WHERE p.source_id = k.answer_id) AS units
FROM claimlinc.preauthorization_clock k
JOIN claimlinc.decision f ON f.organization_id = k.organization_id AND f.id = k.decision_id
"""


@pytest_asyncio.fixture(loop_scope="session")
async def two() -> AsyncIterator[System]:
    """Two processes over one database, of its own."""
    with new_folder() as folder:
        one = System(folder, "replicas", ENGINE__LEASE_SECONDS=LEASE, PROCESS__UNREADY_SECONDS="0.3")
        try:
            await one.prepare()
            async with one.database() as connection:
                await connection.execute(_TERMS)
            await one.start(*one.names)
            yield one
        finally:
            await one.end()


async def test_what_follows_is_done_once_for_each_request(two: System) -> None:
    chance = random.Random(os.urandom(8).hex())
    async with two.client() as client:
        for number in range(REQUESTS):
            form = {
                "claim_number": f"OVERDUE-{number}",
                "use": "preauthorization",
                "patient_id": f"MRN-{number % PATIENTS + 1:05d}",
                "service_code": "83620-00-10",
                "amount": 150,
                "diagnosis_codes": ["J06.9"],
            }
            answer = await client.post("/claims/submit", json=form)
            assert answer.status_code == 201, answer.text
        await until(client, "pended")
    async with two.database() as connection:
        await connection.execute(_PASS)
        wanted = chance.randrange(REQUESTS)  # any moment will do: this is what is tried
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(_ANSWERED) < wanted:
                await asyncio.sleep(0.005)
        await two.kill(*two.names)
        await two.start(*two.names)
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(_ANSWERED) < REQUESTS:
                await asyncio.sleep(0.05)
        rows = [tuple(row) for row in await connection.fetch(_FOLLOWED)]
    assert rows == [("clock", False, 2, 1, 1, 1)] * REQUESTS
    async with two.client() as client:
        await until(client, "approved")


async def until(client, status: str) -> None:
    """Wait until every request stands so for its provider."""
    async with asyncio.timeout(PATIENCE):
        while (await client.get("/claims", params={"status_filter": status})).json()["total"] < REQUESTS:
            await asyncio.sleep(0.05)
