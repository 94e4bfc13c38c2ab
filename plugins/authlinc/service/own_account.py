"""One's own names and password."""

from typing import Any

from msgspec import structs

from authlinc import queries
from authlinc.contract import LoadOrganization
from authlinc.errors import LoginRefused
from authlinc.management_errors import WrongPassword
from authlinc.schemas import NamesChange, PasswordChange
from authlinc.service import defence, emails, naming
from authlinc.service.directory import load_organization
from authlinc.service.endings import end_sessions_of
from authlinc.service.entry import bar
from authlinc.service.new_passwords import password_faults, store_password
from authlinc.service.profile import Profile, profile
from authlinc.service.state import state_of
from authlinc.tables import UserAccount
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.security.passwords import normalize


async def change_names(ctx: Context, change: NamesChange) -> Profile:
    """Change one's own names."""
    who = ctx.principal
    names: dict[Any, Any] = dict(naming.cleaned(**structs.asdict(change)))
    async with ctx.transaction() as transaction:
        row = await transaction.fetchrow(queries.LOCK_USER, who.organization_id, who.user_id)
        if row is None:
            raise NotFound
        if names:
            await UserAccount.update(names).where(
                UserAccount.organization_id == who.organization_id, UserAccount.id == who.user_id
            )
            _audit(transaction, ctx, "user.change", {"changed": ",".join(sorted(names))})
    return await profile(ctx)


async def change_password(ctx: Context, change: PasswordChange) -> int:
    """Choose a new password with the present one; the other sessions end. Returns how many those were.

    Raises Invalid, WrongPassword, LoginPaused, or Unavailable. The present password is guessed at no faster here than
    where one signs in: a stolen access token must not be a way around that.
    """
    who, passwords = ctx.principal, state_of(ctx).passwords
    async with ctx.transaction(read_only=True) as transaction:
        user = await transaction.fetchrow(queries.USER_AND_HASH, who.organization_id, who.user_id)
    if user is None:
        raise NotFound
    email = emails.open_email(ctx, who.organization_id, who.user_id, user["email"])
    organization = await load_organization(ctx, LoadOrganization(who.organization_id))
    context = (email, user["name"], user["name_ar"], organization.name, organization.name_ar)
    faults = password_faults(ctx, change.new_password, context, "new_password")
    if normalize(change.current_password) == normalize(change.new_password):
        faults.append(_same())
    if faults:
        raise Invalid(errors=faults)
    async with passwords.admitted():
        attempt = await defence.count(ctx, user["email_index"], "auth.password", session=who.session_id)
        verdict = await passwords.check(user["password_hash"], change.current_password)
        if not verdict.fits:
            known = defence.Known(who.organization_id, who.user_id)
            await defence.refused(ctx, attempt, known, "password", "auth.password", password=change.current_password)
            raise WrongPassword(errors=[_wrong()])
        new_hash = await passwords.hash(change.new_password)

    async def work(transaction: Transaction) -> int:
        row = await transaction.fetchrow(queries.LOCK_USER, who.organization_id, who.user_id)
        if bar(row) or row["password_hash"] != user["password_hash"]:
            raise LoginRefused
        await store_password(transaction, who.organization_id, who.user_id, new_hash)
        await defence.forget(transaction, attempt)
        ended = await end_sessions_of(
            ctx, transaction, who.organization_id, who.user_id, "password", keep=who.session_id
        )
        _audit(transaction, ctx, "auth.password", {"ended": f"{ended} sessions"})
        return ended

    return await ctx.run(work)


def _audit(transaction: Transaction, ctx: Context, action: str, detail: dict[str, str]) -> None:
    who = ctx.principal
    transaction.audit(action, "user", ids.show("USR", who.user_id), organization_id=who.organization_id, detail=detail)


def _wrong() -> FieldError:
    return FieldError("current_password", "wrong", WrongPassword.title, WrongPassword.title_ar)


def _same() -> FieldError:
    return FieldError(
        "new_password", "same", "the new password is the present one", "كلمة المرور الجديدة هي الحالية نفسها"
    )
