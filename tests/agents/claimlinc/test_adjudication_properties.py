"""Laws of the adjudicator over random claims and terms."""

from datetime import date, timedelta
from decimal import Decimal

import msgspec
from claim_builders import BENEFITS, DAY, benefit, decide, line, price, sar, submission, terms
from hypothesis import given, settings
from hypothesis import strategies as st

from claimlinc.adjudication import benefit_uses
from claimlinc.contract import ClaimType, Outcome
from masterlinc.money import Money, encode_hook, money
from policylinc.contract import CoverStatus

amounts = st.integers(0, 2_000_000).map(lambda halalas: Money(Decimal(halalas).scaleb(-2)))
quantities = st.sampled_from(["0", "1", "2", "3", "0.5", "1.25", "7", "0.3333"])
days = st.integers(-3, 3).map(lambda n: DAY + timedelta(days=n))
percents = st.sampled_from([Decimal(0), Decimal(10), Decimal("12.5"), Decimal(20), Decimal("33.33"), Decimal(100)])
maybe_amounts = st.none() | amounts


@st.composite
def claims(draw):
    lines = []
    for sequence in range(1, draw(st.integers(1, 6)) + 1):
        built = line(
            str(draw(amounts)),
            str(draw(amounts)),
            draw(quantities),
            sequence=sequence,
            service_date=draw(st.none() | days),
            maternity=draw(st.booleans()),
        )
        if draw(st.integers(0, 9)) == 0:
            built = msgspec.structs.replace(built, net=money(built.net + 1))
        lines.append(built)
    return submission(
        *lines, claim_type=draw(st.sampled_from(list(ClaimType))), sub_type=draw(st.sampled_from(["ip", "op", None]))
    )


@st.composite
def terms_in_force(draw):
    benefits = [
        benefit(
            name,
            covered=draw(st.integers(0, 5)) > 0,
            copay_percent=draw(percents),
            copay_cap=draw(maybe_amounts),
            limit=draw(maybe_amounts),
            used=draw(amounts),
        )
        for name in BENEFITS
    ]
    return terms(
        *benefits,
        status=draw(st.sampled_from([CoverStatus.ACTIVE] * 4 + [CoverStatus.SUSPENDED])),
        effective_date=DAY - timedelta(days=draw(st.integers(0, 4))),
        expiry_date=DAY + timedelta(days=draw(st.integers(0, 4))),
        annual_limit=draw(amounts),
        annual_used=draw(amounts),
        deductible=draw(amounts),
        deductible_used=draw(amounts),
        prices=draw(st.sampled_from([(), (price("70.10"),)])),
        percent_of_billed=draw(percents),
    )


@settings(max_examples=400, deadline=None)
@given(claims(), terms_in_force())
def test_shares_always_sum_to_the_whole(claim, agreed):
    decision = decide(claim, agreed)
    assert [one.sequence for one in decision.lines] == [one.sequence for one in claim.lines]
    for one, billed in zip(decision.lines, claim.lines, strict=True):
        assert one.payer_share + one.patient_share == one.allowed + one.tax
        assert 0 <= one.payer_tax <= one.tax <= billed.tax
        assert one.payer_tax <= one.payer_share
        assert min(one.payer_share, one.patient_share, one.allowed, one.deductible, one.copay) >= 0
        assert one.deductible + one.copay <= one.allowed
        assert one.deductible + one.copay <= one.patient_share
        assert one.billed == billed.net
        if one.outcome is not Outcome.PENDED:
            assert one.allowed <= billed.net - billed.tax
        if one.outcome in (Outcome.REJECTED, Outcome.PENDED):
            assert one.payer_share == 0
            assert one.approved_quantity == 0
        if one.outcome in (Outcome.REJECTED, Outcome.PARTIAL):
            assert one.denial_code
        assert one.reason
        assert one.reason_ar
        assert one.trace
    for name in decision.totals.__struct_fields__:
        assert getattr(decision.totals, name) == sum(getattr(one, name) for one in decision.lines)


@settings(max_examples=400, deadline=None)
@given(claims(), terms_in_force())
def test_caps_and_limits_hold(claim, agreed):
    decision = decide(claim, agreed)
    by_name = {term.benefit: term for term in agreed.benefits}
    visits: dict[tuple[str, date], Decimal] = {}
    paid: dict[str, Decimal] = {}
    for one, billed in zip(decision.lines, claim.lines, strict=True):
        visit = (one.benefit, billed.service_date or claim.created)
        visits[visit] = visits.get(visit, Decimal(0)) + one.copay
        paid[one.benefit] = paid.get(one.benefit, Decimal(0)) + one.payer_share - one.payer_tax
    for (name, _), copay in visits.items():
        cap = by_name[name].copay_cap
        assert cap is None or copay <= cap
    for name, amount in paid.items():
        limit = by_name[name].limit
        assert limit is None or amount <= max(limit - by_name[name].used, 0)
    assert sum(paid.values()) <= max(agreed.annual_limit - agreed.annual_used, 0)
    assert sum(one.deductible for one in decision.lines) <= max(agreed.deductible - agreed.deductible_used, 0)


@settings(max_examples=200, deadline=None)
@given(claims(), terms_in_force())
def test_deciding_twice_gives_the_same_bytes(claim, agreed):
    first, second = (msgspec.json.encode(decide(claim, agreed), enc_hook=encode_hook) for _ in range(2))
    assert first == second


@settings(max_examples=200, deadline=None)
@given(claims(), terms_in_force())
def test_the_ledger_gets_what_the_lines_say(claim, agreed):
    decision = decide(claim, agreed)
    uses = benefit_uses(decision)
    if decision.outcome is Outcome.PENDED:
        assert uses == ()
        return
    assert sum(use.amount for use in uses) == decision.totals.payer_share - decision.totals.payer_tax
    assert sum(use.deductible for use in uses) == decision.totals.deductible


@given(st.integers(1, 10**9), percents)
def test_one_line_without_limits_splits_by_the_copay_percentage(halalas, rate):
    billed = Decimal(halalas).scaleb(-2)
    (one,) = decide(
        submission(line(str(billed))), terms(benefit(copay_percent=rate), annual_limit=sar("999999999999.99"))
    ).lines
    assert one.copay == money(billed * rate / 100)
    assert one.payer_share == billed - one.copay
