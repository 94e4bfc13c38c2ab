"""A password that somebody chooses: looked at by the rules, and hashed."""

from uuid import UUID

from authlinc.service import password_rules
from authlinc.service.state import state_of
from authlinc.tables import UserAccount
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid

_OURS = ("masterlinc", "authlinc", "nphies")


def password_faults(ctx: Context, password: str, context: tuple[str, ...], field: str = "password") -> list[FieldError]:
    """Return what is wrong with a new password; `context` are the owner's address, names and organization."""
    found = password_rules.faults(
        password, shortest=ctx.config.password_length, context=(*_OURS, *context), field=field
    )
    if not found and password in state_of(ctx).blocklist:
        detail = "this password is on the list of passwords that nobody may choose here"
        detail_ar = "كلمة المرور هذه ضمن قائمة الكلمات الممنوعة هنا"
        return [FieldError(field, "too-common", detail, detail_ar)]
    return found


async def hash_new(ctx: Context, password: str, context: tuple[str, ...]) -> str:
    """Return the hash of a password that its owner chose; raises Invalid, or Unavailable when too many come at once."""
    found = password_faults(ctx, password, context)
    if found:
        raise Invalid(errors=found)
    passwords = state_of(ctx).passwords
    async with passwords.admitted():
        return await passwords.hash(password)


async def store_password(_: Transaction, organization_id: UUID, user_id: UUID, new_hash: str) -> None:
    """Store the hash of a new password in the open transaction, which locks the user's row and ends sessions."""
    await UserAccount.update({UserAccount.password_hash: new_hash}).where(
        UserAccount.organization_id == organization_id, UserAccount.id == user_id
    )
