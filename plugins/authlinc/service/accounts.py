"""Managing the users of one's own organization: nobody gives more than they may, and nobody changes themselves."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from msgspec import UNSET

from authlinc import queries
from authlinc.management_errors import OwnAccount
from authlinc.schemas import UserChange, UserForm, UserPage, UserView
from authlinc.service import emails, naming
from authlinc.service.endings import end_sessions_of
from authlinc.service.rights import require_givable
from authlinc.service.users import Invited, invite_user, role_faults
from authlinc.tables import UserAccount
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import Invalid, NotFound
from masterlinc.etags import require_match
from masterlinc.http import paging


async def list_users(ctx: Context, email: str | None, page: int, page_size: int) -> UserPage:
    """Return the organization's users, or the one with this e-mail address."""
    wanted, home = paging.page(page, page_size), ctx.principal.organization_id
    index = None if email is None else emails.email_index(ctx, emails.fold_email(email))
    async with ctx.transaction(read_only=True) as transaction:
        rows = await transaction.fetch(queries.USERS, home, index, wanted.limit, wanted.offset)
        counted = await transaction.fetchval(queries.COUNT_USERS, home, index)
    total, exact = paging.capped(counted)
    users = [view(ctx, home, row) for row in rows]
    return UserPage(users=users, total=total, page=page, page_size=page_size, total_exact=exact)


async def show_user(ctx: Context, user_id: UUID) -> UserView:
    """Return a user of the organization; raises NotFound."""
    home = ctx.principal.organization_id
    async with ctx.transaction(read_only=True) as transaction:
        row = await transaction.fetchrow(queries.USER, home, user_id)
    if row is None:
        raise NotFound
    return view(ctx, home, row)


async def make_user(ctx: Context, form: UserForm) -> UserView:
    """Make a user of the organization, who cannot sign in before they have chosen a password."""
    faults = role_faults(ctx, form.roles) + naming.faults_of({"name": form.name, "name_ar": form.name_ar})
    if faults:
        raise Invalid(errors=faults)
    require_givable(ctx, form.roles)
    home = ctx.principal.organization_id
    made = await invite_user(ctx, Invited(home, form.email, form.name, form.name_ar, form.roles))
    return await show_user(ctx, made)


async def change_user(ctx: Context, user_id: UUID, change: UserChange, if_match: str | None) -> UserView:
    """Change names, roles or access; whoever loses or gets a role signs in again, so that it holds at once."""
    home = ctx.principal.organization_id
    names = naming.cleaned(name=change.name, name_ar=change.name_ar)
    if change.roles is not UNSET and (faults := role_faults(ctx, change.roles)):
        raise Invalid(errors=faults)

    async def work(transaction: Transaction) -> None:
        row = await transaction.fetchrow(queries.LOCK_USER, home, user_id)
        if row is None:
            raise NotFound
        require_match(if_match, view(ctx, home, row))
        _require_rights(ctx, user_id, row["roles"], change)
        values: dict[Any, Any] = dict(names)
        if change.roles is not UNSET:
            values["roles"] = list(change.roles)
        if change.enabled is not UNSET and change.enabled != (row["disabled_at"] is None):
            values["disabled_at"] = None if change.enabled else ctx.clock.now()
        values = {name: value for name, value in values.items() if row[name] != value}
        if not values:
            return
        await UserAccount.update(values).where(UserAccount.organization_id == home, UserAccount.id == user_id)
        if values.get("disabled_at"):
            await end_sessions_of(ctx, transaction, home, user_id, "disabled")
        elif "roles" in values:
            await end_sessions_of(ctx, transaction, home, user_id, "roles")
        _audit(transaction, home, user_id, row, values)

    await ctx.run(work)
    return await show_user(ctx, user_id)


def view(ctx: Context, home: UUID, row: Any) -> UserView:
    """Return a user's row as it is shown."""
    return UserView(
        user_id=ids.show("USR", row["id"]),
        email=emails.open_email(ctx, home, row["id"], row["email"]),
        name=row["name"],
        name_ar=row["name_ar"],
        roles=tuple(row["roles"]),
        enabled=row["disabled_at"] is None,
        has_password=row["has_password"],
        created_at=row["created_at"],
    )


def _require_rights(ctx: Context, user_id: UUID, roles: Iterable[str], change: UserChange) -> None:
    if user_id == ctx.principal.user_id and (change.roles is not UNSET or change.enabled is not UNSET):
        raise OwnAccount
    require_givable(ctx, [*roles, *(() if change.roles is UNSET else change.roles)])


def _audit(transaction: Transaction, home: UUID, user_id: UUID, row: Any, values: dict[Any, Any]) -> None:
    """Write what was changed; of names only that they were."""
    detail = {"changed": ",".join(sorted(values))}
    if "roles" in values:
        detail |= {"from": ",".join(row["roles"]), "to": ",".join(values["roles"])}
    action = "user.change"
    if "disabled_at" in values:
        action = "user.disable" if values["disabled_at"] else "user.enable"
    transaction.audit(action, "user", ids.show("USR", user_id), organization_id=home, detail=detail)
