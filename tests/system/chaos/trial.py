"""A system with the agent whose work dies: what is asked of it, and what must be true in the end."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from harness import BILLING, PASSWORD, Gateway, System
from ledger import NOTHING
from sending import settle, submit

from chaos.graphs import ENDS, graph
from chaos.redis_server import RedisServer

INSTALLED = Path(__file__).parent / "installed"
PATIENCE = 120
TABLES = """
CREATE SCHEMA chaoslinc;
CREATE TABLE chaoslinc.effect (key text NOT NULL, kind text NOT NULL);
CREATE INDEX ON chaoslinc.effect (key);
CREATE TABLE chaoslinc.exchange (key text PRIMARY KEY, state text NOT NULL);
GRANT USAGE ON SCHEMA chaoslinc TO masterlinc_app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA chaoslinc TO masterlinc_app;
"""
UNFINISHED = """
SELECT string_agg(left_over, '; ') FROM (
    SELECT concat_ws(' ', name, business_key, agent, status, 'owner', lease_owner, 'due', wake_at, 'starts', starts,
        'crashes', crashes, error, (SELECT string_agg(concat_ws(' ', s.name, s.status, s.attempts, s.wake_at), ', ')
            FROM masterlinc.workflow_step s WHERE s.workflow_id = w.id)) AS left_over
    FROM masterlinc.workflow w WHERE status IN ('running', 'waiting', 'undoing') OR lease_owner IS NOT NULL
    UNION ALL SELECT concat_ws(' ', subscription, 'attempts', attempts, 'due', next_at, error)
    FROM masterlinc.delivery WHERE state = 'pending'
) found
"""
STEPS = """
SELECT s.task, s.status, w.id || '/' || s.name FROM masterlinc.workflow_step s
JOIN masterlinc.workflow w ON w.id = s.workflow_id WHERE s.task LIKE 'chaoslinc.%'
"""
LOCAL = frozenset(f"chaoslinc.{name}" for name in ("record", "begin", "ask", "answered", "close"))
SENDING = frozenset({"chaoslinc.send", "chaoslinc.send_by_key"})
BACKWARDS = """
SELECT workflow_id, position, started_at, finished_at FROM masterlinc.workflow_step
WHERE finished_at < started_at AND status = 'done'
"""


class NotServing(Exception):
    """Nobody took the request, or whoever did was gone before the answer."""


@dataclass
class Trial:
    """The system, and the journal of the workflows that were asked of it."""

    system: System
    redis: RedisServer
    asked: dict[str, str] = field(default_factory=dict)  # key → kind of graph
    orders: dict[str, str] = field(default_factory=dict)  # key → what it dies of
    told: dict[str, str] = field(default_factory=dict)  # key → the workflow's id, as answered
    refused: int = 0  # answers 503

    async def begin(self) -> None:
        """Start the system with the agent installed beside it, served by a process of its own where agents are."""
        for name in ("struck", "taken"):
            (self.marks / name).mkdir(parents=True)
        path = os.pathsep.join([str(INSTALLED), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.system.outside = {"PYTHONPATH": path, "CHAOS_FOLDER": str(self.marks)}
        await self.system.prepare()
        if self.system.shape == "per-agent":
            self.system.add("chaoslinc", "sbslinc", PROCESS__AGENTS='["chaoslinc"]')
            self.system.processes["chaoslinc"].agents = frozenset({"chaoslinc"})
        await self.system.start(*self.system.names)
        async with self.system.database() as connection:
            await connection.execute(TABLES)

    @property
    def marks(self) -> Path:
        """Where the agent keeps its files."""
        return self.system.folder / "chaos"

    @property
    def mortal(self) -> list[str]:
        """Return the processes that run the agent's work."""
        return ["chaoslinc"] if self.system.shape == "per-agent" else self.system.names

    @asynccontextmanager
    async def client(self, email: str = BILLING) -> AsyncIterator[httpx.AsyncClient]:
        """A client that has signed in, as soon as somebody answers."""
        gateway = Gateway(self.system)
        async with httpx.AsyncClient(base_url="http://system/api/v1", transport=gateway, timeout=30) as client:
            await self.sign_in(client, email)
            yield client

    async def sign_in(self, client: httpx.AsyncClient, email: str = BILLING) -> None:
        """Sign in, as soon as somebody answers."""
        answer = await self.insist(client, "/auth/login", {"email": email, "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    async def insist(self, client: httpx.AsyncClient, path: str, form: dict[str, Any]) -> Any:
        """Post until there is an answer."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(NotServing):
                    return await self.post(client, path, form)
                await asyncio.sleep(0.02)

    async def post(self, client: httpx.AsyncClient, path: str, form: dict[str, Any]) -> Any:
        """Post once; raises NotServing for a lost connection and for 503, which says when to come again."""
        try:
            answer = await client.post(path, json=form)
        except httpx.TransportError:
            raise NotServing from None
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) > 0
            self.refused += 1
            raise NotServing
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def ask(self, client: httpx.AsyncClient, key: str, kind: str, order: str = "") -> str:
        """Have a workflow run, once for its key; returns its id."""
        self.asked[key], self.orders[key] = kind, order
        answer = await self.insist(client, "/workflow/execute", graph(key, kind, order))
        identifier = answer["workflow_id"]
        assert self.told.setdefault(key, identifier) == identifier
        return identifier

    async def calm(self) -> None:
        """Wait until every workflow has ended and every event was taken."""
        end = time.monotonic() + PATIENCE
        while left := await self.value(UNFINISHED):
            assert time.monotonic() < end, left
            await asyncio.sleep(0.05)

    async def value(self, query: str, *arguments: Any) -> Any:
        """Ask the database one thing; while it is away, again."""
        while True:
            with contextlib.suppress(
                OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
            ):
                async with self.system.database() as connection:
                    return await connection.fetchval(query, *arguments)
            await asyncio.sleep(0.05)

    def struck(self) -> Counter[str]:
        """Return at which moments processes were struck, and how often."""
        words = [name.split() for name in listed(self.marks / "struck")]
        return Counter("late" if one[-2] == "late" else one[-1] for one in words)

    def missed(self) -> set[tuple[str, str]]:
        """Return the moments that were ordered twice or more and never came."""
        marks = set(listed(self.marks / "struck"))
        ordered: Counter[tuple[str, str]] = Counter()
        struck: set[tuple[str, str]] = set()
        for key, order in self.orders.items():
            if " kill " not in order:
                continue
            way = self.asked[key], order
            step, _, moment = order.split(" ", 2)
            ordered[way] += 1
            if {f"{key}-{step} {moment}", f"{key} {step} {moment}"} & marks:
                struck.add(way)
        return {way for way, times in ordered.items() if times > 1} - struck

    async def settle(self) -> None:
        """Wait until everything has come to its end, claims too, and check it."""
        async with self.client() as client:
            await submit(client, self.system, f"settled-{len(self.system.journal.sent)}")
            await settle(client, self.system)
        await self.calm()
        await self.check()
        await self.system.check()

    async def check(self) -> None:
        """Check that all that was asked has come to its end and had its effect once."""
        async with self.system.database() as connection:
            await self._check_workflows(connection)
            await self._check_effects(connection)
            await self._check_events(connection)
            assert [tuple(row) for row in await connection.fetch(NOTHING)] == []
            assert await connection.fetch(BACKWARDS) == []

    async def _check_workflows(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch(
            "SELECT business_key, status FROM masterlinc.workflow WHERE name = 'masterlinc.graph' AND title = 'chaos'"
        )
        found = Counter(row["business_key"].rpartition("/")[2] for row in rows)
        assert set(found.values()) <= {1}
        assert set(self.told) <= set(found) <= set(self.asked)
        ends = {row["business_key"].rpartition("/")[2]: row["status"] for row in rows}
        assert ends == {key: ENDS[self.asked[key]] for key in ends}
        begun = [key for key in ends if self.asked[key] == "nested"]
        nested = await connection.fetch(
            "SELECT name, status FROM masterlinc.workflow WHERE name IN ('chaoslinc.nested', 'chaoslinc.inner')"
        )
        expected = Counter({("chaoslinc.nested", "done"): len(begun), ("chaoslinc.inner", "done"): len(begun)})
        assert Counter(map(tuple, nested)) == +expected

    async def _check_effects(self, connection: asyncpg.Connection) -> None:
        steps = [tuple(row) for row in await connection.fetch(STEPS)]
        acted = [row for row in steps if row[1] in {"done", "undone"}]
        effects = [tuple(row) for row in await connection.fetch("SELECT kind, key FROM chaoslinc.effect")]

        def had(kind: str) -> list[str]:
            return sorted(key for one, key in effects if one == kind)

        assert had("recorded") == sorted(key for task, _, key in acted if task in LOCAL)
        undone = [(task, key) for task, status, key in steps if status == "undone"]
        assert had("taken back") == sorted(f"{key}/undo" for task, key in undone if task in LOCAL)
        sent = sorted(key for task, _, key in acted if task in SENDING)
        exchange = await connection.fetch("SELECT key FROM chaoslinc.exchange WHERE state = 'answered'")
        assert sorted(row["key"] for row in exchange) == sent
        assert await connection.fetchval("SELECT count(*) FROM chaoslinc.exchange") == len(sent)
        taken = sent + [f"{key}/undo" for task, key in undone if task in SENDING]
        assert listed(self.marks / "taken") == sorted(key.replace("/", " ") for key in taken)

    async def _check_events(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch("SELECT id::text, aggregate FROM masterlinc.event WHERE name LIKE 'chaoslinc.%'")
        events = sorted(row["id"] for row in rows)
        for kind in ("heard", "stumbled"):
            taken = await connection.fetch("SELECT key FROM chaoslinc.effect WHERE kind = $1", kind)
            assert sorted(row["key"] for row in taken) == events, kind

    def received(self) -> Counter[str]:
        """Return how often each message came to the world outside."""
        path = self.marks / "received"
        return Counter(path.read_text().split()) if path.exists() else Counter()


def listed(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())
