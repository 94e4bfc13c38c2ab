"""A payer's members for the payer's own people."""

from datetime import date
from typing import Any
from uuid import UUID

from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.http.paging import Page, capped, count_sql
from masterlinc.ids import looks_like, parse, show
from masterlinc.text import clean_identifier
from policylinc.contract import CoverStatus
from policylinc.errors import MemberNotFound
from policylinc.persons import unseal
from policylinc.queries import KNOWN
from policylinc.schemas import (
    MemberChangeView,
    MemberCover,
    MemberIdentifierView,
    MemberPage,
    MemberSummary,
    MemberView,
)

_ENDING = 4


async def list_members(ctx: Context, search: str | None, policy_number: str | None, page: Page) -> MemberPage:
    """Return the covers of the caller's payer; of one member or policy, where a number is named. Audited."""
    wanted = [_number(search), _number(policy_number)]
    if "" in wanted:
        return MemberPage(members=[], total=0, page=page.number, page_size=page.size, total_exact=True)
    payer, day = ctx.principal.organization_id, today(ctx.clock)
    sql = _SUMMARY + "WHERE m.organization_id = $1"
    given: list[Any] = [payer, day]
    for column, value in zip(("m.member_number", "p.policy_number"), wanted, strict=True):
        if value is not None:
            given.append(value)
            sql += f" AND {column} = ${len(given)}"
    async with ctx.transaction() as tx:
        counted = await tx.fetchval(count_sql(sql), *given)
        slice_ = f" ORDER BY m.member_number, m.effective_from DESC LIMIT {page.limit} OFFSET {page.offset}"
        rows = await tx.fetch(sql + slice_, *given)
        tx.audit("member.list", "member", "", organization_id=payer, detail={"found": str(counted)})
    total, exact = capped(counted)
    return MemberPage(
        members=[MemberSummary(**_summary(row, day)) for row in rows],
        total=total,
        page=page.number,
        page_size=page.size,
        total_exact=exact,
    )


async def show_member(ctx: Context, member_id: str) -> MemberView:
    """Return a member of the caller's payer; audited."""
    if not looks_like("MBR", member_id):
        raise MemberNotFound
    payer, key, day = ctx.principal.organization_id, parse("MBR", member_id), today(ctx.clock)
    async with ctx.transaction() as tx:
        row = await tx.fetchrow(_SUMMARY + "WHERE m.organization_id = $1 AND m.id = $3", payer, day, key)
        if row is None:
            raise MemberNotFound
        person = payer, row["person_id"]
        view = MemberView(
            **_summary(row, day),
            birth_date=row["birth_date"],
            gender=row["gender"],
            sponsor_number=row["sponsor_number"],
            identifiers=[_identifier(ctx, payer, one) for one in await tx.fetch(_IDENTIFIERS, *person)],
            covers=[
                MemberCover(**dict(one) | {"member_id": show("MBR", one["member_id"])})
                for one in await tx.fetch(_COVERS, *person)
            ],
            changes=[MemberChangeView(**one) for one in await tx.fetch(_CHANGES, payer, key)],
            dependants=[one["member_number"] for one in await tx.fetch(_DEPENDANTS, payer, day, row["person_id"])],
        )
        tx.audit("member.read", "member", member_id, organization_id=payer, patient=key)
    return view


def _number(text: str | None) -> str | None:
    """Return a number as it is kept; empty for what no number looks like."""
    if text is None:
        return None
    try:
        return clean_identifier(text)
    except ValueError:
        return ""


def _summary(row: Any, day: date) -> dict[str, Any]:
    kept = {name: row[name] for name in MemberSummary.__struct_fields__ if name not in {"member_id", "status"}}
    first, last = max(row["effective_from"], row["effective_date"]), min(row["effective_to"], row["expiry_date"])
    active = CoverStatus.ACTIVE if first <= day <= last else CoverStatus.INACTIVE
    status = CoverStatus(row["status"])
    return kept | {
        "member_id": show("MBR", row["id"]),
        "status": active if status is CoverStatus.ACTIVE else status,
    }


def _identifier(ctx: Context, payer: UUID, row: Any) -> MemberIdentifierView:
    value = unseal(ctx.vault, payer, row["member_id"], row["sealed"])
    ending = value[-_ENDING:] if len(value) > _ENDING * 2 else ""
    return MemberIdentifierView(system=row["system"], ending=ending, valid=row["valid"])


_SUMMARY = f"""
SELECT m.id, m.person_id, m.member_number, m.effective_from, m.effective_to, d.name, d.birth_date, d.gender,
    d.relationship, s.member_number AS sponsor_number, p.policy_number, p.policy_class, p.status, p.effective_date,
    p.expiry_date
FROM policylinc.member m
JOIN policylinc.policy p ON p.organization_id = m.organization_id AND p.id = m.policy_id
{KNOWN}
LEFT JOIN policylinc.member s ON s.organization_id = m.organization_id AND s.id = d.sponsor_id
"""  # noqa: S608 - our own text
_IDENTIFIERS = """
SELECT i.member_id, i.system, i.sealed, i.valid FROM policylinc.member m
JOIN policylinc.member_identifier i ON i.organization_id = m.organization_id AND i.member_id = m.id
WHERE m.organization_id = $1 AND m.person_id = $2 ORDER BY i.system, i.blind
"""
_COVERS = """
SELECT m.id AS member_id, p.policy_number, p.policy_class, m.effective_from, m.effective_to FROM policylinc.member m
JOIN policylinc.policy p ON p.organization_id = m.organization_id AND p.id = m.policy_id
WHERE m.organization_id = $1 AND m.person_id = $2 ORDER BY m.effective_from DESC
"""
_CHANGES = """
SELECT c.effective_from, c.name, c.birth_date, c.gender, c.relationship, s.member_number AS sponsor_number,
    c.created_at AS recorded_at
FROM policylinc.member_change c
LEFT JOIN policylinc.member s ON s.organization_id = c.organization_id AND s.id = c.sponsor_id
WHERE c.organization_id = $1 AND c.member_id = $2 ORDER BY c.id DESC
"""
_DEPENDANTS = f"""
SELECT DISTINCT m.member_number
FROM (
    SELECT id FROM policylinc.member WHERE organization_id = $1 AND sponsor_id = $3
    UNION SELECT member_id FROM policylinc.member_change WHERE organization_id = $1 AND sponsor_id = $3
) AS once
JOIN policylinc.member m ON m.organization_id = $1 AND m.id = once.id
{KNOWN}
WHERE d.sponsor_id = $3 ORDER BY m.member_number
"""  # noqa: S608 - our own text
