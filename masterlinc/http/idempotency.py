"""`Idempotency-Key` over HTTP: a repeated request has one effect and gets the answer that was kept.

What failed left nothing behind and is not kept: the same key may be tried again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

from litestar import Request, Response
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema

from masterlinc import idempotency
from masterlinc.beside import beside
from masterlinc.clock import Clock
from masterlinc.context import Context
from masterlinc.db.faults import FAULTS
from masterlinc.db.transaction import Database, Transaction
from masterlinc.errors import DomainError, Malformed
from masterlinc.idempotency import Answer, KeyInFlight, KeyReused, RequestKey
from masterlinc.observe.logs import logger
from masterlinc.wire import encode

HEADER = "idempotency-key"
_PARAMETER = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description="The same key with the same request answers what it answered first, for 24 hours.",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
)
REPLAYED = "Idempotency-Replayed"
_LONGEST = 255
_BATCH = 5_000
_SECONDS_BETWEEN = 1800.0

Run = Callable[[], Awaitable[object]]
Call = Callable[[RequestKey | None], Awaitable[Answer]]


@dataclass
class Keyed(Operation):
    """The operation of a route that takes a key, as the documentation of the API tells it."""

    def __post_init__(self) -> None:
        """Add the header to what the route declares itself."""
        self.parameters = [*(self.parameters or ()), _PARAMETER]


class KeyMissing(Malformed):
    """The route takes no request without a key."""

    code = "idempotency-key-missing"
    title, title_ar = "Send an Idempotency-Key", "يجب إرسال Idempotency-Key"


class KeyMalformed(Malformed):
    """The key is no text of 1 to 255 printable ASCII characters."""

    code = "idempotency-key-malformed"
    title = "An Idempotency-Key has 1 to 255 printable ASCII characters"
    title_ar = "يتكون Idempotency-Key من 1 إلى 255 رمزاً من رموز ASCII المطبوعة"


async def idempotent(
    ctx: Context, request: Request[Any, Any, Any], run: Run, *, status: int = 201, required: bool = False
) -> Response[bytes]:
    """Answer a request once a key: `run` does the work in transactions that join the one opened here.

    It answers what becomes the body, or an Answer that says its own status.
    """
    key = _key(request)
    if key is None:
        if required:
            raise KeyMissing
        return _response(_answer(status, await run()))
    keyed = await _keyed(ctx, request, key)
    return _response(await ctx.run(lambda tx: _once(ctx, tx, keyed, run, status)))


async def idempotent_call(ctx: Context, request: Request[Any, Any, Any], call: Call) -> Response[bytes]:
    """Answer a request once a key, where `call` is one call of the database that takes the key and keeps the answer."""
    key = _key(request)
    if key is None:
        return _response(await call(None))
    keyed = await _keyed(ctx, request, key)
    try:
        return _response(await call(keyed))
    except DomainError as refused:
        if isinstance(refused, KeyReused | KeyInFlight) or refused.status >= 500:  # noqa: PLR2004 - a fault of ours
            raise
        # The call looked at the request before the key: what is wrong by now may have been answered once.
        before = await ctx.run(lambda tx: idempotency.take(ctx, tx, keyed))
        if before is None:
            raise
        return _response(before)


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
    async with beside(_tidy(db, clock), "idempotency-tidy"):
        yield


async def _tidy(db: Database, clock: Clock) -> None:
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN)
        try:
            await forget_expired(db, clock.now())
        except FAULTS as fault:
            logger.fault("idempotency not tidied", fault)


def _key(request: Request[Any, Any, Any]) -> str | None:
    sent = [value for name, value in request.scope["headers"] if name == HEADER.encode()]
    if not sent:
        return None
    key = sent[0].decode("latin-1")
    if len(sent) > 1 or not 1 <= len(key) <= _LONGEST or not (key.isascii() and key.isprintable()) or not key.strip():
        raise KeyMalformed
    return key


async def _keyed(ctx: Context, request: Request[Any, Any, Any], key: str) -> RequestKey:
    scope = cast("dict[str, Any]", request.scope)
    target = scope.get("raw_path") or scope["path"].encode()
    return RequestKey(
        organization_id=ctx.principal.organization_id,
        principal_id=ctx.principal.user_id,
        route=f"{scope['method']} {scope.get('path_template') or scope['path']}",
        key_hash=sha256(key.encode()).digest(),
        request_hash=sha256(_framed(target, scope["query_string"], await request.body())).digest(),
    )


def _framed(*parts: bytes) -> bytes:
    """Join parts so that no two different lists give the same bytes."""
    return b"".join(len(part).to_bytes(8) + part for part in parts)


async def _once(ctx: Context, transaction: Transaction, keyed: RequestKey, run: Run, status: int) -> Answer:
    before = await idempotency.take(ctx, transaction, keyed)
    if before is not None:
        return before
    answer = _answer(status, await run())
    await idempotency.keep(ctx, transaction, keyed, answer)
    return answer


def _answer(status: int, made: object) -> Answer:
    return made if isinstance(made, Answer) else Answer(status, encode(made))


def _response(answer: Answer) -> Response[bytes]:
    return Response(
        answer.body,
        status_code=answer.status,
        media_type="application/json",
        headers={REPLAYED: "true"} if answer.replayed else {},
    )
