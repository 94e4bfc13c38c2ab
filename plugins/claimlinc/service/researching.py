"""De-identified groups of claims of all organizations, for researchers of the operator."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from authlinc.contract import LoadOrganization, OrganizationInfo, OrganizationKind
from claimlinc import research_queries as queries
from claimlinc.errors import ResearchIsTheOperators
from claimlinc.research_queries import Wanted
from claimlinc.research_schemas import Labelled, ResearchGroup
from claimlinc.research_terms import BANDS, CHAPTERS, CLAIM_TYPES, GENDERS, SERVICE_GROUPS, Term
from masterlinc.agent import StepDone, StepInput
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid
from masterlinc.money import Money

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)


async def list_groups(ctx: Context, wanted: Wanted, *, limit: int, offset: int) -> tuple[list[ResearchGroup], int]:
    """Return a page of groups and their number; raises ResearchIsTheOperators, Invalid."""
    home = await ctx.call(LoadOrganization(ctx.principal.organization_id), OrganizationInfo)
    if home.kind is not OrganizationKind.OPERATOR:
        raise ResearchIsTheOperators
    if wanted.claim_type is not None and wanted.claim_type not in CLAIM_TYPES:
        raise _wrong("claim_type", f"One of {', '.join(CLAIM_TYPES)}", f"إحدى القيم: {', '.join(CLAIM_TYPES)}")
    async with ctx.transaction() as tx:
        rows, counted = await queries.groups(tx, wanted, limit, offset)
        tx.audit(
            "research.read", "research", "claims", organization_id=ctx.principal.organization_id, detail=_asked(wanted)
        )
    return [_group(row) for row in rows], counted


async def publish(ctx: Context, _: StepInput) -> StepDone:
    """Publish the months that have ended long enough ago and are not published yet."""
    async with ctx.transaction() as tx:
        months, groups = await queries.publish(tx, today(ctx.clock).replace(day=1), ctx.config.research_smallest_group)
    return StepDone(f"{months} months, {groups} groups")


def month(name: str, text: str | None) -> date | None:
    """Read a query parameter as a month; raises Invalid."""
    if text is None:
        return None
    found = _MONTH.fullmatch(text)
    if found is None:
        raise _wrong(name, "A month such as 2026-03 is expected", "المتوقع شهر بصيغة مثل 2026-03")
    return date(int(found[1]), int(found[2]), 1)


def _asked(wanted: Wanted) -> dict[str, str]:
    return {name: str(value) for name in Wanted.__struct_fields__ if (value := getattr(wanted, name)) is not None}


def _group(row: Any) -> ResearchGroup:
    return ResearchGroup(
        month=f"{row['month']:%Y-%m}",
        detail=row["detail"],
        claim_type=Labelled(row["claim_type"], *_words(CLAIM_TYPES, row["claim_type"])),
        diagnosis_chapter=_labelled(CHAPTERS, row["diagnosis_chapter"]),
        service_group=_labelled(SERVICE_GROUPS, row["service_group"]),
        policy_class=row["policy_class"],
        age_band=BANDS[row["age_band"]] if row["age_band"] is not None else None,
        gender=_labelled(GENDERS, row["gender"]),
        claims=row["claims"],
        billed=None if row["billed"] is None else Money(row["billed"]),
        payer_share=None if row["payer_share"] is None else Money(row["payer_share"]),
    )


def _labelled(terms: Mapping[str, Term], code: str | None) -> Labelled | None:
    return None if code is None else Labelled(code, *_words(terms, code))


def _words(terms: Mapping[str, Term], code: str) -> tuple[str, str]:
    return terms[code].title, terms[code].title_ar


def _wrong(name: str, detail: str, detail_ar: str) -> Invalid:
    return Invalid(f"{name}: {detail}", f"{name}: {detail_ar}", errors=[FieldError(name, "value", detail, detail_ar)])
