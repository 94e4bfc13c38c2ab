"""Users: made by those who run the system, and disabled at once."""

from uuid import UUID

import asyncpg
from msgspec import Struct

from authlinc import queries
from authlinc.contract import SessionRevoked
from authlinc.errors import EmailTaken
from authlinc.service import emails
from authlinc.service.sessions import revoke
from authlinc.service.state import state_of
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
            await transaction.execute(
                queries.ADD_USER,
                new.organization_id,
                key,
                emails.seal_email(ctx, new.organization_id, key, email),
                emails.email_index(ctx, email),
                password_hash,
                text.clean(new.name, least=1, most=200),
                text.clean(new.name_ar, least=1, most=200),
                list(new.roles),
                ctx.clock.now(),
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
        done = await transaction.execute(queries.DISABLE_USER, organization_id, user_id, now)
        if done != "UPDATE 1":
            raise NotFound
        rows = await transaction.fetch(queries.END_SESSIONS_OF_USER, organization_id, user_id, now, "disabled")
        await revoke(ctx, transaction, [row["id"] for row in rows])
        for row in rows:
            transaction.publish(
                SessionRevoked(row["id"], organization_id), aggregate=row["id"], organization_id=organization_id
            )
        transaction.audit("user.disable", "user", ids.show("USR", user_id), organization_id=organization_id)


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
