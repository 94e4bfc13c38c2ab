"""A user's own second factor, changed for fresh proof only; and an administrator's help for one that is lost."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from authlinc import factor_queries as queries
from authlinc.contract import SecondFactorReset
from authlinc.errors import CodeRefused, LoginRefused, OwnFactor, SecondFactorMissing, SecondFactorPresent
from authlinc.service import defence, factors
from authlinc.service.defence import Known
from authlinc.service.endings import end_sessions_of
from authlinc.service.factors import Enrolment
from authlinc.service.rights import require_givable
from authlinc.service.state import state_of
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction

R = TypeVar("R")


class Standing(Struct, frozen=True):
    """Whether a user has a second factor, and whether they have to."""

    enrolled: bool
    required: bool
    enrolled_at: datetime | None
    recovery_codes_left: int


async def standing(ctx: Context) -> Standing:
    """Return how the caller stands; raises NotFound for a principal that is no user."""
    who = ctx.principal
    async with ctx.transaction(read_only=True) as transaction:
        holder = await factors.load_holder(transaction, who.organization_id, who.user_id)
        left = await transaction.fetchval(queries.CODES_LEFT, who.organization_id, who.user_id)
    enrolled = holder["confirmed_at"] is not None
    needed = factors.required(ctx, tuple(holder["roles"]))
    return Standing(enrolled, needed, holder["confirmed_at"], left if enrolled else 0)


async def enrol(ctx: Context, password: str) -> Enrolment:
    """Give the caller a secret for their password: a stolen session is not enough.

    Raises LoginRefused, LoginPaused or SecondFactorPresent.
    """
    holder = await _own(ctx)
    if holder["confirmed_at"] is not None:
        raise SecondFactorPresent
    await _prove_password(ctx, holder, password)
    async with ctx.transaction() as transaction:
        return await factors.put_factor(ctx, transaction, ctx.principal.organization_id, holder)


async def confirm(ctx: Context, code: str) -> None:
    """Put the caller's new secret in force; what they are signed in to elsewhere ends. Raises CodeRefused."""
    holder = await _own(ctx)

    async def work(transaction: Transaction) -> bool:
        fits = await factors.confirm_factor(ctx, transaction, ctx.principal.organization_id, holder, code)
        if fits:
            await _end_others(ctx, transaction)
        return fits

    await _counted(ctx, holder, "auth.factor.enrol", work)


async def disable(ctx: Context, code: str) -> None:
    """Take the caller's factor away, for a fresh code of it; raises CodeRefused or SecondFactorMissing."""

    async def work(transaction: Transaction) -> None:
        who = ctx.principal
        await factors.remove_factor(transaction, who.organization_id, who.user_id)
        await _end_others(ctx, transaction)
        user = ids.show("USR", who.user_id)
        transaction.audit("auth.factor.disable", "user", user, organization_id=who.organization_id)

    await _for_fresh_code(ctx, code, "auth.factor.disable", work)


async def renew_codes(ctx: Context, code: str) -> tuple[str, ...]:
    """Replace the caller's recovery codes, for a fresh code; raises CodeRefused or SecondFactorMissing."""

    async def work(transaction: Transaction) -> tuple[str, ...]:
        who = ctx.principal
        user = ids.show("USR", who.user_id)
        transaction.audit("auth.factor.renew_codes", "user", user, organization_id=who.organization_id)
        return await factors.put_codes(transaction, who.organization_id, who.user_id)

    return await _for_fresh_code(ctx, code, "auth.factor.renew_codes", work)


async def reset(ctx: Context, user_id: UUID) -> None:
    """Take a lost factor away from another user of the caller's organization, and end what they are signed in to.

    Raises NotFound, SecondFactorMissing, RoleNotYours, or OwnFactor: one's own is taken away with a code of it.
    """
    who, home = ctx.principal, ctx.principal.organization_id
    if user_id == who.user_id:
        raise OwnFactor
    async with ctx.transaction() as transaction:
        require_givable(ctx, (await factors.load_holder(transaction, home, user_id))["roles"])
        if not await factors.remove_factor(transaction, home, user_id):
            raise SecondFactorMissing
        await end_sessions_of(ctx, transaction, home, user_id, "admin")
        event = SecondFactorReset(user_id, home, who.user_id)
        transaction.publish(event, aggregate=user_id, organization_id=home)
        transaction.audit("auth.factor.reset", "user", ids.show("USR", user_id), organization_id=home)


async def _own(ctx: Context) -> Any:
    async with ctx.transaction(read_only=True) as transaction:
        return await factors.load_holder(transaction, ctx.principal.organization_id, ctx.principal.user_id)


async def _for_fresh_code(ctx: Context, code: str, action: str, work: Callable[[Transaction], Awaitable[R]]) -> R:
    """Do work in the transaction that uses the code up; raises CodeRefused or SecondFactorMissing."""
    holder = await _own(ctx)
    if holder["confirmed_at"] is None:
        raise SecondFactorMissing

    async def with_code(transaction: Transaction) -> tuple[R] | None:
        home = ctx.principal.organization_id
        fits = await factors.use_code(ctx, transaction, home, holder, code)
        return (await work(transaction),) if fits else None

    (result,) = await _counted(ctx, holder, action, with_code)
    return result


async def _counted(ctx: Context, holder: Any, action: str, work: Callable[[Transaction], Awaitable[R | None]]) -> R:
    """Count a try, then do work that answers something where the code was right; raises LoginPaused, CodeRefused."""
    attempt = await defence.count(ctx, holder["email_index"], action, session=ctx.principal.session_id)
    async with ctx.transaction() as transaction:
        done = await work(transaction)
        if done:
            await defence.forget(transaction, attempt)
            return done
    known = Known(ctx.principal.organization_id, holder["id"])
    await defence.refused(ctx, attempt, known, "code", action)
    raise CodeRefused


async def _prove_password(ctx: Context, holder: Any, password: str) -> None:
    passwords, session = state_of(ctx).passwords, ctx.principal.session_id
    async with passwords.admitted():
        attempt = await defence.count(ctx, holder["email_index"], "auth.factor.enrol", session=session)
        verdict = await passwords.check(holder["password_hash"], password)
    if not verdict.fits:
        known = Known(ctx.principal.organization_id, holder["id"])
        await defence.refused(ctx, attempt, known, "password", "auth.factor.enrol")
        raise LoginRefused
    async with ctx.transaction() as transaction:
        await defence.forget(transaction, attempt)


async def _end_others(ctx: Context, transaction: Transaction) -> None:
    who = ctx.principal
    await end_sessions_of(ctx, transaction, who.organization_id, who.user_id, "closed", keep=who.session_id)
