"""Keys of requests and the answers kept under them: an effect and the record of its answer commit together.

A key is taken and an answer kept by two functions of the database, so that a call of one statement may do both itself.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
COLUMNS = 9


class KeyReused(Invalid):
    """The key came before, with another request."""

    code = "idempotency-key-reused"
    title, title_ar = "This Idempotency-Key was sent with another request", "استُخدم مفتاح Idempotency-Key مع طلب آخر"


class KeyInFlight(Conflict):
    """A request with this key is still being worked on."""

    code = "idempotency-key-in-flight"
    title, title_ar = "A request with this Idempotency-Key is being worked on", "هناك طلب قيد التنفيذ بالمفتاح نفسه"


@dataclass(frozen=True)
class RequestKey:
    """One request under its key; two of other users, routes or organizations never meet."""

    organization_id: UUID
    principal_id: UUID
    route: str
    key_hash: bytes
    request_hash: bytes

    @property
    def label(self) -> str:
        """Return what an answer under this key is sealed with."""
        return f"idempotency/{self.route}/{self.key_hash.hex()}"


@dataclass(frozen=True)
class Answer:
    """What a request is answered; `replayed` says that it was answered before."""

    status: int
    body: bytes
    replayed: bool = False


def row(first: int) -> str:
    """Write, in SQL, the row that `values` fill: COLUMNS parameters, the first of them this one."""
    places = ", ".join(f"${number}" for number in range(first, first + COLUMNS))
    return f"ROW({places})::masterlinc.idempotency"


_TAKE = f"SELECT * FROM masterlinc.take_key({row(1)})"  # noqa: S608 - numbers of parameters
_KEEP = f"SELECT masterlinc.keep_answer({row(1)})"


def values(ctx: Context, key: RequestKey, answer: Answer | None = None) -> tuple[Any, ...]:
    """Return what is kept under a key, the answer sealed; with no answer, what the key is taken with."""
    now, sealed = ctx.clock.now(), None
    if answer is not None:
        sealed = ctx.vault.seal(key.organization_id, key.label, answer.body)
    return (
        key.organization_id,
        key.principal_id,
        key.route,
        key.key_hash,
        key.request_hash,
        answer.status if answer is not None else None,
        sealed,
        now,
        now + KEPT,
    )


def kept(ctx: Context, key: RequestKey, taken: Any) -> Answer | None:
    """Read what `take_key` answered: the answer kept before, or None for a new key; raises KeyReused, KeyInFlight."""
    match taken["key_state"]:
        case "new":
            return None
        case "kept":
            body = ctx.vault.open(key.organization_id, key.label, taken["kept_response"])
            return Answer(taken["kept_status"], body, replayed=True)
        case "reused":
            raise KeyReused
        case _:
            raise KeyInFlight(headers={"Retry-After": "1"})


async def take(ctx: Context, transaction: Transaction, key: RequestKey) -> Answer | None:
    """Take a key until the transaction's end, or return the answer that was kept under it."""
    return kept(ctx, key, await transaction.fetchrow(_TAKE, *values(ctx, key)))


async def keep(ctx: Context, transaction: Transaction, key: RequestKey, answer: Answer) -> None:
    """Keep the answer under the key that this transaction has taken."""
    await transaction.execute(_KEEP, *values(ctx, key, answer))
