"""From a provider's code to the exchange's."""

import asyncpg
import pytest

from masterlinc.errors import Invalid, NotFound
from masterlinc.ids import new_id
from sbslinc.contract import (
    CodeToNormalize,
    MapFacilityCode,
    MappedFacilityCode,
    MappingSource,
    NormalizeCodes,
    NormalizedCodes,
)
from sbslinc.systems import BASE, guess, has_check_digit


async def normalize(ctx, *codes, claim_type="professional"):
    request = NormalizeCodes(ctx.principal.organization_id, claim_type, tuple(codes))
    return (await ctx.call(request, NormalizedCodes)).codes


@pytest.fixture
def ctx(running, make_principal):
    return running.context("sbslinc", make_principal("billing"))


@pytest.mark.parametrize(
    ("code", "claim_type", "system"),
    [
        ("83600-00-10", "professional", "services"),
        ("836000010", "professional", "services"),
        ("11000-00-00", "institutional", "procedures"),
        ("96092-00-10", "vision", "procedures"),
        ("73250-00-80", "institutional", "laboratory"),
        ("55030-00-42", "professional", "imaging"),
        ("97012-00-00", "oral", "oral-health-op"),
        ("97012-00-00", "institutional", "oral-health-ip"),
        ("83500-00-30", "professional", "transportation-srca"),
        ("012", "oral", "oral-health-op"),
        ("06285097000049", "pharmacy", "medication-codes"),
    ],
)
def test_the_shape_of_a_code_speaks_for_its_system(code, claim_type, system):
    found = guess(code, claim_type)
    assert found is not None
    assert found.system == BASE + system
    assert 0 < found.confidence < 1


@pytest.mark.parametrize("code", ["", "GP-1", "012", "83600-00-1", "٨٣٦٠٠-٠٠-١٠", "83600-00-10 ", "0" * 15])
def test_other_shapes_say_nothing(code):
    assert guess(code, "professional") is None


def test_check_digits_of_drugs():
    assert has_check_digit("06285097000049")
    assert has_check_digit("05944736008570")
    assert not has_check_digit("06285097000048")
    assert has_check_digit("99999999999999")


async def test_codes_keep_their_order_and_say_where_they_came_from(ctx):
    codes = await normalize(
        ctx,
        CodeToNormalize(1, BASE + "services", "83600-00-10", "Consultation"),
        CodeToNormalize(2, "http://clinic.test/codes", "83600-00-10"),
        CodeToNormalize(3, None, "GP-VISIT", "GP"),
        CodeToNormalize(4, "http://clinic.test/codes", "Brain001"),
    )
    assert [code.source for code in codes] == [
        MappingSource.AS_SENT,
        MappingSource.RULE_BASED,
        MappingSource.NONE,
        MappingSource.NONE,
    ]
    assert (codes[0].system, codes[0].display, codes[0].confidence) == (BASE + "services", "Consultation", 1)
    assert (codes[2].system, codes[2].code, codes[2].display, codes[2].confidence) == ("", "GP-VISIT", "GP", 0)
    assert (codes[3].system, codes[3].code) == ("http://clinic.test/codes", "Brain001")


async def test_a_facilitys_own_table_comes_first_and_its_newest_row_counts(ctx):
    for code in ("83600-00-00", "83600-00-10"):
        mapping = MapFacilityCode("GP-VISIT", BASE + "services", code, display="Visit", display_ar="زيارة")
        assert (await ctx.call(mapping, MappedFacilityCode)).code == code
    own = MapFacilityCode("GP-VISIT", BASE + "procedures", "11000-00-00", internal_system="http://clinic.test/b")
    await ctx.call(own, MappedFacilityCode)
    first, second = await normalize(
        ctx,
        CodeToNormalize(1, "http://clinic.test/a", "GP-VISIT"),
        CodeToNormalize(2, "http://clinic.test/b", "GP-VISIT"),
    )
    assert (first.source, first.code, first.display_ar, first.confidence) == (
        MappingSource.MANUAL,
        "83600-00-10",
        "زيارة",
        1,
    )
    assert (second.source, second.code) == (MappingSource.MANUAL, "11000-00-00")


async def test_a_facilitys_table_is_its_own(ctx, running, make_principal):
    await ctx.call(MapFacilityCode("GP-VISIT", BASE + "services", "83600-00-10"), MappedFacilityCode)
    other = running.context("sbslinc", make_principal("billing"))
    [code] = await normalize(other, CodeToNormalize(1, None, "GP-VISIT"))
    assert code.source is MappingSource.NONE
    with pytest.raises(NotFound):
        await other.call(NormalizeCodes(ctx.principal.organization_id, "oral", ()), NormalizedCodes)


async def test_a_mapping_leads_to_a_system_of_the_exchange(ctx):
    with pytest.raises(Invalid) as refused:
        await ctx.call(MapFacilityCode("GP-VISIT", "http://clinic.test/codes", "1"), MappedFacilityCode)
    assert refused.value.errors[0].path == "system"


async def test_official_tables_name_codes_and_settle_what_a_shape_cannot(run_app, new_database, make_principal):
    urls = await new_database()
    running = await run_app(urls)
    owner = await asyncpg.connect(urls.owner)
    await owner.executemany(
        "INSERT INTO sbslinc.code (system, code, display, display_ar, version) VALUES ($1, $2, $3, $4, 'test')",
        [
            (BASE + "services", "83600-00-10", "A visit", "زيارة"),
            (BASE + "medical-devices", "47203", "A device", None),
            (BASE + "medical-devices", "11111", "One", None),
            (BASE + "scientific-codes", "11111", "Another", None),
        ],
    )
    await owner.close()
    ctx = running.context("sbslinc", make_principal("billing"))
    visit, device, ambiguous, plain = await normalize(
        ctx,
        CodeToNormalize(1, BASE + "services", "83600-00-10", "sent"),
        CodeToNormalize(2, None, "47203"),
        CodeToNormalize(3, None, "11111"),
        CodeToNormalize(4, None, "836000010"),
    )
    assert (visit.source, visit.display, visit.display_ar) == (MappingSource.AS_SENT, "A visit", "زيارة")
    assert (device.source, device.system, device.confidence) == (MappingSource.RULE_BASED, BASE + "medical-devices", 1)
    assert ambiguous.source is MappingSource.NONE
    assert (plain.code, plain.display) == ("83600-00-10", "A visit")


async def test_over_http(client, running, make_principal):
    from masterlinc.testing import bearer

    principal = make_principal("billing", organization=new_id())
    answer = await client.post(
        "/api/v1/claims/normalize", json={"codes": [{"code": "83600-00-10"}]}, headers=bearer(running, principal)
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["codes"][0]["source"] == "rule_based"
    assert b'"confidence":0.90' in answer.content
    empty = await client.post("/api/v1/claims/normalize", json={"codes": []}, headers=bearer(running, principal))
    assert empty.status_code == 422
    assert empty.json()["errors"][0]["path"] == "codes"
