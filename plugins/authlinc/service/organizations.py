"""Managing organizations: the operator makes them, changes them, and names the first administrator of each."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import UNSET

from authlinc import queries
from authlinc.contract import LICENSE_SYSTEMS, OrganizationKind
from authlinc.errors import LicenseTaken
from authlinc.management_errors import HasAdministrator, OwnOrganization
from authlinc.schemas import (
    AdministratorForm,
    OrganizationChange,
    OrganizationForm,
    OrganizationPage,
    OrganizationView,
    UserView,
)
from authlinc.service import accounts, naming
from authlinc.service.clients import stop_tokens_in
from authlinc.service.directory import License, NewOrganization, create_organization
from authlinc.service.endings import end_sessions_in
from authlinc.service.state import state_of
from authlinc.service.users import Invited, invite_user
from authlinc.tables import Organization
from masterlinc import ids, text
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from masterlinc.etags import require_match
from masterlinc.http import paging

MANAGE_USERS = "user:manage"
_FIRST_ROLE = {
    OrganizationKind.PROVIDER: "admin",
    OrganizationKind.PAYER: "payer_admin",
    OrganizationKind.OPERATOR: "operator",
}


async def list_organizations(
    ctx: Context, kind: OrganizationKind | None, page: int, page_size: int
) -> OrganizationPage:
    """Return the directory."""
    wanted = paging.page(page, page_size)
    async with ctx.transaction(read_only=True) as transaction:
        rows = await transaction.fetch(queries.ORGANIZATIONS, kind, wanted.limit, wanted.offset)
        total, exact = paging.capped(await transaction.fetchval(queries.COUNT_ORGANIZATIONS, kind))
    found = [_view(row) for row in rows]
    return OrganizationPage(organizations=found, total=total, page=page, page_size=page_size, total_exact=exact)


async def show_organization(ctx: Context, organization_id: UUID) -> OrganizationView:
    """Return an organization of the directory; raises NotFound."""
    async with ctx.transaction(read_only=True) as transaction:
        row = await transaction.fetchrow(queries.ORGANIZATION, organization_id)
    if row is None:
        raise NotFound
    return _view(row)


async def make_organization(ctx: Context, form: OrganizationForm) -> OrganizationView:
    """Make an organization; raises Invalid or LicenseTaken."""
    values = _checked(form.licenses, {"name": form.name, "name_ar": form.name_ar})
    licenses = tuple(License(LICENSE_SYSTEMS[form.kind], value) for value in values)
    made = await create_organization(ctx, NewOrganization(form.kind, form.name, form.name_ar, licenses))
    assert made.organization_id is not None, "it was made just now"
    return await show_organization(ctx, made.organization_id)


async def change_organization(
    ctx: Context, organization_id: UUID, change: OrganizationChange, if_match: str | None
) -> OrganizationView:
    """Change names, licences or whether its users may sign in; those of a disabled one are signed out at once."""
    given = () if change.licenses is UNSET else change.licenses
    licenses = _checked(given, {"name": change.name, "name_ar": change.name_ar})
    if organization_id == ctx.principal.organization_id and change.enabled is False:
        raise OwnOrganization

    async def work(transaction: Transaction) -> None:
        row = await _locked(transaction, organization_id)
        require_match(if_match, _view(row))
        values: dict[Any, Any] = dict(naming.cleaned(name=change.name, name_ar=change.name_ar))
        if change.enabled is not UNSET and change.enabled != (row["disabled_at"] is None):
            values["disabled_at"] = None if change.enabled else ctx.clock.now()
        if values:
            await Organization.update(values).where(Organization.id == organization_id)
        if values.get("disabled_at"):
            await end_sessions_in(ctx, transaction, organization_id, "disabled")
            await stop_tokens_in(ctx, transaction, organization_id)
        if change.licenses is not UNSET:
            await _replace_licenses(transaction, row, licenses)
            values["licenses"] = licenses
        _audit(transaction, organization_id, values)
        transaction.on_commit(state_of(ctx).organizations.clear)

    try:
        await ctx.run(work, frozenset({organization_id}))
    except asyncpg.UniqueViolationError:
        raise LicenseTaken from None
    return await show_organization(ctx, organization_id)


async def name_administrator(ctx: Context, organization_id: UUID, form: AdministratorForm) -> UserView:
    """Make the first administrator of an organization; raises HasAdministrator where somebody manages its users."""
    rbac = ctx.services.verifier.rbac
    managing = [name for name, role in rbac.roles.items() if MANAGE_USERS in role.grants]
    async with ctx.transaction(frozenset({organization_id})) as transaction:
        row = await _locked(transaction, organization_id)
        if await transaction.fetchval(queries.ADMINISTRATOR, organization_id, managing):
            raise HasAdministrator
        role = _FIRST_ROLE[OrganizationKind(row["kind"])]
        made = await invite_user(ctx, Invited(organization_id, form.email, form.name, form.name_ar, (role,)))
        return accounts.view(ctx, organization_id, await transaction.fetchrow(queries.USER, organization_id, made))


async def _locked(transaction: Transaction, organization_id: UUID) -> Any:
    """Return an organization that nobody else changes now; it is read after the lock, with its licences."""
    await transaction.fetchval(queries.LOCK_ORGANIZATION, organization_id)
    row = await transaction.fetchrow(queries.ORGANIZATION, organization_id)
    if row is None:
        raise NotFound
    return row


def _view(row: Any) -> OrganizationView:
    return OrganizationView(
        organization_id=ids.show("ORG", row["id"]),
        kind=OrganizationKind(row["kind"]),
        name=row["name"],
        name_ar=row["name_ar"],
        licenses=tuple(row["licenses"]),
        enabled=row["disabled_at"] is None,
    )


def _checked(licenses: Sequence[str], names: dict[str, Any]) -> list[str]:
    """Return the licences in the form that they are found by; raises Invalid with each fault of licences and names."""
    good, faults = [], naming.faults_of(names)
    for place, value in enumerate(licenses):
        try:
            good.append(text.clean_identifier(value))
        except ValueError as fault:
            detail_ar = "رقم الترخيص مطلوب، وأقصى طول له 64 رمزاً، دون رموز مخفية"
            faults.append(FieldError(f"licenses[{place}]", "license", f"a licence is expected: {fault}", detail_ar))
    if len(set(good)) != len(good):
        faults.append(FieldError("licenses", "twice", "a licence is named twice", "تكرر رقم ترخيص"))
    if faults:
        raise Invalid(errors=faults)
    return good


async def _replace_licenses(transaction: Transaction, row: Any, licenses: list[str]) -> None:
    system = LICENSE_SYSTEMS[OrganizationKind(row["kind"])]
    await transaction.execute(queries.DROP_LICENSES, row["id"], licenses)
    await transaction.execute(queries.ADD_LICENSES, row["id"], system, licenses)


def _audit(transaction: Transaction, organization_id: UUID, values: dict[Any, Any]) -> None:
    if not values:
        return
    action, detail = "organization.change", {"changed": ",".join(sorted(values))}
    if "disabled_at" in values:
        action = "organization.disable" if values["disabled_at"] else "organization.enable"
    if "licenses" in values:
        detail["licenses"] = ",".join(values["licenses"])
    name = ids.show("ORG", organization_id)
    transaction.audit(action, "organization", name, organization_id=organization_id, detail=detail)
