"""What must hold of edits whatever comes: the order of history, what of it is used, the order of claims of a day."""

from datetime import timedelta
from uuid import UUID

from claim_builders import DAY, SERVICES, submission, terms
from edit_builders import CLINIC, OTHER_CLINIC, coded, past, payer_rule
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from claimlinc.adjudication import Facts, decide
from claimlinc.adjudication.edits.relevant import relevant
from claimlinc.adjudication.past import past_lines
from claimlinc.contract import ClaimType, Coding, Identifier, Outcome
from masterlinc.money import Quantity
from policylinc.contract import ServiceRuleKind

VISITS = ("83600-00-10", "83600-00-00", "97011-00-00", "97012-00-00")
CODES = (*VISITS, "31500-00-01", "31536-00-01", "83620-00-10", "X-RAY")
THREE = {"min_size": 3, "max_size": 3}
SOON = st.integers(-40, 40).map(lambda days: DAY + timedelta(days=days))
SEEN_DAYS = st.one_of(SOON, st.integers(-800, 800).map(lambda days: DAY + timedelta(days=days)))
SITES, SURFACES = st.sampled_from((None, "11", "12")), st.sampled_from(((), ("M",), ("D", "M")))
PROVIDERS = st.sampled_from((CLINIC, OTHER_CLINIC))
DOCTORS = st.sampled_from((None, "DOC-1", "DOC-2"))
RULES = st.lists(
    st.builds(
        payer_rule,
        kind=st.just(ServiceRuleKind.FREQUENCY),
        days=st.integers(1, 900),
        count=st.integers(0, 4),
        codes=st.sampled_from(((), ("836*",), ("97011-00-00",), ("83620-00-10", "X*"))),
        benefits=st.sampled_from(((), ("outpatient",), ("pharmacy",))),
    ),
    max_size=2,
)


@st.composite
def histories(draw):
    made = draw(
        st.lists(
            st.builds(
                past,
                code=st.sampled_from(CODES),
                service_date=SEEN_DAYS,
                provider_organization_id=PROVIDERS,
                benefit=st.sampled_from(("outpatient", "pharmacy")),
                outcome=st.sampled_from(tuple(Outcome)),
                quantity=st.sampled_from((Quantity(1), Quantity(2))),
                body_site=SITES,
                surfaces=SURFACES,
                practitioner=DOCTORS,
                diagnoses=st.sampled_from((("J06.9",), ("E11.9", "J06.0"), ())),
                days_supply=st.sampled_from((None, 7, 30, 90)),
            ),
            max_size=12,
        )
    )
    return [replace(one, claim=f"r{n // 3}", sequence=n, decision_id=UUID(int=n // 3)) for n, one in enumerate(made)]


@st.composite
def claims(draw):
    count = draw(st.integers(1, 5))
    lines = [
        coded(
            draw(st.sampled_from(CODES)),
            sequence=n,
            service_date=draw(SOON),
            quantity=draw(st.sampled_from(("1", "2", "3"))),
            body_site=draw(SITES),
            surfaces=draw(SURFACES),
        )
        for n in range(1, count + 1)
    ]
    kind = draw(st.sampled_from((ClaimType.PROFESSIONAL, ClaimType.PHARMACY)))
    return submission(*lines, claim_type=kind)


PACKAGES = st.lists(
    st.builds(
        payer_rule,
        kind=st.just(ServiceRuleKind.PACKAGE),
        codes=st.sampled_from((("83600*",), ("X*",))),
        includes=st.sampled_from((("97011..97012",), ("83620-00-10", "X-RAY"))),
    ),
    max_size=1,
)
BOTH = st.tuples(RULES, PACKAGES).map(lambda both: (*both[0], *both[1]))
AGREED = st.builds(terms, rules=BOTH, follow_up_days=st.sampled_from((0, 14)))


def facts(agreed, history):
    return Facts(agreed, history=tuple(history), provider_organization_id=CLINIC)


@given(claims(), histories(), AGREED, st.randoms())
def test_the_order_of_history_changes_nothing(claim, history, agreed, chance):
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert decide(claim, facts(agreed, shuffled)) == decide(claim, facts(agreed, history))


@settings(max_examples=300)
@given(claims(), histories(), AGREED)
def test_what_is_left_out_of_history_would_have_changed_nothing(claim, history, agreed):
    used = relevant(history, claim, agreed)
    assert decide(claim, facts(agreed, used)) == decide(claim, facts(agreed, history))


@given(claims(), histories(), AGREED)
def test_more_history_never_makes_a_line_stand(claim, history, agreed):
    """What stands on all of a history stands on a part of it, but where a line of the claim stood in its way."""
    if len(claim.lines) > 1:
        claim = replace(claim, lines=claim.lines[:1])
    (with_all,) = decide(claim, facts(agreed, history)).lines
    (with_some,) = decide(claim, facts(agreed, history[::2])).lines
    assert with_all.outcome is not Outcome.APPROVED or with_some.outcome is Outcome.APPROVED


def one_after_the_other(agreed, *made):
    """Return how often each of some claims' services was paid, when they are decided in this order."""
    history, paid = [], {}
    for number, claim in enumerate(made):
        decision = decide(claim, facts(agreed, history))
        history += past_lines(UUID(int=number), claim, CLINIC, decision)
        for line, decided in zip(claim.lines, decision.lines, strict=True):
            code = line.codes[0].code
            paid[code] = paid.get(code, 0) + (decided.outcome is Outcome.APPROVED)
    return paid


@given(st.permutations((0, 1, 2)), st.lists(st.sampled_from(VISITS), **THREE), st.lists(SITES, **THREE))
def test_the_order_of_claims_of_one_day_changes_nothing_of_what_is_paid(order, codes, sites):
    """Three claims of a line each on one day: of each service as much is paid, whoever comes first.

    But for a periodic examination beside a first one: it is asked about the first one, which is not asked about it.
    """
    made = [
        submission(coded(code, body_site=site), identifier=Identifier("http://clinic.test/claim", f"c{n}"))
        for n, (code, site) in enumerate(zip(codes, sites, strict=True))
    ]
    straight = one_after_the_other(terms(), *made)
    mixed = one_after_the_other(terms(), *(made[place] for place in order))
    if not {"97011-00-00", "97012-00-00"} <= set(codes):
        assert straight == mixed
    for code, paid in straight.items():
        different = {site for one, site in zip(codes, sites, strict=True) if one == code}
        assert paid <= (1 if code == "97012-00-00" else len(different))


def test_a_code_of_two_systems_is_two_codes():
    line = coded(codes=(Coding(SERVICES, "1"), Coding("http://local", "1")))
    assert decide(submission(line), facts(terms(), ())).lines[0].outcome is Outcome.APPROVED
