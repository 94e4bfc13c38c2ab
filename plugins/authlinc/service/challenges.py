"""The second step of a sign-in: a code for the challenge that the first step was answered with."""

from typing import Any

from msgspec import Struct

from authlinc import factor_queries as queries
from authlinc.errors import ChallengeRefused, CodeRefused, LoginRefused
from authlinc.service import defence, entry, factors, opaque, second_step
from authlinc.service.defence import Known
from authlinc.service.entry import Person, Proof
from authlinc.service.factors import Enrolment
from authlinc.service.opaque import Opaque
from authlinc.service.sessions import Tokens
from masterlinc.context import Context
from masterlinc.db import Actor, Transaction

_ACTION = "auth.login"


class _Challenge(Struct, frozen=True):
    """A challenge that is open, and the user whom it was given to."""

    presented: Opaque
    purpose: str
    proven: frozenset[str]
    holder: Any


async def answer(ctx: Context, token: str, code: str) -> Tokens:
    """Open the session that waits for a code; raises ChallengeRefused, CodeRefused, LoginPaused or LoginRefused."""
    challenge = await _load(ctx, token)
    home, user_id = challenge.presented.organization_id, challenge.holder["id"]
    attempt = await defence.count(ctx, challenge.holder["email_index"])
    barred, proven = False, frozenset(Proof(one) for one in challenge.proven) | {Proof.CODE}
    actor = Actor(user_id, "user", None, ctx.trace_id, ctx.address, home, ctx.actor.purpose)
    async with ctx.db.transaction(frozenset({home}), actor=actor) as transaction:
        if await _use(ctx, transaction, challenge, code):
            try:
                return await entry.enter(ctx, Person(home, user_id), proven, attempt=attempt)
            except LoginRefused:
                barred = True  # what was written down stays
    if barred:
        raise LoginRefused
    await defence.refused(ctx, attempt, Known(home, user_id), "code", _ACTION)
    raise CodeRefused


async def enrol(ctx: Context, token: str) -> Enrolment:
    """Give a secret to who has to have a second factor and has none; raises ChallengeRefused."""
    challenge = await _load(ctx, token)
    home = challenge.presented.organization_id
    if challenge.purpose != "enrol" or challenge.holder["confirmed_at"] is not None:
        raise ChallengeRefused
    async with ctx.transaction(frozenset({home})) as transaction:
        return await factors.put_factor(ctx, transaction, home, challenge.holder)


async def _load(ctx: Context, token: str) -> _Challenge:
    """Return an open challenge; raises ChallengeRefused for one that is unknown, used, over, or of an old password."""
    presented = opaque.read_token(second_step.PREFIX, token)
    if presented is None:
        raise ChallengeRefused
    home = presented.organization_id
    async with ctx.transaction(frozenset({home})) as transaction:
        row = await transaction.fetchrow(queries.CHALLENGE, home, presented.digest, ctx.clock.now())
        if row is not None:
            holder = await factors.load_holder(transaction, home, row["user_id"])
            if second_step.password_mark(holder) == row["password_mark"]:
                return _Challenge(presented, row["purpose"], frozenset(row["proven"]), holder)
        _audit_refusal(transaction, presented)
    raise ChallengeRefused


async def _use(ctx: Context, transaction: Transaction, challenge: _Challenge, code: str) -> bool:
    """Use up the code and the challenge; False where either is not good, or somebody else was faster."""
    home = challenge.presented.organization_id
    if challenge.purpose == "enrol":
        fits = await factors.confirm_factor(ctx, transaction, home, challenge.holder, code)
    else:
        fits = bool(await factors.use_code(ctx, transaction, home, challenge.holder, code))
    digest, now = challenge.presented.digest, ctx.clock.now()
    return fits and await transaction.fetchval(queries.USE_CHALLENGE, home, digest, now) is not None


def _audit_refusal(transaction: Transaction, presented: Opaque) -> None:
    """Write down a challenge that is not good; its organization is only what the caller wrote."""
    resource = f"challenge:{presented.digest.hex()[:16]}"
    transaction.audit(
        _ACTION, "challenge", resource, organization_id=None, outcome="refused", detail={"reason": "challenge"}
    )
