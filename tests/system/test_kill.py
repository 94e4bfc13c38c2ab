"""kill -9 of a whole system at random moments: what was acknowledged is there once, decided once, and paid once."""

import asyncio
import contextlib
import os
import random
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from masterlinc import ids, secrets_file

PASSWORD = "a password of the demo"
CLAIMS, ROUNDS = 30, 3
WORDS_OF_A_FIRST_START = ("PostgreSQL", "database brought", "organizations", "patients")


class System:
    """`masterlinc up` as a process of its own, over a data folder that outlives it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: asyncio.subprocess.Process | None = None

    async def begin(self) -> asyncio.subprocess.Process:
        """Start the process without waiting for it."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
        settings = {
            "DEMO__PATIENTS": "10",
            "DEMO__CLAIMS": "0",
            "ENGINE__LEASE_SECONDS": "2",
            "DEMO_PASSWORD": PASSWORD,
        }
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "masterlinc.cli", "up", "--port", str(self.port), "--data", str(self.data)),
            env=clean | {f"MASTERLINC_{name}": value for name, value in settings.items()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        return self.process

    async def until(self, word: str) -> None:
        """Read what the process says until it says this."""
        assert self.process is not None
        assert self.process.stdout is not None
        said = b""
        async with asyncio.timeout(60):
            while line := await self.process.stdout.readline():
                said += line
                if word in line.decode():
                    return
        raise AssertionError(said.decode())

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[httpx.AsyncClient]:
        """Start, wait until it answers, and sign in."""
        await self.begin()
        await self.until("is up")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}/api/v1", timeout=30) as client:
            login = {"email": "billing@demo.masterlinc.test", "password": PASSWORD}
            answer = await client.post("/auth/login", json=login)
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    async def kill(self) -> None:
        """End the process as a power cut would, except for the disk."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def stop(self) -> int:
        """Stop in order, as Ctrl-C does."""
        assert self.process is not None
        self.process.send_signal(2)
        async with asyncio.timeout(40):
            await self.process.communicate()
        code = self.process.returncode
        assert code is not None
        return code

    async def database(self) -> asyncpg.Connection:
        """Look at everything, past row-level security."""
        password = secrets_file.load(self.data)["superuser_password"]
        folder = (self.data / "server").resolve() / "run"
        return await asyncpg.connect(host=str(folder), user="postgres", password=password, database="masterlinc")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ml-kill-") as name:
        Path(name).chmod(0o755)  # the server's account passes through, where the tests run as root
        yield Path(name) / "data"


@pytest_asyncio.fixture(loop_scope="session")
async def system(folder: Path) -> AsyncIterator[System]:
    one = System(folder)
    try:
        yield one
    finally:
        if one.process is not None and one.process.returncode is None:
            with contextlib.suppress(TimeoutError, ProcessLookupError):
                await one.stop()
        await one.kill()


async def test_a_first_start_that_is_killed_is_taken_over_by_the_next(system: System) -> None:
    for word in WORDS_OF_A_FIRST_START:
        await system.begin()
        await system.until(word)
        await system.kill()
    async with system.started() as client:
        patients = (await client.get("/patients")).json()
    assert patients["total"] == 10
    connection = await system.database()
    try:
        doubled = "SELECT count(*) - count(DISTINCT value) FROM authlinc.organization_license"
        assert await connection.fetchval(doubled) == 0
        assert await connection.fetchval("SELECT count(*) FROM authlinc.user_account") == 6
        assert await connection.fetchval("SELECT count(*) FROM policylinc.member WHERE NOT enrolled_by_simulator") == 10
    finally:
        await connection.close()
    assert await system.stop() == 0


async def test_no_claim_is_lost_or_doubled_by_kills(system: System) -> None:
    chance = random.Random(os.urandom(8).hex())
    acknowledged: dict[str, str] = {}
    for turn in range(ROUNDS):
        async with system.started() as client:
            sending = [asyncio.create_task(_submit(client, f"K{turn}-{n}", acknowledged)) for n in range(CLAIMS)]
            known, wanted = len(acknowledged), chance.randrange(CLAIMS)  # any moment will do: this is what is tried
            while len(acknowledged) - known < wanted and not all(one.done() for one in sending):
                await asyncio.sleep(0.005)
            await system.kill()
            await asyncio.gather(*sending)
    async with system.started() as client:
        numbers = [f"K{turn}-{n}" for turn in range(ROUNDS) for n in range(CLAIMS)]
        before = dict(acknowledged)
        for number in numbers:  # each client sends again what it has no answer to, or not the whole of it
            await _submit(client, number, acknowledged)
        assert {number: acknowledged[number] for number in before} == before
        assert sorted(acknowledged) == sorted(numbers)
        await _settled(client)
    connection = await system.database()
    try:
        await _check(connection, acknowledged)
    finally:
        await connection.close()
    assert await system.stop() == 0


async def _submit(client: httpx.AsyncClient, number: str, acknowledged: dict[str, str]) -> None:
    form = {
        "claim_number": number,
        "patient_id": f"MRN-{int(number.rpartition('-')[2]) % 10 + 1:05d}",
        "service_code": "83600-00-10",
        "amount": 150,
        "diagnosis_codes": ["J06.9"],
    }
    with contextlib.suppress(httpx.TransportError):
        answer = await client.post("/claims/submit", json=form)
        assert answer.status_code in {200, 201}, answer.text
        assert acknowledged.setdefault(number, answer.json()["claim_id"]) == answer.json()["claim_id"]


async def _settled(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(40):
        while (await client.get("/claims", params={"status_filter": "pending"})).json()["total"]:
            await asyncio.sleep(0.05)


async def _check(connection: asyncpg.Connection, acknowledged: dict[str, str]) -> None:
    async def rows(sql: str) -> list[Any]:
        return [tuple(row) for row in await connection.fetch(sql)]

    claims = await rows("SELECT identifier_value, id FROM claimlinc.claim ORDER BY 1")
    assert claims == sorted((number, ids.parse("CLM", shown)) for number, shown in acknowledged.items())
    count = len(claims)
    assert await rows("SELECT status, count(*) FROM masterlinc.workflow GROUP BY 1") == [("done", count)]
    for once in (
        "SELECT claim_id FROM claimlinc.answer",
        "SELECT identifier_value FROM claimlinc.decision",
        "SELECT claim_id FROM claimlinc.claim_signature",
        "SELECT claim_id FROM nphieslinc.exchange WHERE state = 'answered'",
        "SELECT claim_id FROM nphieslinc.message WHERE direction = 'outbound'",
        "SELECT aggregate FROM masterlinc.event WHERE name = 'claimlinc.claim_submitted.v1'",
        "SELECT aggregate FROM masterlinc.event WHERE name = 'claimlinc.claim_decided.v1'",
        "SELECT resource_id FROM masterlinc.audit_event WHERE action = 'claim.submit'",
    ):
        found = await rows(once)
        assert (len(found), len(set(found))) == (count, count), once
    decided = await rows("SELECT id, payer_share - payer_tax FROM claimlinc.decision WHERE payer_share > 0 ORDER BY 1")
    posted = await rows("SELECT decision_id, sum(amount) FROM policylinc.benefit_entry GROUP BY 1 ORDER BY 1")
    assert decided
    assert posted == decided
    kept = "SELECT sum(used) FROM policylinc.balance"
    assert await rows(kept) == await rows("SELECT sum(amount) FROM policylinc.benefit_entry")
