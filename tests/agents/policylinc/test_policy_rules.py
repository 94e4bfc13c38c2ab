"""What needs no database: policy years, benefits of codes, packages, days, estimates."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from masterlinc.errors import Invalid
from masterlinc.money import Money, money
from masterlinc.testing import FixedClock
from policylinc.changes.checks import faults_of
from policylinc.classification import benefit_named, classify
from policylinc.contract import (
    BenefitLimit,
    BenefitTerm,
    CoverStatus,
    LimitKind,
    LimitPer,
    Price,
    ServiceRule,
    ServiceRuleKind,
    Terms,
    WhenLate,
    fits,
)
from policylinc.estimate import Question, estimate
from policylinc.packages import figures, package_codes, package_payer, package_product, parts, published_terms
from policylinc.policy_year import last_day_of_year, policy_year
from policylinc.service_day import service_day

DAYS = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@given(effective=DAYS, day=DAYS)
def test_a_day_lies_in_its_policy_year(effective: date, day: date) -> None:
    year = policy_year(effective, day)
    assert year >= effective
    if day >= effective:
        assert year <= day <= last_day_of_year(effective, year)
        assert policy_year(effective, year) == year
        assert policy_year(effective, last_day_of_year(effective, year) + timedelta(days=1)) > day


def test_a_policy_of_29_february_has_its_anniversary_on_the_28th() -> None:
    assert policy_year(date(2024, 2, 29), date(2025, 2, 27)) == date(2024, 2, 29)
    assert policy_year(date(2024, 2, 29), date(2025, 2, 28)) == date(2025, 2, 28)
    assert policy_year(date(2024, 2, 29), date(2028, 3, 1)) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("code", "benefit", "rule"),
    [
        ("012", "dental", "oral-health"),
        ("97011-00", "dental", "sbs-dental"),
        ("06285096001627", "pharmacy", "gtin"),
        ("83600-00-10", "outpatient", "sbs"),
        ("16520-00-00", "maternity", "sbs-obstetric"),
        ("16636-00", "maternity", "sbs-obstetric"),
        ("16637-00", "outpatient", "sbs"),
        ("90485-00-00", "maternity", "sbs-obstetric"),
        ("42503-00-02", "optical", "sbs-eye-test"),
        ("96092-00-10", "optical", "sbs-glasses"),
        ("٠١٢", "outpatient", ""),
        ("CONSULT", "outpatient", ""),
        ("", "outpatient", ""),
    ],
)
def test_a_code_belongs_to_a_benefit(code: str, benefit: str, rule: str) -> None:
    assert (classify(code).benefit, classify(code).rule) == (benefit, rule)


def test_every_benefit_of_a_package_has_names_and_every_figure_a_source() -> None:
    published, assumed = figures()
    assert all(one.source and one.date for one in published_terms())
    assert all(one.why for one in parts())
    assert all(one.source and one.date for one in published)
    assert all(one.why and one.date for one in assumed)
    for code in package_codes():
        for one in package_product(code, date(2020, 1, 1)).classes:
            for benefit in one.benefits:
                assert benefit_named(benefit.benefit).title_ar != benefit.benefit


def test_a_package_is_a_product_without_faults_and_its_parts_have_their_codes() -> None:
    for code in package_codes():
        product = package_product(code, date(2020, 1, 1))
        assert list(faults_of(product)) == []
        for one in product.classes:
            benefits = {benefit.benefit: benefit for benefit in one.benefits}
            assert (benefits["dialysis"].parent, benefits["psychiatric"].parent) == ("outpatient", "outpatient")
            assert any(fits(pattern, "13100-00-00") for pattern in benefits["dialysis"].codes)
            assert any(fits(pattern, "96185-00-10") for pattern in benefits["psychiatric"].codes)
            assert benefits["repatriation"].codes == ("10022*",)
            assert benefits["hearing_aids"].codes == ()


def test_the_published_terms_are_a_payer_s() -> None:
    payer = package_payer(date(2026, 1, 1))
    assert list(faults_of(payer)) == []
    assert (payer.answer_minutes, payer.when_late, payer.emergency_notice_hours) == (60, WhenLate.APPROVE, 24)
    assert (payer.filing_days, payer.follow_up_days, payer.vat_percent) == (45, 14, Decimal(15))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("2026-03-01T23:30:00Z", date(2026, 3, 2)),  # half past two in the morning in Riyadh
        ("2026-03-01T23:30:00", date(2026, 3, 1)),
        ("2026-03-01T01:00:00+05:00", date(2026, 2, 28)),
        ("2026-03-01T10:00:00.123456+03:00", date(2026, 3, 1)),
        (None, date(2026, 3, 2)),
    ],
)
def test_a_service_day_is_read(text: str | None, day: date) -> None:
    assert service_day(text, FixedClock(datetime(2026, 3, 1, 22, 0, tzinfo=UTC))) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "20260301",
        "2026-W09-1",
        "2026-02-30",
        "٢٠٢٦-٠٣-٠١",
        "0001-01-01",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_what_is_no_day_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        service_day(text, FixedClock(datetime(2026, 3, 1, tzinfo=UTC)))
    assert caught.value.errors[0].path == "service_date"


DAY = date(2026, 3, 1)
DENTAL = BenefitTerm(
    benefit="dental",
    rule_id="STD-C.dental@1",
    covered=True,
    copay_percent=Decimal(20),
    copay_cap=Money("75.00"),
    limit=Money("400.00"),
    used=Money("0.00"),
)
ABOVE_300 = ServiceRule("a@1", ServiceRuleKind.AUTHORIZATION, "Above 300.", "فوق 300.", above=Money("300.00"))


def agreed(*benefits: BenefitTerm, **changes: Any) -> Terms:
    values: dict[str, Any] = {
        "payer_organization_id": UUID(int=1),
        "member_id": UUID(int=2),
        "policy_id": UUID(int=3),
        "policy_number": "P-1",
        "policy_class": "C",
        "product": "STD",
        "status": CoverStatus.ACTIVE,
        "effective_date": date(2026, 1, 1),
        "expiry_date": date(2026, 12, 31),
        "annual_limit": Money("1000.00"),
        "annual_used": Money("0.00"),
        "deductible": Money("50.00"),
        "deductible_used": Money("0.00"),
        "benefits": benefits or (DENTAL,),
        "prices": (),
        "percent_of_billed": Decimal(100),
        "contract": "OPEN",
        "version": "1",
        "rules": (ABOVE_300,),
    }
    return Terms(**(values | changes))


def ask(amount: str, terms: Terms | None = None) -> Question:
    return Question(terms or agreed(), "012", "dental", Money(amount), DAY)


def test_the_deductible_comes_first_then_the_copayment() -> None:
    """200 - 50 deductible = 150; 20 % of it is 30; the payer pays 120, the patient 80."""
    found = estimate(ask("200.00"))
    assert (found.copay, found.payer_share, found.patient_share) == (Money("30.00"), Money("120.00"), Money("80.00"))
    assert (found.deductible_remaining, found.percentage, found.covered) == (Money("50.00"), Decimal(80), True)
    assert not found.authorization_required


def test_the_copayment_stops_at_its_cap_and_the_payer_at_the_limit() -> None:
    """900 - 50 = 850; 20 % is 170, capped at 75; of 775 the limit of 400 leaves the payer 400."""
    found = estimate(ask("900.00"))
    assert (found.copay, found.payer_share, found.patient_share) == (Money("75.00"), Money("400.00"), Money("500.00"))
    assert found.authorization_required


def test_the_contract_says_what_is_allowed() -> None:
    """200 billed, 120 agreed: 120 - 50 = 70, 20 % is 14; the payer pays 56 and the patient 64 of 120."""
    found = estimate(ask("200.00", agreed(prices=(Price("s", "012", Money("120.00")),))))
    assert (found.allowed, found.payer_share, found.patient_share) == (Money("120.00"), Money("56.00"), Money("64.00"))
    assert "120.00" in found.limitations[0].en
    ninety = estimate(ask("200.00", agreed(percent_of_billed=Decimal(90))))
    assert ninety.allowed == Money("180.00")


def test_a_used_up_limit_covers_nothing_and_says_so() -> None:
    gone = replace(DENTAL, used=Money("400.00"))
    found = estimate(ask("100.00", agreed(gone, deductible=Money("0.00"))))
    assert (found.covered, found.payer_share, found.patient_share) == (False, Money("0.00"), Money("100.00"))
    assert "400.00" in found.message.en
    assert "400.00" in found.message.ar


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"in_network": False}, "network"),
        ({"benefits": (replace(DENTAL, covered=False),)}, "does not cover"),
        ({"benefits": (replace(DENTAL, waiting_days=30),), "member_since": date(2026, 2, 1)}, "from 2026-03-03 on"),
        ({"rules": (ServiceRule("x@1", ServiceRuleKind.EXCLUSION, "Whitening.", "تبييض."),)}, "Whitening."),
        ({"rules": (ServiceRule("x@1", ServiceRuleKind.SEX, "Men.", "رجال.", sex="male"),), "sex": "female"}, "Men."),
        (
            {
                "rules": (ServiceRule("x@1", ServiceRuleKind.AGE, "Adults.", "بالغون.", min_age=18),),
                "birth_date": date(2008, 3, 2),
            },
            "Adults.",
        ),
        (
            {"benefits": (replace(DENTAL, limits=(BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, *[Decimal(2)] * 2),)),)},
            "0 of 2 units",
        ),
    ],
)
def test_why_nothing_is_covered_is_said(change: dict[str, Any], word: str) -> None:
    terms = agreed(**change) if "benefits" not in change else agreed(*change["benefits"], **change)
    found = estimate(ask("100.00", terms))
    assert (found.covered, found.payer_share, found.percentage) == (False, Money("0.00"), Decimal(0))
    assert word in found.message.en
    assert found.message.ar
    assert found.limitations == (found.message,)


def test_what_is_left_and_what_is_not_known_of_the_member_is_said() -> None:
    limits = (
        BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, Decimal(12), Decimal(3)),
        BenefitLimit(LimitKind.DAYS, LimitPer.LIFETIME, Decimal(30), Decimal(1)),
        BenefitLimit(LimitKind.AMOUNT, LimitPer.VISIT, Decimal(90)),
    )
    rules = (
        ServiceRule("f@1", ServiceRuleKind.FREQUENCY, "Twice a year.", "مرتان في السنة.", days=365, count=2),
        ServiceRule("s@1", ServiceRuleKind.SEX, "Women alone.", "للنساء.", sex="female"),
        ServiceRule("d@1", ServiceRuleKind.DIAGNOSIS, "For caries.", "للتسوس.", codes=("012",), diagnoses=("K02*",)),
    )
    said = [
        words.en for words in estimate(ask("100.00", agreed(replace(DENTAL, limits=limits), rules=rules))).limitations
    ]
    for text in (
        "9 of 12 units",
        "29 of 30 days",
        "at most 90.00 SAR a visit",
        "Twice a year.",
        "Women alone.",
        "For caries.",
    ):
        assert any(text in one for one in said), text


_AMOUNTS = st.integers(1, 10**8).map(lambda halalas: money(Decimal(halalas) / 100))
_LIMITS = st.none() | st.integers(0, 10**6).map(lambda halalas: money(Decimal(halalas) / 100))


@given(
    amount=_AMOUNTS,
    percent=st.decimals(0, 100, places=2),
    cap=_LIMITS,
    limit=_LIMITS,
    used=st.integers(0, 10**7).map(lambda halalas: money(Decimal(halalas) / 100)),
)
def test_shares_sum_to_the_whole_and_nothing_is_negative(
    amount: Money, percent: Decimal, cap: Money | None, limit: Money | None, used: Money
) -> None:
    term = BenefitTerm("dental", "r", True, percent, cap, limit, used)
    terms = agreed(term, annual_used=used, deductible_used=used)
    found = estimate(Question(terms, "012", "dental", amount, DAY))
    assert found.payer_share + found.patient_share == amount
    assert min(found.payer_share, found.patient_share, found.copay, found.deductible_remaining) >= 0
    assert found.payer_share <= max(terms.annual_limit - used, 0)
    if limit is not None:
        assert found.payer_share <= max(limit - used, 0)
