"""What a decided pre-authorization grants, what claims use of it, and what comes back."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from authorization_builders import decide, facts_of, granted, payer, request, shown, using
from claim_builders import DAY, SERVICES, line
from claim_parties import make_parties

from claimlinc.adjudication import decide as judge
from claimlinc.contract import Coding, Identifier, Outcome, RelatedClaim, Use
from claimlinc.service import authorizing
from claimlinc.service.authorizing import Made
from masterlinc import ids
from masterlinc.clock import today
from masterlinc.ids import new_id


async def use(parties, claim, reference=None, quantity=None):
    """Decide a claim as its payer does, each line drawing on an authorization; the decision's number and decision."""
    async with payer(parties).transaction() as tx:
        facts = await facts_of(parties, tx, claim)
        decision = judge(claim, facts)
        if reference is not None:
            decision = using(decision, reference, quantity)
        made = Made(parties.payer_id, parties.provider_id, new_id(), claim, facts, decision)
        await authorizing.post(payer(parties), tx, made)
    return made


async def take_back(parties, decision_id):
    async with payer(parties).transaction() as tx:
        await authorizing.take_back(payer(parties), tx, parties.payer_id, decision_id)


async def test_an_approved_request_grants_its_lines_and_leaves_the_ledger_alone(parties):
    _, decided = await granted(parties)
    reference = decided.decision.preauth_ref
    head, lines = await shown(parties, reference)
    assert reference == ids.show("AUT", decided.decision_id)
    assert (head["status"], head["member_id"]) == ("active", parties.member_id)
    assert head["valid_from"] == min(DAY, today(parties.payer.clock))
    assert head["valid_to"] == max(DAY, today(parties.payer.clock) + timedelta(days=30))
    assert lines == {1: (Decimal(3), Decimal(0), Decimal(600), Decimal(0))}  # 3 x 200, before 30 of tax
    async with payer(parties).transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM policylinc.benefit_entry") == 0


async def test_a_request_that_is_rejected_grants_nothing(parties):
    decided = await decide(parties, request(parties, line("200", service_date=DAY.replace(year=2025))))
    assert decided.decision.outcome is Outcome.REJECTED
    assert (await shown(parties, decided.decision.preauth_ref))[0] is None


async def test_a_claim_uses_what_is_left_until_nothing_is(parties):
    _, decided = await granted(parties)
    reference = decided.decision.preauth_ref
    claim = request(parties, line("150", quantity="2"), use=Use.CLAIM)
    made = await use(parties, claim, reference)
    (known,) = made.facts.authorizations
    assert (known.reference, known.lines[0].quantity_left, known.lines[0].amount_left) == (reference, 3, 600)
    head, lines = await shown(parties, reference)
    assert (head["status"], lines) == ("active", {1: (Decimal(3), Decimal(2), Decimal(600), Decimal(300))})
    await use(parties, request(parties, line("150"), use=Use.CLAIM), reference)
    head, lines = await shown(parties, reference)
    assert (head["status"], lines[1][1]) == ("used_up", 3)
    last = await use(parties, request(parties, line("150"), use=Use.CLAIM))
    assert last.facts.authorizations == ()  # used up: no claim is told of it


async def test_a_use_is_posted_once_and_comes_back_once(parties):
    _, decided = await granted(parties)
    reference = decided.decision.preauth_ref
    made = await use(parties, request(parties, line("150", quantity="3"), use=Use.CLAIM), reference)
    async with payer(parties).transaction() as tx:
        await authorizing.post(payer(parties), tx, made)
    assert (await shown(parties, reference))[0]["status"] == "used_up"
    for _ in range(2):
        await take_back(parties, made.decision_id)
        head, lines = await shown(parties, reference)
        assert (head["status"], lines[1]) == ("active", (Decimal(3), Decimal(0), Decimal(600), Decimal(0)))


async def test_what_a_withdrawn_decision_granted_is_gone_but_for_what_was_used(parties):
    _, decided = await granted(parties)
    reference = decided.decision.preauth_ref
    used = await use(parties, request(parties, line("150"), use=Use.CLAIM), reference)
    await take_back(parties, decided.decision_id)
    head, lines = await shown(parties, reference)
    assert (head["status"], lines[1]) == ("withdrawn", (Decimal(1), Decimal(1), Decimal(150), Decimal(150)))
    await take_back(parties, used.decision_id)
    assert (await shown(parties, reference))[0]["status"] == "withdrawn"


async def test_a_request_that_is_decided_anew_grants_the_whole_not_more(parties):
    made, decided = await granted(parties)
    reference = decided.decision.preauth_ref
    await use(parties, request(parties, line("150"), use=Use.CLAIM), reference)
    await take_back(parties, decided.decision_id)
    async with payer(parties).transaction() as tx:
        facts = await facts_of(parties, tx, made)
        again = Made(parties.payer_id, parties.provider_id, new_id(), made, facts, decided.decision)
        await authorizing.post(payer(parties), tx, again)
    head, lines = await shown(parties, reference)
    assert (head["status"], lines[1]) == ("active", (Decimal(3), Decimal(1), Decimal(600), Decimal(150)))


async def test_an_extension_adds_units_and_days_to_the_authorization_that_it_names(parties):
    made, decided = await granted(parties)
    reference = decided.decision.preauth_ref
    await use(parties, request(parties, line("150", quantity="3"), use=Use.CLAIM), reference)
    later = today(parties.payer.clock).replace(month=12, day=31)
    more = request(
        parties,
        line("100", quantity="2", service_date=later),
        line("50", sequence=2, codes=(Coding(SERVICES, "11000-00-10"),), service_date=later),
        related=(RelatedClaim(made.identifier, "extend"),),
        preauth_refs=(reference,),
    )
    extended = await decide(parties, more)
    assert extended.decision.preauth_ref == reference
    head, lines = await shown(parties, reference)
    assert head["status"] == "active"
    assert head["valid_to"] >= later
    assert lines[1] == (Decimal(5), Decimal(3), Decimal(800), Decimal(450))
    assert lines[2] == (Decimal(1), Decimal(0), Decimal(50), Decimal(0))
    await take_back(parties, extended.decision_id)
    head, lines = await shown(parties, reference)
    assert (head["status"], lines[1][:2]) == ("used_up", (Decimal(3), Decimal(3)))
    assert head["valid_to"] == max(DAY, today(parties.payer.clock) + timedelta(days=30))


async def test_another_members_or_providers_authorization_is_neither_extended_nor_used(
    running, parties, make_principal
):
    other = await make_parties(running, make_principal)
    _, theirs = await granted(other)
    reference = theirs.decision.preauth_ref
    more = request(
        parties, related=(RelatedClaim(Identifier("", "x"), "extend"),), preauth_refs=(reference, "AUT-1", "x")
    )
    decided = await decide(parties, more)
    assert decided.decision.preauth_ref == ids.show("AUT", decided.decision_id)
    async with payer(parties).transaction() as tx:
        known = await authorizing.usable(
            tx, parties.payer_id, parties.member_id, other.provider_id, request(parties, use=Use.CLAIM)
        )
    assert known == ()


async def test_two_claims_for_the_last_unit_wait_for_each_other(parties):
    """Each sees under lock what the other left; two hundred rounds."""
    for _ in range(200):
        _, decided = await granted(parties, line("100"))
        reference = decided.decision.preauth_ref

        async def take(reference=reference):
            claim = request(parties, line("100"), use=Use.CLAIM)
            async with payer(parties).transaction() as tx:
                facts = await facts_of(parties, tx, claim)
                left = [one for one in facts.authorizations if one.reference == reference]
                if not left:
                    return False
                decision = using(judge(claim, facts), reference)
                made = Made(parties.payer_id, parties.provider_id, new_id(), claim, facts, decision)
                await authorizing.post(payer(parties), tx, made)
            return True

        assert sorted(await asyncio.gather(take(), take())) == [False, True]
        assert (await shown(parties, reference))[0]["status"] == "used_up"


@pytest.mark.parametrize("quantity", [Decimal(4), Decimal("3.0001")])
async def test_no_more_than_is_left_is_ever_posted(parties, quantity):
    _, decided = await granted(parties)
    claim = request(parties, line("300", quantity=str(quantity)), use=Use.CLAIM)
    await use(parties, claim, decided.decision.preauth_ref, quantity)
    _, lines = await shown(parties, decided.decision.preauth_ref)
    assert lines[1] == (Decimal(3), Decimal(3), Decimal(600), Decimal(600))
