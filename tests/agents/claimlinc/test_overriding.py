"""A what-if changes what it names in the terms, and nothing else."""

from decimal import Decimal

import msgspec
import pytest
from claim_builders import benefit, decide, line, price, sar, submission, terms
from hypothesis import given
from hypothesis import strategies as st

from claimlinc import adjudication
from claimlinc.adjudication import Facts
from claimlinc.replay.figures import read, spell
from claimlinc.replay.judging import first_other
from claimlinc.replay.overriding import overridden
from claimlinc.replay.schemas import Overrides
from masterlinc import wire
from policylinc.contract import BenefitLimit, LimitKind, LimitPer


def overrides(text: str) -> Overrides:
    return wire.load(text, Overrides)


def changed(text: str, agreed=None, claim=None):
    made = claim or submission(line())
    facts = overridden(made, Facts(agreed or terms()), overrides(text))
    return facts.terms


def test_nothing_asked_is_nothing_changed():
    agreed = terms(benefit(copay_percent=Decimal(20), copay_cap=sar(75)), prices=(price("80.00"),))
    assert changed("{}", agreed) == agreed


def test_a_benefit_is_changed_by_its_name_and_the_others_by_the_star():
    agreed = terms(benefit("dental", copay_percent=Decimal(20)), benefit("optical", copay_percent=Decimal(20)))
    after = changed('{"benefits": {"dental": {"copay_percent": 10}, "*": {"copay_percent": 0}}}', agreed)
    found = {one.benefit: one.copay_percent for one in after.benefits}
    assert found["dental"] == 10
    assert {percent for name, percent in found.items() if name != "dental"} == {0}


def test_null_lifts_a_cap_and_what_is_left_out_stays():
    agreed = terms(benefit(copay_cap=sar(75), limit=sar(1000), used=sar(400)))
    after = changed('{"benefits": {"outpatient": {"copay_cap": null}}}', agreed).benefits[0]
    assert (after.copay_cap, after.limit, after.used) == (None, sar(1000), sar(400))


def test_a_limit_takes_the_place_of_the_one_of_its_kind_with_what_was_used():
    limits = (
        BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, Decimal(4), Decimal(3)),
        BenefitLimit(LimitKind.DAYS, LimitPer.YEAR, Decimal(30), Decimal(1)),
    )
    after = changed(
        '{"benefits": {"outpatient": {"limits": [{"kind": "count", "per": "year", "value": 12},'
        ' {"kind": "days", "per": "year", "value": null}]}}}',
        terms(benefit(limits=limits)),
    )
    assert after.benefits[0].limits == (BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, Decimal(12), Decimal(3)),)


def test_a_price_is_changed_and_one_that_no_contract_had_is_added():
    agreed = terms(prices=(price("80.00"),))
    assert changed('{"prices": {"83600-00-10": 90.5}}', agreed).prices == (price("90.50"),)
    assert changed('{"prices": {"83600-00-10": 90.5}}').prices == (price("90.50"),)
    assert changed('{"prices": {"other": 1}}').prices == ()


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ('{"deductible": 250}', "deductible", sar(250)),
        ('{"annual_limit": 1000}', "annual_limit", sar(1000)),
        ('{"percent_of_billed": 62.5}', "percent_of_billed", Decimal("62.5")),
    ],
)
def test_what_holds_for_the_whole_policy(text, name, value):
    assert getattr(changed(text), name) == value


def test_a_rule_that_is_off_does_not_look():
    claim, facts = submission(line()), Facts(terms(benefit(covered=False)))
    assert adjudication.decide(claim, facts).outcome == "rejected"
    decision = adjudication.decide(claim, facts, {"benefit-covered"})
    assert decision.outcome == "approved"
    assert "benefit-covered" not in {step.rule for step in decision.lines[0].trace}


def test_overrides_go_to_another_process_and_come_as_they_were():
    asked = overrides('{"benefits": {"dental": {"copay_cap": null, "limit": 10}}, "deductible": 1, "rules_off": ["x"]}')
    assert wire.load(wire.encode(asked), Overrides) == asked


@given(st.sampled_from(["0", "12.5", "100"]), st.sampled_from(["null", "0", "75"]), st.integers(0, 300))
def test_figures_are_read_as_they_were_spelled(percent, cap, deductible):
    claim = submission(line("100.10", "15.02"), line("33.33", sequence=2))
    facts = Facts(terms(deductible=sar(deductible)))
    asked = overrides(f'{{"benefits": {{"*": {{"copay_percent": {percent}, "copay_cap": {cap}}}}}}}')
    decision = adjudication.decide(claim, overridden(claim, facts, asked))
    for figures, decided in zip(read(spell(decision)), decision.lines, strict=True):
        assert figures.sequence == decided.sequence
        assert figures.outcome == decided.outcome
        assert figures.amounts[4:] == (str(decided.payer_share), str(decided.patient_share))


def test_a_difference_belongs_to_the_first_rule_that_found_something_else():
    claim = submission(line("100.00"))
    plain = terms(benefit(copay_percent=Decimal(20), limit=sar(1000)))
    other = changed('{"benefits": {"outpatient": {"copay_percent": 10}}}', plain, claim)
    traces = [decide(claim, one).lines[0].trace for one in (plain, other)]
    assert first_other(*traces) == "copay"


def test_a_difference_belongs_to_the_rule_that_stopped_a_line():
    claim = submission(line("100.00"))
    other = changed('{"benefits": {"outpatient": {"covered": false}}}', claim=claim)
    traces = [decide(claim, one).lines[0].trace for one in (terms(), other)]
    assert first_other(*traces) == "benefit-covered"
    assert first_other(*reversed(traces)) == "benefit-covered"


def test_a_misspelled_override_is_refused():
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        overrides('{"benefits": {"dental": {"copay": 10}}}')
