"""Users: made by those who run the system, and disabled at once."""

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from authlinc.contract import SessionRevoked
from authlinc.errors import EmailTaken
from authlinc.service import emails
from authlinc.service.sessions import revoke
from authlinc.service.state import state_of
from authlinc.tables import Session, UserAccount
from masterlinc import ids, text
from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid, NotFound

_SHORTEST_PASSWORD = 8


class NewUser(Struct, frozen=True):
    """A user to make."""

    organization_id: UUID
    email: str
    password: str
    name: str
    name_ar: str
    roles: tuple[str, ...]


async def create_user(ctx: Context, new: NewUser) -> UUID:
    """Make a user; raises Invalid or EmailTaken."""
    _check(ctx, new)
    key, email = ids.new_id(), emails.fold_email(new.email)
    password_hash = await state_of(ctx).passwords.hash(new.password)
    try:
        async with ctx.transaction(frozenset({new.organization_id})) as transaction:
            await UserAccount.insert(
                UserAccount(
                    organization_id=new.organization_id,
                    id=key,
                    email=emails.seal_email(ctx, new.organization_id, key, email),
                    email_index=emails.email_index(ctx, email),
                    password_hash=password_hash,
                    name=text.clean(new.name, least=1, most=200),
                    name_ar=text.clean(new.name_ar, least=1, most=200),
                    roles=list(new.roles),
                    created_at=ctx.clock.now(),
                )
            )
            user, roles = ids.show("USR", key), ",".join(new.roles)
            transaction.audit("user.create", "user", user, organization_id=new.organization_id, detail={"roles": roles})
    except asyncpg.UniqueViolationError:
        raise EmailTaken from None
    return key


async def disable_user(ctx: Context, organization_id: UUID, user_id: UUID) -> None:
    """Let a user in no more, and end what they are signed in to; raises NotFound."""
    async with ctx.transaction(frozenset({organization_id})) as transaction:
        now = ctx.clock.now()
        if not await _disable(organization_id, user_id, now):
            raise NotFound
        ended = await _end_sessions(organization_id, user_id, now)
        await revoke(ctx, transaction, ended)
        for key in ended:
            transaction.publish(SessionRevoked(key, organization_id), aggregate=key, organization_id=organization_id)
        transaction.audit("user.disable", "user", ids.show("USR", user_id), organization_id=organization_id)


async def _disable(organization_id: UUID, user_id: UUID, now: datetime) -> bool:
    """Disable a user; False where there is none, or no more."""
    return bool(
        await UserAccount.update({UserAccount.disabled_at: now})
        .where(
            UserAccount.organization_id == organization_id,
            UserAccount.id == user_id,
            UserAccount.disabled_at.is_null(),
        )
        .returning(UserAccount.id)
    )


async def _end_sessions(organization_id: UUID, user_id: UUID, now: datetime) -> list[UUID]:
    """End the sessions that a user has open; returns them."""
    ended = (
        await Session.update({Session.ended_at: now, Session.ended_why: "disabled"})
        .where(
            Session.organization_id == organization_id,
            Session.user_id == user_id,
            Session.ended_at.is_null(),
            Session.expires_at > now,
        )
        .returning(Session.id)
    )
    return [row["id"] for row in ended]


def _check(ctx: Context, new: NewUser) -> None:
    faults = [
        FieldError("roles", "unknown-role", f"there is no role {role}", f"لا يوجد دور باسم {role}")
        for role in new.roles
        if role not in ctx.services.verifier.rbac.roles
    ]
    if not new.roles:
        faults.append(FieldError("roles", "required", "a user has a role", "يجب تحديد دور للمستخدم"))
    if len(new.password) < _SHORTEST_PASSWORD:
        detail = f"a password has at least {_SHORTEST_PASSWORD} characters"
        faults.append(FieldError("password", "too-short", detail, f"أقل طول لكلمة المرور {_SHORTEST_PASSWORD} أحرف"))
    if faults:
        raise Invalid(errors=faults)
