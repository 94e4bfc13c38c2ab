"""`Idempotency-Key`: the effect and the record of its answer commit together, so a repeated request has one effect.

What failed left nothing behind and is not kept: the same key may be tried again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

import asyncpg
from litestar import Request, Response

from masterlinc.clock import Clock
from masterlinc.context import Context
from masterlinc.db.transaction import Database, Transaction
from masterlinc.errors import Conflict, DomainError, Invalid, Malformed
from masterlinc.observe.logs import logger
from masterlinc.wire import encode

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
KEPT = timedelta(hours=24)
_LONGEST = 255
_BATCH = 5_000
_SECONDS_BETWEEN = 1800.0

Run = Callable[[], Awaitable[object]]


class KeyReused(Invalid):
    """The key came before, with another request."""

    code = "idempotency-key-reused"
    title, title_ar = "This Idempotency-Key was sent with another request", "استُخدم مفتاح Idempotency-Key مع طلب آخر"


class KeyInFlight(Conflict):
    """A request with this key is still being worked on."""

    code = "idempotency-key-in-flight"
    title, title_ar = "A request with this Idempotency-Key is being worked on", "هناك طلب قيد التنفيذ بالمفتاح نفسه"


class KeyMissing(Malformed):
    """The route takes no request without a key."""

    code = "idempotency-key-missing"
    title, title_ar = "Send an Idempotency-Key", "يجب إرسال Idempotency-Key"


class KeyMalformed(Malformed):
    """The key is no text of 1 to 255 printable ASCII characters."""

    code = "idempotency-key-malformed"
    title = "An Idempotency-Key has 1 to 255 printable ASCII characters"
    title_ar = "يتكون Idempotency-Key من 1 إلى 255 رمزاً من رموز ASCII المطبوعة"


@dataclass(frozen=True)
class _Request:
    """One request under its key; two of other users, routes or organizations never meet."""

    route: str
    key_hash: bytes
    request_hash: bytes
    lock: int


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes
    replayed: bool = False


class _Overtaken(Exception):
    pass


async def idempotent(
    ctx: Context, request: Request[Any, Any, Any], run: Run, *, status: int = 201, required: bool = False
) -> Response[bytes]:
    """Answer a request once a key: `run` does the work in transactions that join the one opened here."""
    key = _key(request)
    if key is None:
        if required:
            raise KeyMissing
        return _response(_Answer(status, encode(await run())))
    keyed = await _keyed(ctx, request, key)
    try:
        return _response(await ctx.run(lambda tx: _once(ctx, tx, keyed, run, status)))
    except _Overtaken:
        return _response(await ctx.run(lambda tx: _once(ctx, tx, keyed, run, status)))


async def forget_expired(db: Database, now: datetime) -> int:
    """Delete answers whose time is over; returns how many."""
    gone = 0
    while True:
        async with db.transaction() as transaction:
            batch = int(await transaction.fetchval("SELECT masterlinc.forget_idempotency($1, $2)", now, _BATCH))
        gone += batch
        if batch < _BATCH:
            return gone


@asynccontextmanager
async def tidied(db: Database, clock: Clock) -> AsyncIterator[None]:
    """Delete expired answers now and then while the block runs."""
    task = asyncio.create_task(_tidy(db, clock), name="idempotency-tidy")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _tidy(db: Database, clock: Clock) -> None:
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN)
        try:
            await forget_expired(db, clock.now())
        except (DomainError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            logger.fault("idempotency not tidied", fault)


def _key(request: Request[Any, Any, Any]) -> str | None:
    sent = [value for name, value in request.scope["headers"] if name == HEADER.encode()]
    if not sent:
        return None
    key = sent[0].decode("latin-1")
    if len(sent) > 1 or not 1 <= len(key) <= _LONGEST or not (key.isascii() and key.isprintable()) or not key.strip():
        raise KeyMalformed
    return key


async def _keyed(ctx: Context, request: Request[Any, Any, Any], key: str) -> _Request:
    scope = cast("dict[str, Any]", request.scope)
    route = f"{scope['method']} {scope.get('path_template') or scope['path']}"
    target = scope.get("raw_path") or scope["path"].encode()
    who = ctx.principal
    key_hash = sha256(key.encode()).digest()
    place = sha256(who.organization_id.bytes + who.user_id.bytes + key_hash + route.encode()).digest()
    return _Request(
        route=route,
        key_hash=key_hash,
        request_hash=sha256(_framed(target, scope["query_string"], await request.body())).digest(),
        lock=int.from_bytes(place[:8], signed=True),
    )


def _framed(*parts: bytes) -> bytes:
    """Join parts so that no two different lists give the same bytes."""
    return b"".join(len(part).to_bytes(8) + part for part in parts)


async def _once(ctx: Context, transaction: Transaction, keyed: _Request, run: Run, status: int) -> _Answer:
    found = await _find(ctx, transaction, keyed)
    if found is not None:
        return found
    answer = _Answer(status, encode(await run()))
    await _keep(ctx, transaction, keyed, answer)
    return answer


async def _find(ctx: Context, transaction: Transaction, keyed: _Request) -> _Answer | None:
    """Return the kept answer; the lock turns away whoever comes while the first is at work, without waiting."""
    who = ctx.principal
    row = await transaction.fetchrow(
        "SELECT pg_try_advisory_xact_lock($1) AS free, kept.request_hash, kept.status, kept.response"
        " FROM (VALUES (1)) AS one LEFT JOIN masterlinc.idempotency AS kept ON kept.organization_id = $2"
        " AND kept.principal_id = $3 AND kept.route = $4 AND kept.key_hash = $5 AND kept.expires_at > $6",
        keyed.lock,
        who.organization_id,
        who.user_id,
        keyed.route,
        keyed.key_hash,
        ctx.clock.now(),
    )
    if row["status"] is not None:
        if row["request_hash"] != keyed.request_hash:
            raise KeyReused
        return _Answer(
            row["status"], ctx.vault.open(who.organization_id, _label(keyed), row["response"]), replayed=True
        )
    if not row["free"]:
        raise KeyInFlight(headers={"Retry-After": "1"})
    return None


async def _keep(ctx: Context, transaction: Transaction, keyed: _Request, answer: _Answer) -> None:
    who, now = ctx.principal, ctx.clock.now()
    kept = await transaction.fetchval(
        "INSERT INTO masterlinc.idempotency AS kept (organization_id, principal_id, route, key_hash, request_hash,"
        " status, response, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (organization_id, principal_id, route, key_hash) DO UPDATE SET request_hash = $5, status = $6,"
        " response = $7, created_at = $8, expires_at = $9 WHERE kept.expires_at <= $8 RETURNING true",
        who.organization_id,
        who.user_id,
        keyed.route,
        keyed.key_hash,
        keyed.request_hash,
        answer.status,
        ctx.vault.seal(who.organization_id, _label(keyed), answer.body),
        now,
        now + KEPT,
    )
    if not kept:  # the first one committed between our look and our lock: undo this effect and give its answer
        raise _Overtaken


def _label(keyed: _Request) -> str:
    return f"idempotency/{keyed.route}/{keyed.key_hash.hex()}"


def _response(answer: _Answer) -> Response[bytes]:
    return Response(
        answer.body,
        status_code=answer.status,
        media_type="application/json",
        headers={REPLAYED: "true"} if answer.replayed else {},
    )
