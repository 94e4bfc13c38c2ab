"""The arithmetic of a claim, and which rule each fault belongs to."""

import json
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.errors import Invalid
from masterlinc.money import Money, Quantity, money
from masterlinc.testing import shared_folder
from sbslinc.contract import ApplyFinancialRules, FinancialLine
from sbslinc.financial import apply_financial_rules


def line(quantity="1", price="100", factor="1", tax="15", net="115", sequence=1) -> FinancialLine:
    return FinancialLine(
        sequence,
        Quantity.parse(quantity),
        Money.parse(price),
        Quantity.parse(factor),
        Money.parse(tax),
        Money.parse(net),
    )


async def check(total: str, *lines: FinancialLine):
    return await apply_financial_rules(None, ApplyFinancialRules(lines, Money.parse(total)))


async def test_figures_that_add_up_have_no_findings():
    result = await check("345.00", line(), line(quantity="2", net="215"), line(net="15", quantity="0"))
    assert result.findings == ()
    assert result.total == Decimal("345.00")


async def test_attack_92_a_wrong_net_is_named_with_its_rule_and_line():
    [finding] = (await check("216.00", line(), line(net="101", sequence=2))).findings
    assert (finding.rule, finding.severity, finding.path) == ("BV-00251", "error", "lines[1].net")
    assert "line 2" in finding.detail
    assert "115.00" in finding.detail
    assert "البند 2" in finding.detail_ar


async def test_attack_92_a_total_that_is_not_the_sum_is_named():
    result = await check("231", line(), line())
    assert [(one.rule, one.path) for one in result.findings] == [("BV-00059", "total")]
    assert result.total == Decimal("230.00")


async def test_halves_go_up():
    assert (await check("1.46", line(quantity="1", price="1.45", factor="1.0035", tax="0", net="1.46"))).findings == ()
    [finding] = (await check("1.45", line(quantity="1", price="1.45", factor="1.0035", tax="0", net="1.45"))).findings
    assert finding.rule == "GE-00028"


async def test_attack_92_a_product_beyond_any_amount_is_a_finding():
    [finding] = (await check("1", line(quantity="999999999", price="999999999999.99", net="1"))).findings
    assert finding.rule == "BV-00251"


async def test_attack_92_a_sum_beyond_any_amount_is_invalid():
    most = line(price="999999999999.99", tax="0", net="999999999999.99")
    with pytest.raises(Invalid):
        await check("1", most, most)


@given(
    st.decimals(0, 999, places=4),
    st.decimals(0, 99_999, places=2),
    st.decimals(0, 2, places=4),
    st.decimals(0, 999, places=2),
)
async def test_what_is_computed_half_up_is_never_faulted(quantity, price, factor, tax):
    net = (quantity * price * factor + tax).quantize(Decimal("0.01"), ROUND_HALF_UP)
    one = FinancialLine(1, Quantity(quantity), Money(price), Quantity(factor), Money(tax), money(net))
    assert (await apply_financial_rules(None, ApplyFinancialRules((one,), money(net)))).findings == ()


async def test_the_exchanges_own_samples_are_read_as_their_figures_are():
    bundle = json.loads(
        (shared_folder() / "nphies/examples/10_claim-request_professional.json").read_text(),
        parse_float=str,
        parse_int=str,
    )
    claim = next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Claim")
    lines = [
        line(
            item["quantity"]["value"],
            item["unitPrice"]["value"],
            item.get("factor", "1"),
            _tax(item),
            item["net"]["value"],
            int(item["sequence"]),
        )
        for item in claim["item"]
    ]
    assert (await check(claim["total"]["value"], *lines)).findings == ()


def _tax(item) -> str:
    return next((one["valueMoney"]["value"] for one in item["extension"] if one["url"].endswith("/extension-tax")), "0")
