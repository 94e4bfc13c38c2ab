"""Organizations: made once, read by everyone."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
from msgspec import Struct
from piccolo.columns.combination import Where

from authlinc.contract import FindOrganization, LoadOrganization, OrganizationInfo, OrganizationKind
from authlinc.errors import LicenseTaken
from authlinc.service.state import state_of
from authlinc.tables import Organization, OrganizationLicense
from masterlinc import ids, text
from masterlinc.context import Context

_NOT_FOUND = OrganizationInfo(found=False)


class License(Struct, frozen=True):
    """A licence on the exchange, as `http://nphies.sa/license/payer-license|N-I-00001`."""

    system: str
    value: str


class NewOrganization(Struct, frozen=True):
    """An organization to make."""

    kind: OrganizationKind
    name: str
    name_ar: str
    licenses: tuple[License, ...] = ()


async def create_organization(ctx: Context, new: NewOrganization) -> OrganizationInfo:
    """Make an organization; raises LicenseTaken."""
    key, now = ids.new_id(), ctx.clock.now()
    name, name_ar = text.clean(new.name, least=1, most=200), text.clean(new.name_ar, least=1, most=200)
    try:
        async with ctx.transaction(frozenset({key})) as transaction:
            row = Organization(id=key, kind=new.kind.value, name=name, name_ar=name_ar, created_at=now)
            await Organization.insert(row)
            await _add_licenses(key, new.licenses)
            ctx.vault.prepare(key)
            transaction.audit("organization.create", "organization", ids.show("ORG", key), organization_id=key)
    except asyncpg.UniqueViolationError:
        raise LicenseTaken from None
    return await load_organization(ctx, LoadOrganization(key))


async def find_organization(ctx: Context, request: FindOrganization) -> OrganizationInfo:
    """Find an organization by ORG- number or licence."""
    reference = request.reference.strip()
    if ids.looks_like("ORG", reference):
        return await load_organization(ctx, LoadOrganization(ids.parse("ORG", reference)))
    if not reference or not reference.isprintable():
        return _NOT_FOUND
    return await _read(ctx, reference)


async def load_organization(ctx: Context, request: LoadOrganization) -> OrganizationInfo:
    """Load an organization by its key."""
    return await _read(ctx, request.organization_id)


async def _add_licenses(organization_id: UUID, licenses: Sequence[License]) -> None:
    rows = [
        OrganizationLicense(organization_id=organization_id, system=one.system, value=text.clean_identifier(one.value))
        for one in licenses
    ]
    if rows:
        await OrganizationLicense.insert(*rows)


async def _read(ctx: Context, reference: str | UUID) -> OrganizationInfo:
    """Read through the memory of this process; what is not there is asked for again, since it may come."""
    known = state_of(ctx).organizations
    remembered = known.get(reference)
    if remembered is not None:
        return remembered
    async with ctx.transaction():
        info = await _stored(reference)
    if info.organization_id is None:
        return _NOT_FOUND
    known.keep(info, reference, info.organization_id)
    return info


async def _stored(reference: str | UUID) -> OrganizationInfo:
    wanted = Organization.id == reference if isinstance(reference, UUID) else _holds(reference)
    row = await Organization.select().where(wanted).first()
    if row is None:
        return _NOT_FOUND
    licenses = (
        await OrganizationLicense.select(OrganizationLicense.value)
        .where(OrganizationLicense.organization_id == row["id"])
        .order_by(OrganizationLicense.value)
        .output(as_list=True)
    )
    return OrganizationInfo(
        found=True,
        organization_id=row["id"],
        name=row["name"],
        name_ar=row["name_ar"],
        kind=OrganizationKind(row["kind"]),
        licenses=tuple(licenses),
    )


def _holds(license_: str) -> Where:
    wanted = OrganizationLicense.value == license_
    return Organization.id.is_in(OrganizationLicense.select(OrganizationLicense.organization_id).where(wanted))
