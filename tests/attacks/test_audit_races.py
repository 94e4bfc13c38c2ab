"""Attack case 162: two who seal the audit at once make one line."""

import asyncio

import asyncpg

from masterlinc.audit.sealer import seal_all
from masterlinc.audit.verification import Anchors, verify

MANY = 100
PATIENT = {"name": "Sara Ali", "date_of_birth": "1990-01-01", "gender": "female"}


async def test_case_162_a_hundred_writers_and_sealers_make_one_line(house):
    """Rows are written while many seal; afterwards each is under one seal, and the chain has no fork and no gap."""
    callers = [house.caller("doctor") for _ in range(MANY)]
    await asyncio.gather(
        *(caller.send("POST", "/api/v1/patients", PATIENT) for caller in callers),
        *(seal_all(house.running.services) for _ in range(MANY // 4)),
    )
    await seal_all(house.running.services)
    connection = await asyncpg.connect(house.running.services.settings.database.owner_url.reveal())
    try:
        numbers = [
            row["number"] for row in await connection.fetch("SELECT number FROM masterlinc.audit_seal ORDER BY 1")
        ]
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            report = await verify(connection, Anchors((), None), lambda _: None)
    finally:
        await connection.close()
    assert numbers == list(range(1, len(numbers) + 1))
    assert report.faults == [], report.faults[:3]
    assert report.rows >= MANY
