"""kill -9 while a payer's people decide: each case is decided once, posted once, and told to its provider once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio
from harness import System, new_folder
from sending import settle, submit

CLAIMS, KILLS = 24, 3
REVIEWER = "payer@demo.masterlinc.test"
REJECTED = {
    "sequence": 1,
    "decision": "reject",
    "denial_code": "MN-1-1",
    "reason": "Not needed.",
    "reason_ar": "غير ضروري.",
}
_TWICE = "SELECT identifier_value, number FROM claimlinc.decision GROUP BY 1, 2 HAVING count(*) > 1"
_LAST = "SELECT DISTINCT ON (identifier_value) * FROM claimlinc.decision ORDER BY identifier_value, number DESC"
_TOLD = """
SELECT d.identifier_value, c.status, d.outcome FROM claimlinc.claim c
JOIN ({last}) d ON d.identifier_value = c.identifier_value WHERE c.status <> d.outcome
"""


@pytest_asyncio.fixture(loop_scope="session")
async def one() -> AsyncIterator[System]:
    with new_folder() as folder:
        system = System(folder, "one")
        await system.begin()
        try:
            yield system
        finally:
            await system.end()


async def until_done(client: httpx.AsyncClient, path: str, body: dict[str, Any], key: str) -> None:
    """Send a request under its key until it is answered, as a client whose server dies does."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = await client.post(path, json=body, headers={"Idempotency-Key": key, "If-Match": "*"})
            if answer.status_code in {200, 201}:
                return
            assert answer.status_code in {409, 503}, answer.text
            assert answer.json()["code"] != "claim-state", "it was decided twice"
        await asyncio.sleep(0.05)


async def test_what_is_decided_while_processes_die_is_decided_once(one: System) -> None:
    async with one.client() as clerk, one.client(REVIEWER) as reviewer:
        for number in range(CLAIMS):
            assert await submit(clerk, one, f"A-{number}")
        await settle(clerk, one)
        for claim in one.journal.acknowledged.values():
            await until_done(clerk, f"/claims/{claim}/appeals", {"reason": "Look again."}, f"appeal-{claim}")
        listed = (await reviewer.get("/reviews", params={"page_size": 100})).json()["reviews"]
        assert len(listed) >= CLAIMS // 4
        deciding = [
            asyncio.create_task(
                until_done(reviewer, f"/reviews/{case['review_id']}/decision", {"lines": [REJECTED]}, case["review_id"])
            )
            for case in listed
        ]
        for _ in range(KILLS):
            await one.kill("up")
            await one.start("up")
        await asyncio.gather(*deciding)
        await told(one)
        async with one.database() as connection:
            assert await connection.fetch(_TWICE) == []
            numbers = await connection.fetch("SELECT identifier_value FROM claimlinc.decision WHERE number = 2")
            assert sorted(row[0] for row in numbers) == sorted(case["claim_number"] for case in listed)
            used = await connection.fetchval("SELECT coalesce(sum(amount), 0) FROM policylinc.benefit_entry")
            paid = await connection.fetchval(f"SELECT coalesce(sum(payer_share - payer_tax), 0) FROM ({_LAST}) AS last")
            assert used == paid
            answers = "SELECT claim_id FROM claimlinc.answer WHERE number > 2"
            assert await connection.fetch(answers) == []


async def told(one: System) -> None:
    """Wait until every event was delivered; no claim says otherwise than its payer's last decision, but for appeals."""
    async with asyncio.timeout(60), one.database() as connection:
        while await connection.fetchval("SELECT count(*) FROM masterlinc.delivery WHERE state <> 'done'"):
            await asyncio.sleep(0.05)
        behind = await connection.fetch(_TOLD.format(last=_LAST))
    assert [tuple(row) for row in behind if row["status"] != "appealed"] == []
