"""Second factors as they are stored: put, confirmed, used once a code, taken away. Every call is in a transaction."""

from typing import Any
from uuid import UUID

from msgspec import Struct

from authlinc import factor_queries as queries
from authlinc.errors import SecondFactorPresent
from authlinc.service import emails, totp
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import NotFound


class Enrolment(Struct, frozen=True):
    """What is shown once: the secret for the authenticator, and the codes for when it is lost."""

    secret: str
    otpauth_url: str
    recovery_codes: tuple[str, ...]


def required(ctx: Context, roles: tuple[str, ...]) -> bool:
    """Say whether one of these roles asks for a second factor."""
    known = ctx.services.verifier.rbac.roles
    return ctx.config.second_factor_by_role and any(known[role].second_factor for role in roles if role in known)


async def load_holder(transaction: Transaction, organization_id: UUID, user_id: UUID) -> Any:
    """Return a user with their factor, if they have one; raises NotFound."""
    holder = await transaction.fetchrow(queries.HOLDER, organization_id, user_id)
    if holder is None:
        raise NotFound
    return holder


async def put_factor(ctx: Context, transaction: Transaction, organization_id: UUID, holder: Any) -> Enrolment:
    """Give a user a secret and recovery codes, in force once a code is confirmed; raises SecondFactorPresent."""
    user_id, secret = holder["id"], totp.new_secret()
    sealed = ctx.vault.seal(organization_id, _label(user_id), secret.encode())
    if not await transaction.fetchval(queries.PUT_FACTOR, organization_id, user_id, sealed, ctx.clock.now()):
        raise SecondFactorPresent
    codes = await put_codes(transaction, organization_id, user_id)
    email = emails.open_email(ctx, organization_id, user_id, holder["email"])
    return Enrolment(secret, totp.otpauth_url(secret, email), codes)


async def put_codes(transaction: Transaction, organization_id: UUID, user_id: UUID) -> tuple[str, ...]:
    """Replace a user's recovery codes; returns the new ones, which are kept as digests only."""
    codes = totp.new_recovery_codes()
    digests = [totp.recovery_digest(user_id, code) for code in codes]
    await transaction.execute(queries.DELETE_CODES, organization_id, user_id)
    await transaction.execute(queries.ADD_CODES, organization_id, user_id, digests)
    return codes


async def confirm_factor(ctx: Context, transaction: Transaction, organization_id: UUID, holder: Any, code: str) -> bool:
    """Put a user's new secret in force, for a code of it; that code is used up."""
    if holder["secret"] is None or holder["confirmed_at"] is not None:
        return False
    step = _step(ctx, organization_id, holder, code)
    if step is None:
        return False
    user_id, now = holder["id"], ctx.clock.now()
    # The sealed secret is compared, so that a code of one secret does not confirm another that came meanwhile.
    confirmed = await transaction.fetchval(
        queries.CONFIRM_FACTOR, organization_id, user_id, now, step, holder["secret"]
    )
    if confirmed is None:
        return False
    _audit(transaction, "auth.factor.enrol", organization_id, user_id)
    return True


async def use_code(ctx: Context, transaction: Transaction, organization_id: UUID, holder: Any, code: str) -> str:
    """Use up a code of the authenticator or of the recovery codes; returns which it was, empty for none."""
    if holder["confirmed_at"] is None:
        return ""
    user_id = holder["id"]
    step = _step(ctx, organization_id, holder, code)
    if step is not None:
        return "code" if await transaction.fetchval(queries.USE_STEP, organization_id, user_id, step) else ""
    digest = totp.recovery_digest(user_id, code)
    used = await transaction.fetchval(queries.USE_CODE, organization_id, user_id, digest, ctx.clock.now())
    if used is None:
        return ""
    _audit(transaction, "auth.factor.recover", organization_id, user_id)
    return "recovery code"


async def remove_factor(transaction: Transaction, organization_id: UUID, user_id: UUID) -> bool:
    """Take a user's factor, recovery codes and open challenges away; False where there was no factor."""
    await transaction.execute(queries.DELETE_CHALLENGES, organization_id, user_id)
    await transaction.execute(queries.DELETE_CODES, organization_id, user_id)
    return await transaction.fetchval(queries.DELETE_FACTOR, organization_id, user_id) is not None


def _step(ctx: Context, organization_id: UUID, holder: Any, code: str) -> int | None:
    secret = ctx.vault.open(organization_id, _label(holder["id"]), holder["secret"]).decode()
    return totp.matching_step(secret, totp.plain_code(code), ctx.clock.now())


def _audit(transaction: Transaction, action: str, organization_id: UUID, user_id: UUID) -> None:
    transaction.audit(action, "user", ids.show("USR", user_id), organization_id=organization_id)


def _label(user_id: UUID) -> str:
    return f"authlinc.second_factor/{user_id}"
