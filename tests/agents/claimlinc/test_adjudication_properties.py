"""Laws of the adjudicator over random claims and terms."""

from datetime import date, timedelta
from decimal import ROUND_UP, Context, Decimal, localcontext

import msgspec
from claim_builders import BENEFITS, DAY, benefit, decide, line, price, sar, submission, terms
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_scenarios import held, part, wants

from claimlinc import adjudication
from claimlinc.adjudication import RULES, Facts, benefit_uses, words
from claimlinc.adjudication.balances import lineage
from claimlinc.contract import ClaimSubmission, ClaimType, Outcome
from masterlinc import wire
from masterlinc.money import Money, encode_hook, money
from policylinc.contract import BenefitLimit, CoverStatus, LimitKind, LimitPer

CASES = {rule.id: rule.cases for rule in RULES}

amounts = st.integers(0, 2_000_000).map(lambda halalas: Money(Decimal(halalas).scaleb(-2)))
quantities = st.sampled_from(["0", "1", "2", "3", "0.5", "1.25", "7", "0.3333"])
days = st.integers(-3, 3).map(lambda n: DAY + timedelta(days=n))
percents = st.sampled_from([Decimal(0), Decimal(10), Decimal("12.5"), Decimal(20), Decimal("33.33"), Decimal(100)])
maybe_amounts = st.none() | amounts
PARTS = (("part", "outpatient"), ("inner", "part"), ("other", "inpatient"))
limits = st.lists(
    st.builds(
        BenefitLimit,
        st.sampled_from(LimitKind),
        st.sampled_from(LimitPer),
        st.integers(0, 9).map(Decimal),
        st.integers(0, 3).map(Decimal),
    ),
    max_size=3,
).map(tuple)
a_part = st.fixed_dictionaries(
    {
        "limit": maybe_amounts,
        "used": amounts,
        "limits": limits,
        "copay_percent": percents,
        "copay_cap": maybe_amounts,
        "copay_cap_per": st.sampled_from([LimitPer.VISIT, LimitPer.ITEM]),
        "waiting_days": st.sampled_from([0, 0, 0, 30, 90]),
    }
)


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
            service_end=draw(st.none() | days),
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
            limits=draw(limits),
        )
        for name in BENEFITS
    ]
    parts = [part(name, parent=parent, **draw(a_part)) for name, parent in PARTS if draw(st.booleans())]
    return terms(
        *benefits,
        *parts,
        status=draw(st.sampled_from([CoverStatus.ACTIVE] * 4 + [CoverStatus.SUSPENDED])),
        effective_date=DAY - timedelta(days=draw(st.integers(0, 4))),
        expiry_date=DAY + timedelta(days=draw(st.integers(0, 4))),
        annual_limit=draw(amounts),
        annual_used=draw(amounts),
        deductible=draw(amounts),
        deductible_used=draw(amounts),
        prices=draw(st.sampled_from([(), (price("70.10"),)])),
        percent_of_billed=draw(percents),
        vat_percent=draw(st.sampled_from([None, None, Decimal(15)])),
        rules=draw(st.sampled_from([(), (), (wants(above=sar(500)),)])),
        in_network=draw(st.integers(0, 9)) > 0,
        member_since=draw(st.sampled_from([None, DAY - timedelta(days=40)])),
    )


holding = st.sampled_from([(), (held("3", "900"),), (held("2", "100"), held("9", "100000", reference="AUT-2"))])


@settings(max_examples=150, deadline=None)
@given(claims(), terms_in_force(), holding)
def test_shares_always_sum_to_the_whole(claim, agreed, authorizations):
    decision = decide(claim, agreed, authorizations=authorizations)
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
        assert 0 <= one.approved_quantity <= billed.quantity
        step = words.deciding(one)
        assert (step is None) == (one.outcome is Outcome.APPROVED)
        if step is not None:
            case = CASES[step.rule][step.case]
            assert (case.outcome, case.code) == (one.outcome, one.denial_code)
        assert one.reason
        assert one.reason_ar
        assert one.trace
    for name in decision.totals.__struct_fields__:
        assert getattr(decision.totals, name) == sum(getattr(one, name) for one in decision.lines)


@settings(max_examples=150, deadline=None)
@given(claims(), terms_in_force())
def test_caps_and_limits_hold(claim, agreed):
    decision = decide(claim, agreed)
    by_name = {term.benefit: term for term in agreed.benefits}
    visits: dict[tuple[str, date], Decimal] = {}
    paid: dict[str, Decimal] = {}
    units: dict[str, Decimal] = {}
    for one, billed in zip(decision.lines, claim.lines, strict=True):
        visit = (one.benefit, billed.service_date or claim.created)
        visits[visit] = visits.get(visit, Decimal(0)) + one.copay
        for name in (term.benefit for term in lineage(by_name, one.benefit)):
            paid[name] = paid.get(name, Decimal(0)) + one.payer_share - one.payer_tax
            units[name] = units.get(name, Decimal(0)) + one.approved_quantity
    for (name, _), copay in visits.items():
        cap = by_name[name].copay_cap
        assert cap is None or copay <= cap or by_name[name].copay_cap_per is LimitPer.ITEM
    for name, amount in paid.items():
        limit = by_name[name].limit
        assert limit is None or amount <= max(limit - by_name[name].used, 0)
        for one in by_name[name].limits:
            if one.per in (LimitPer.YEAR, LimitPer.LIFETIME) and one.kind is not LimitKind.DAYS:
                counted = amount if one.kind is LimitKind.AMOUNT else units[name]
                assert counted <= max(one.value - one.used, 0)
    assert decision.totals.payer_share - decision.totals.payer_tax <= max(agreed.annual_limit - agreed.annual_used, 0)
    assert sum(one.deductible for one in decision.lines) <= max(agreed.deductible - agreed.deductible_used, 0)


@settings(max_examples=100, deadline=None)
@given(claims(), terms_in_force())
def test_deciding_twice_gives_the_same_bytes(claim, agreed):
    """Also under another caller's arithmetic, and from facts that were kept and read again."""
    facts = Facts(agreed, authorizations=(held("3", "900"),))
    first = msgspec.json.encode(adjudication.decide(claim, facts), enc_hook=encode_hook)
    with localcontext(Context(prec=6, rounding=ROUND_UP)):
        assert msgspec.json.encode(adjudication.decide(claim, facts), enc_hook=encode_hook) == first
    kept, sent = wire.load(wire.dump(facts), Facts), wire.load(wire.dump(claim), ClaimSubmission)
    assert msgspec.json.encode(adjudication.decide(sent, kept), enc_hook=encode_hook) == first


@settings(max_examples=100, deadline=None)
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
