"""From a provider's code to the exchange's: the facility's own table, the official tables, then the code's shape."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid
from masterlinc.ids import new_id
from sbslinc import queries
from sbslinc.contract import (
    CodeToNormalize,
    MapFacilityCode,
    MappedFacilityCode,
    MappingSource,
    NormalizeCodes,
    NormalizedCode,
    NormalizedCodes,
)
from sbslinc.scope import require_scope
from sbslinc.systems import OFFICIAL, guess

_CERTAIN = Decimal(1)

Own = Mapping[tuple[str, str], Any]  # (internal system, internal code) → row
Official = Mapping[tuple[str, str], Any]  # (system, code) → row


async def normalize_codes(ctx: Context, request: NormalizeCodes) -> NormalizedCodes:
    """Translate the codes of a claim, in two queries however many lines it has."""
    require_scope(ctx, request.organization_id)
    guesses = {one.code: guess(one.code, request.claim_type) for one in request.codes}
    wanted = {one.code for one in request.codes} | {found.code for found in guesses.values() if found}
    async with ctx.transaction() as tx:
        own = {
            (row["internal_system"], row["internal_code"]): row
            for row in await queries.mappings(tx, request.organization_id, wanted)
        }
        official = {(row["system"], row["code"]): row for row in await queries.official(tx, wanted)}
    return NormalizedCodes(tuple(_normalize(one, request.claim_type, own, official) for one in request.codes))


async def map_facility_code(ctx: Context, request: MapFacilityCode) -> MappedFacilityCode:
    """Keep a facility's own translation of one of its codes; the newest is in force."""
    if request.system not in OFFICIAL:
        detail, detail_ar = "This is no code system of the exchange", "ليس هذا نظام ترميز معتمداً لدى المنصة"
        raise Invalid(detail, detail_ar, errors=[FieldError("system", "choice", detail, detail_ar)])
    mapping_id, organization_id = new_id(), ctx.principal.organization_id
    async with ctx.transaction() as tx:
        await queries.add_mapping(
            tx,
            organization_id,
            mapping_id,
            request.internal_system or "",
            request.internal_code,
            request.system,
            request.code,
            request.display,
            request.display_ar,
            ctx.clock.now(),
        )
        tx.audit("code.map", "facility_code", str(mapping_id), organization_id=organization_id)
    return MappedFacilityCode(request.internal_code, request.system, request.code)


def _normalize(one: CodeToNormalize, claim_type: str, own: Own, official: Official) -> NormalizedCode:
    mapped = own.get((one.system or "", one.code)) or own.get(("", one.code))
    if mapped is not None:
        return _named(one, mapped["system"], mapped["code"], MappingSource.MANUAL, _CERTAIN, mapped)
    if one.system in OFFICIAL:
        known = official.get((str(one.system), one.code))
        return _named(one, str(one.system), one.code, MappingSource.AS_SENT, _CERTAIN, known)
    listed = [row for (system, code), row in official.items() if code == one.code and system in OFFICIAL]
    if len(listed) == 1:
        row = listed[0]
        return _named(one, row["system"], row["code"], MappingSource.RULE_BASED, _CERTAIN, row)
    found = guess(one.code, claim_type)
    if found is None:
        return _named(one, one.system or "", one.code, MappingSource.NONE, Decimal(0), None)
    known = official.get((found.system, found.code))
    return _named(one, found.system, found.code, MappingSource.RULE_BASED, found.confidence, known)


def _named(
    one: CodeToNormalize, system: str, code: str, source: MappingSource, confidence: Decimal, row: Any
) -> NormalizedCode:
    """Build the answer; the provider's own words stay where the tables have none."""
    return NormalizedCode(
        sequence=one.sequence,
        system=system,
        code=code,
        display=(row["display"] if row else None) or one.display,
        display_ar=row["display_ar"] if row else None,
        source=source,
        confidence=confidence,
    )
