"""Users: made with a password by who runs the system, without one by an administrator; disabled at once."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct

from authlinc.errors import EmailTaken
from authlinc.service import emails, naming
from authlinc.service.new_passwords import password_faults
from authlinc.service.state import state_of
from authlinc.tables import UserAccount
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid


class NewUser(Struct, frozen=True):
    """A user to make."""

    organization_id: UUID
    email: str
    password: str
    name: str
    name_ar: str
    roles: tuple[str, ...]


class Invited(Struct, frozen=True):
    """A user to make who chooses a password later, and cannot sign in before."""

    organization_id: UUID
    email: str
    name: str
    name_ar: str
    roles: tuple[str, ...]


async def create_user(ctx: Context, new: NewUser) -> UUID:
    """Make a user with a password; raises Invalid or EmailTaken."""
    email = emails.fold_email(new.email)
    faults = role_faults(ctx, new.roles) + naming.faults_of({"name": new.name, "name_ar": new.name_ar})
    faults += password_faults(ctx, new.password, (email, new.name, new.name_ar))
    if faults:
        raise Invalid(errors=faults)
    password_hash = await state_of(ctx).passwords.hash(new.password)
    invited = Invited(new.organization_id, email, new.name, new.name_ar, new.roles)
    return await _insert(ctx, invited, password_hash)


async def invite_user(ctx: Context, new: Invited) -> UUID:
    """Make a user without a password; raises Invalid or EmailTaken."""
    faults = role_faults(ctx, new.roles) + naming.faults_of({"name": new.name, "name_ar": new.name_ar})
    if faults:
        raise Invalid(errors=faults)
    return await _insert(ctx, new, None)


def role_faults(ctx: Context, roles: Sequence[str]) -> list[FieldError]:
    """Return what is wrong with the roles of an account."""
    known = ctx.services.verifier.rbac.roles
    faults = [
        FieldError("roles", "unknown-role", f"there is no role {role}", f"لا يوجد دور باسم {role}")
        for role in roles
        if role not in known or not known[role].assignable
    ]
    if not roles:
        faults.append(FieldError("roles", "required", "a user has a role", "يجب تحديد دور للمستخدم"))
    if len(set(roles)) != len(roles):
        faults.append(FieldError("roles", "twice", "a role is named twice", "تكرر اسم دور"))
    return faults


async def _insert(ctx: Context, new: Invited, password_hash: str | None) -> UUID:
    key, email = ids.new_id(), emails.fold_email(new.email)
    names = naming.cleaned(name=new.name, name_ar=new.name_ar)
    try:
        async with ctx.transaction(frozenset({new.organization_id})) as transaction:
            await UserAccount.insert(
                UserAccount(
                    organization_id=new.organization_id,
                    id=key,
                    email=emails.seal_email(ctx, new.organization_id, key, email),
                    email_index=emails.email_index(ctx, email),
                    password_hash=password_hash,
                    name=names["name"],
                    name_ar=names["name_ar"],
                    roles=list(new.roles),
                    created_at=ctx.clock.now(),
                )
            )
            user, roles = ids.show("USR", key), ",".join(new.roles)
            transaction.audit("user.create", "user", user, organization_id=new.organization_id, detail={"roles": roles})
    except asyncpg.UniqueViolationError:
        raise EmailTaken from None
    return key
