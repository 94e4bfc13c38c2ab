"""An authorization's last day: it expires with the day after, once, and waits on where it was extended."""

from datetime import datetime, time, timedelta

import pytest
import pytest_asyncio
from authorization_builders import decide, granted, payer, request, shown, terms_of_payer
from claim_builders import line
from claim_parties import make_parties

from claimlinc.contract import RelatedClaim, Use
from claimlinc.service import authorizing, expiring
from masterlinc import ids
from masterlinc.agent import Park, StepInput, Wait
from masterlinc.clock import RIYADH
from masterlinc.ids import new_id


@pytest_asyncio.fixture(loop_scope="session")
async def held(timed, make_principal):
    """An authorization of three units that holds for five days, and whose it is."""
    parties = await make_parties(timed[0], make_principal, dental_is_asked_for=True)
    await terms_of_payer(timed[0], make_principal, parties, valid_days=5)
    made, decided = await granted(parties, line("100", quantity="3"))
    return parties, made, decided


def until_midnight(timed, day):
    """Move the time to the first moment after a day in Riyadh."""
    timed[1].advance(datetime.combine(day + timedelta(days=1), time(), RIYADH) - timed[1].now())


async def expire(parties, decided):
    key = f"{ids.parse('AUT', decided.decision.preauth_ref)}/{decided.decision_id}"
    return (await expiring.expire(payer(parties), StepInput(key, parties.payer_id))).note


async def status(parties, decided):
    return (await shown(parties, decided.decision.preauth_ref))[0]["status"]


async def test_it_expires_with_the_day_after_its_last_and_a_late_claim_still_uses_it(timed, held):
    parties, _, decided = held
    head, _ = await shown(parties, decided.decision.preauth_ref)
    until_midnight(timed, head["valid_to"])
    timed[1].advance(-timedelta(microseconds=1))
    with pytest.raises(Wait):
        await expire(parties, decided)
    timed[1].advance(timedelta(microseconds=1))
    assert await expire(parties, decided) == "expired"
    assert await expire(parties, decided) == "expired"
    assert await status(parties, decided) == "expired"
    late = request(parties, line("100", quantity="3", service_date=head["valid_to"]), use=Use.CLAIM)
    used = await decide(parties, late)
    assert await status(parties, decided) == "used_up"
    async with payer(parties).transaction() as tx:
        await authorizing.take_back(payer(parties), tx, parties.payer_id, used.decision_id)
    assert await status(parties, decided) == "expired"  # what comes back after the last day is of no new service


async def test_one_that_was_extended_waits_on_and_one_that_expired_comes_back(timed, held):
    parties, made, decided = held
    reference = decided.decision.preauth_ref
    head, _ = await shown(parties, reference)
    until_midnight(timed, head["valid_to"])
    assert await expire(parties, decided) == "expired"
    more = request(
        parties,
        line("100"),
        related=(RelatedClaim(made.identifier, "extend"),),
        preauth_refs=(reference,),
    )
    extended = await decide(parties, more)
    assert await status(parties, decided) == "active"
    for grant in (decided, extended):
        with pytest.raises(Wait):
            await expire(parties, grant)
    until_midnight(timed, (await shown(parties, reference))[0]["valid_to"])
    assert await expire(parties, extended) == "expired"


async def test_one_that_is_used_up_stays_it_and_one_that_is_not_there_parks(timed, held):
    parties, _, decided = held
    head, _ = await shown(parties, decided.decision.preauth_ref)
    await decide(parties, request(parties, line("100", quantity="3"), use=Use.CLAIM))
    until_midnight(timed, head["valid_to"])
    assert await expire(parties, decided) == "used_up"
    assert await status(parties, decided) == "used_up"
    with pytest.raises(Park):
        await expiring.expire(payer(parties), StepInput(f"{new_id()}/{new_id()}", parties.payer_id))
