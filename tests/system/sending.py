"""Claims as a client sends them: again, until there is an answer, with what it was told in its journal."""

import asyncio
import contextlib
from decimal import Decimal
from types import TracebackType
from typing import Self

import httpx
from harness import PATIENTS, System

AMOUNT = Decimal(150)
PATIENCE = 60


async def submit(client: httpx.AsyncClient, system: System, number: str) -> bool:
    """Send a claim once; say whether it was acknowledged."""
    system.journal.sent[number] = AMOUNT
    form = {
        "claim_number": number,
        "patient_id": f"MRN-{int(number.rpartition('-')[2]) % PATIENTS + 1:05d}",
        "service_code": "83600-00-10",
        "amount": int(AMOUNT),
        "diagnosis_codes": ["J06.9"],
    }
    with contextlib.suppress(httpx.TransportError):
        answer = await client.post("/claims/submit", json=form)
        if answer.status_code == 503:  # a process that hung, or is on its way out, says to come again
            assert answer.headers["Retry-After"]
            return False
        assert answer.status_code in {200, 201}, answer.text
        system.journal.acknowledge(number, answer.json()["claim_id"])
        return True
    return False


async def settle(client: httpx.AsyncClient, system: System) -> None:
    """Send again what has no answer, wait until every claim is decided, and read some of them."""
    for number in system.journal.sent:
        if number not in system.journal.acknowledged:
            assert await submit(client, system, number)
    async with asyncio.timeout(PATIENCE):
        while (await client.get("/claims", params={"status_filter": "pending"})).json()["total"]:
            await asyncio.sleep(0.05)
        while await system.holders():
            await asyncio.sleep(0.05)
    for shown in list(system.journal.acknowledged.values())[-3:]:
        assert (await client.get(f"/claims/{shown}")).status_code == 200
        system.journal.read.add(shown)


class Stream:
    """Claims that are sent one after the other by several clients for as long as the block runs."""

    def __init__(self, client: httpx.AsyncClient, system: System, prefix: str, clients: int = 4) -> None:
        self._client, self._system, self._prefix, self._clients = client, system, prefix, clients
        self._tasks: list[asyncio.Task[None]] = []
        self.sent = 0

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._send()) for _ in range(self._clients)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        await asyncio.gather(*self._tasks)

    def stop(self) -> None:
        """Send nothing more; the block's end waits for the answers."""
        self._clients = 0

    async def until(self, count: int) -> None:
        """Wait until this many were sent."""
        async with asyncio.timeout(PATIENCE):
            while self.sent < count:
                await asyncio.sleep(0.01)

    async def _send(self) -> None:
        while self._clients:
            self.sent += 1
            if not await submit(self._client, self._system, f"{self._prefix}-{self.sent}"):
                await asyncio.sleep(0.02)
