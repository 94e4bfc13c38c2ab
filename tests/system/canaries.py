"""Forty things that must stay where they belong, and the places that are searched for them."""

import io
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from redis.asyncio import Redis

from masterlinc.identity import make_saudi_id
from masterlinc.observe import logs

EXAMPLE = Path(__file__).parents[2] / "docs/examples/claim-professional.json"


def _word(what: str) -> str:
    return f"canary{what}{secrets.token_hex(5)}"


def _serial() -> int:
    return secrets.randbelow(10**8)


@dataclass
class Canaries:
    """What is planted; `names` may stand in the clear where a person is searched for by name, the rest nowhere."""

    names: dict[str, str] = field(
        default_factory=lambda: {
            "patient": f"Canary {_word('Huda')}",
            "patient in Arabic": f"كناري{''.join(secrets.choice('ابتثجحخد') for _ in range(10))}",
            "patient of a claim": f"Canary {_word('Sami')}",
            "patient of a message": f"Canary {_word('Nora')}",
            "patient refused": f"Canary {_word('Omar')}",
            "service of a claim": _word("display"),  # what the provider calls it: it stands beside its code
            "doctor of a claim": f"Dr {_word('Amal')}",
        }
    )
    sealed: dict[str, str] = field(
        default_factory=lambda: {
            "national id": make_saudi_id("national_id", _serial()),
            "national id of a claim": make_saudi_id("national_id", _serial()),
            "national id of a message": make_saudi_id("national_id", _serial()),
            "national id refused": make_saudi_id("national_id", _serial()),
            "iqama": make_saudi_id("iqama", _serial()),
            "wrong id": "1" + secrets.token_hex(6),
            "passport": f"P{_serial():08d}",
            "phone": f"+9665{_serial():08d}",
            "phone of a claim": f"+9665{_serial():08d}",
            "phone of a message": f"+9665{_serial():08d}",
            "mail": f"{_word('mail')}@patient.example",
            "mail of nobody": f"{_word('nobody')}@clinic.example",
            "note of an appointment": _word("note"),
            "note of a claim": _word("note"),
            "note of a message": _word("note"),
            "information of a claim": _word("information"),
            "attachment of a claim": _word("attachment"),
            "message to a task": _word("echo"),
            "message to a durable task": _word("later"),
            "input of a workflow": _word("input"),
            "message to an agent": _word("inbox"),
            "search": _word("search"),
            "path": _word("path"),
            "key of a request": _word("key"),
            "password": _word("password"),
            "password of Redis": _word("redis"),
            "wrong password": _word("wrong"),
            "token of nobody": _word("token"),
            "token in an address": _word("query"),
            "cookie": _word("cookie"),
            "key of a machine": _word("apikey"),
            "user agent": _word("agent"),
            "fault of a route": _word("fault"),
            "fault of the database": _word("detail"),
            "fault of a step": _word("step"),
            "log of a library": _word("library"),
        }
    )

    def everything(self) -> dict[str, str]:
        return self.names | self.sealed


class Witness:
    """Keeps what a system shows: its logs, its error bodies, and the headers of its answers."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.refusals: list[str] = []
        self.headers: list[str] = []

    async def see(self, answer: httpx.Response) -> None:
        await answer.aread()
        self.headers.append(f"{answer.request.method} {answer.headers.multi_items()}")
        if answer.is_error:
            self.refusals.append(f"{answer.status_code} {json.dumps(answer.json(), ensure_ascii=False)}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Write every log at DEBUG, as `masterlinc serve` writes it."""
        root, before = logging.getLogger(), logging.getLogger().level
        handlers = [logging.StreamHandler(self.log) for _ in range(2)]
        for handler, formatter in zip(handlers, (logs.JsonFormatter(), logs.PrettyFormatter()), strict=True):
            handler.setFormatter(formatter)
            root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.setLevel(before)
            for handler in handlers:
                root.removeHandler(handler)


async def in_tables(url: str) -> dict[str, str]:
    """Return every table's rows as text; bytes are written as they are, for they may hold text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = {}
        for table in tables:
            rows = await connection.fetch(f"SELECT * FROM {table['name']}")
            found[table["name"]] = "\n".join(_shown(value) for row in rows for value in row.values())
        return found
    finally:
        await connection.close()


def _shown(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


async def in_redis(url: str) -> str:
    """Return every key and value of a Redis."""
    async with Redis.from_url(url) as redis:
        shown = []
        for key in await redis.keys("*"):
            kind = (await redis.type(key)).decode()
            value = await redis.xrange(key) if kind == "stream" else await redis.get(key)
            shown.append(f"{key!r} {value!r}")
        return "\n".join(shown)


def hits(place: str, text: str, canaries: dict[str, str]) -> list[str]:
    """Say which canaries are there, as they are or escaped."""
    folded = text.casefold()
    return [
        f"{what} in {place}"
        for what, value in canaries.items()
        if value.casefold() in folded or json.dumps(value)[1:-1].casefold() in folded
    ]
