"""Claims that use an authorization, decided by the payer's rules on a real database."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest_asyncio
from authorization_builders import decide, granted, payer, request, shown
from claim_builders import DAY, line, sar
from claim_parties import make_parties

from claimlinc.contract import Outcome, Use
from claimlinc.service import authorizing
from masterlinc.ids import new_id, show

ROUNDS = 200


@pytest_asyncio.fixture(loop_scope="session")
async def parties(running, make_principal):
    """A payer whose dental services want a pre-authorization."""
    return await make_parties(running, make_principal, dental_is_asked_for=True)


def claim(parties, *lines, **more):
    return request(parties, *(lines or (line("100"),)), use=Use.CLAIM, **more)


async def test_a_claim_draws_on_the_authorization_and_gives_it_back(parties):
    _, given = await granted(parties)
    reference = given.decision.preauth_ref
    decided = await decide(parties, claim(parties, line("150", quantity="2")))
    assert [(one.outcome, one.authorization) for one in decided.decision.lines] == [(Outcome.APPROVED, reference)]
    _, lines = await shown(parties, reference)
    assert lines[1] == (Decimal(3), Decimal(2), Decimal(600), Decimal(300))
    async with payer(parties).transaction() as tx:
        await authorizing.take_back(payer(parties), tx, parties.payer_id, decided.decision_id)
    assert (await shown(parties, reference))[1][1] == (Decimal(3), Decimal(0), Decimal(600), Decimal(0))


async def test_what_is_over_is_not_allowed(parties):
    """3 units and SAR 600 are left; 4 of SAR 100 are billed: 3 are allowed."""
    _, given = await granted(parties)
    decided = await decide(parties, claim(parties, line("100", quantity="4")))
    (one,) = decided.decision.lines
    assert (one.outcome, one.denial_code, one.allowed) == (Outcome.PARTIAL, "BE-1-5", sar(300))
    head, lines = await shown(parties, given.decision.preauth_ref)
    assert (head["status"], lines[1][1]) == ("used_up", 3)


async def test_lines_of_one_claim_share_what_is_left_in_their_order(parties):
    _, given = await granted(parties)
    two = (line("100", quantity="2"), line("100", quantity="2", sequence=2))
    decided = await decide(parties, claim(parties, *two))
    assert [(one.outcome, one.allowed) for one in decided.decision.lines] == [
        (Outcome.APPROVED, sar(200)),
        (Outcome.PARTIAL, sar(100)),
    ]
    _, lines = await shown(parties, given.decision.preauth_ref)
    assert lines[1] == (Decimal(3), Decimal(3), Decimal(600), Decimal(300))


async def test_why_an_authorization_does_not_do_is_told(parties):
    _, given = await granted(parties, line("100"))
    reference = given.decision.preauth_ref
    head, _ = await shown(parties, reference)
    early = line("100", service_date=head["valid_from"] - timedelta(days=1))
    for made, code in (
        (claim(parties, early), "BE-1-4"),
        (claim(parties, early, preauth_refs=(reference,)), "AD-2-6"),
        (claim(parties, preauth_refs=(show("AUT", new_id()),)), "BE-1-4"),
    ):
        (one,) = (await decide(parties, made)).decision.lines
        assert (one.outcome, one.denial_code) == (Outcome.REJECTED, code), one.reason
    assert (await decide(parties, claim(parties))).decision.outcome is Outcome.APPROVED
    (one,) = (await decide(parties, claim(parties, preauth_refs=(reference,)))).decision.lines
    assert (one.outcome, one.denial_code) == (Outcome.REJECTED, "BE-1-5"), one.reason
    assert reference in one.reason


async def test_a_late_claim_uses_an_authorization_that_has_expired(parties):
    _, given = await granted(parties, line("100"))
    reference = given.decision.preauth_ref
    async with payer(parties).transaction() as tx:
        await tx.execute(
            "UPDATE claimlinc.preauthorization SET status = 'expired' WHERE member_id = $1", parties.member_id
        )
    decided = await decide(parties, claim(parties, line("100", service_date=DAY)))
    assert decided.decision.outcome is Outcome.APPROVED
    assert (await shown(parties, reference))[0]["status"] == "used_up"


async def test_two_claims_race_for_the_last_unit_and_one_has_it(running, make_principal):
    """Both are decided at once, 200 times over: one is paid for, the other is told that nothing is left."""
    parties = await make_parties(running, make_principal, dental_is_asked_for=True)
    for turn in range(ROUNDS):
        _, given = await granted(parties, line("1"))
        reference = given.decision.preauth_ref
        named = {"preauth_refs": (reference,)}
        both = [claim(parties, line("1", body_site=f"{turn}-{n}"), **named) for n in (1, 2)]  # no duplicates
        decided = await asyncio.gather(*(decide(parties, one) for one in both))
        lines = sorted((one.decision.lines[0].outcome, one.decision.lines[0].denial_code or "") for one in decided)
        assert lines == [(Outcome.APPROVED, ""), (Outcome.REJECTED, "BE-1-5")]
        head, left = await shown(parties, reference)
        assert (head["status"], left[1][:2]) == ("used_up", (1, 1))
