"""What policylinc says of a service before a claim is what the adjudicator decides of a claim for it alone."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from claim_builders import BENEFITS, DAY, SERVICES, benefit, line, sar, submission, terms
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from claimlinc.adjudication import Facts, decide
from claimlinc.adjudication.facts import Authorization, AuthorizedLine
from claimlinc.contract import ClaimType, Coding, Diagnosis, Outcome
from masterlinc.money import Money
from policylinc.classification import classify
from policylinc.contract import BenefitLimit, LimitKind, LimitPer, Price, ServiceRule, ServiceRuleKind, Terms
from policylinc.estimate import Question, estimate

# A code of each kind, the claim that it comes in, its benefit, and a diagnosis that it is for.
KINDS = {
    "83600-00-10": (ClaimType.PROFESSIONAL, "outpatient", "J06.9"),
    "16590-00-00": (ClaimType.PROFESSIONAL, "maternity", "O80"),
    "06281234567890": (ClaimType.PHARMACY, "pharmacy", "J06.9"),
    "012": (ClaimType.ORAL, "dental", "K02.1"),
    "42503-00-02": (ClaimType.VISION, "optical", "H52.1"),
}
CODES = sorted(KINDS)
PAID = {Outcome.APPROVED, Outcome.PARTIAL}

amounts = st.integers(1, 200_000).map(lambda halalas: Money(Decimal(halalas).scaleb(-2)))
maybe_amounts = st.none() | amounts
percents = st.sampled_from([Decimal(0), Decimal(10), Decimal("12.5"), Decimal(20), Decimal("33.33"), Decimal(100)])
pers = st.sampled_from(list(LimitPer))
patterns = st.sampled_from([(), ("83600-00-10",), ("83*",), ("16500..16636",), ("06*", "012"), ("4*",)])
figures = st.integers(0, 8).map(lambda n: Decimal(n) / 2)


@st.composite
def limits(draw: Callable[..., object]) -> tuple[BenefitLimit, ...]:
    made: list[BenefitLimit] = []
    if draw(st.booleans()):
        made.append(BenefitLimit(LimitKind.AMOUNT, draw(pers), draw(amounts), draw(amounts)))  # type: ignore[arg-type]
    if draw(st.booleans()):
        made.append(BenefitLimit(LimitKind.COUNT, draw(pers), draw(figures), draw(figures)))  # type: ignore[arg-type]
    if draw(st.integers(0, 3)) == 0:
        per = draw(st.sampled_from([LimitPer.YEAR, LimitPer.LIFETIME]))
        whole = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        made.append(BenefitLimit(LimitKind.DAYS, per, *map(Decimal, whole)))  # type: ignore[arg-type, call-overload]
    return tuple(made)


@st.composite
def grants(draw, name, parent=None, codes=()):
    return benefit(
        name,
        covered=draw(st.integers(0, 6)) > 0,
        copay_percent=draw(percents),
        copay_cap=draw(maybe_amounts),
        copay_cap_per=draw(st.sampled_from([LimitPer.VISIT, LimitPer.ITEM])),
        limit=draw(maybe_amounts),
        used=draw(amounts),
        limits=draw(limits()),
        waiting_days=draw(st.sampled_from([0, 0, 30])),
        parent=parent,
        codes=codes,
    )


@st.composite
def rules(draw):
    kind = draw(st.sampled_from([kind for kind in ServiceRuleKind if kind is not ServiceRuleKind.DIAGNOSIS]))
    return ServiceRule(
        id=f"{kind}.test@1",
        kind=kind,
        text="A rule.",
        text_ar="قاعدة.",
        codes=draw(patterns),
        diagnoses=draw(st.sampled_from([(), (), ("C*",)])),
        benefits=draw(st.sampled_from([(), ("dental",), ("outpatient", "optical"), ("part",)])),
        above=draw(maybe_amounts) if kind is ServiceRuleKind.AUTHORIZATION else None,
        days=draw(st.sampled_from([5, 60])),
        count=3,
        min_age=draw(st.sampled_from([None, 18, 40])),
        max_age=draw(st.sampled_from([None, 20, 60])),
        sex=draw(st.sampled_from(["male", "female"])),
    )


@st.composite
def agreements(draw) -> Terms:
    made = [draw(grants(name)) for name in BENEFITS]
    if draw(st.booleans()):
        made.append(draw(grants("part", draw(st.sampled_from(BENEFITS)), draw(patterns))))
        if draw(st.booleans()):
            made.append(draw(grants("part_of_part", "part", draw(patterns))))
    code = draw(st.sampled_from(CODES))
    return terms(
        *made,
        annual_limit=draw(amounts),
        annual_used=draw(amounts),
        deductible=draw(amounts),
        deductible_used=draw(amounts),
        prices=draw(st.sampled_from([(), (Price(SERVICES, code, sar("70.10")),)])),
        percent_of_billed=draw(percents.filter(bool)),
        in_network=draw(st.integers(0, 9)) > 0,
        member_since=DAY - timedelta(days=draw(st.integers(0, 80))),
        birth_date=date(1990, 1, 1),
        sex="female",
        rules=tuple(draw(st.lists(rules(), max_size=3))),
    )


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(CODES), amounts, agreements())
def test_an_estimate_is_what_is_decided_of_a_claim_for_the_service_alone(
    code: str, amount: Money, agreed: Terms
) -> None:
    kind, whole, diagnosis = KINDS[code]
    assert classify(code).benefit == whole
    found = estimate(Question(agreed, code, whole, amount, DAY))
    billed = line(str(amount), codes=(Coding(SERVICES, code),))
    sub_type = "op" if kind is ClaimType.PROFESSIONAL else None
    why = (Diagnosis(1, diagnosis, "principal"),)
    claim = submission(billed, claim_type=kind, sub_type=sub_type, diagnoses=why)
    held = AuthorizedLine(billed.codes, Decimal(100), sar(10**9))
    authorized = Authorization("AUT-1", DAY, DAY, (held,))
    (decided,) = decide(claim, Facts(agreed, authorizations=(authorized,))).lines
    (alone,) = decide(claim, Facts(agreed)).lines

    said = [(step.rule, step.case) for step in decided.trace]
    assert found.covered == (decided.outcome in PAID), said
    assert found.payer_share == decided.payer_share, said
    if found.covered:
        assert (found.benefit.code, found.allowed, found.copay) == (decided.benefit, decided.allowed, decided.copay)
        assert found.patient_share == decided.patient_share
        assert found.authorization_required == (alone.outcome is Outcome.REJECTED)
    assert found.message.en
    assert found.message.ar
    assert all(words.en and words.ar for words in found.limitations)


def test_the_estimate_is_not_trivially_the_same() -> None:
    """A part of a benefit with its own co-pay: 100, 40 % of it is the patient's."""
    part = benefit("part", parent="outpatient", codes=("83600*",), copay_percent=Decimal(40))
    question = Question(terms(part), "83600-00-10", "outpatient", sar(100), DAY)
    assert (estimate(question).benefit.code, estimate(question).payer_share) == ("part", sar(60))
    assert estimate(replace(question, code="83601-00-10")).payer_share == sar(100)
