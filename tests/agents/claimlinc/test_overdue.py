"""What follows when the payer's time runs out, as its terms say: told to its people, approved or rejected, once."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from authorization_builders import payer, request, shown, terms_of_payer
from claim_builders import line, sar
from claim_parties import make_parties
from review_desk import approve, open_desk

from claimlinc import clock_queries, queries
from claimlinc.contract import ClaimStatus, Outcome, RecordClaim, RecordedClaim
from claimlinc.errors import ClaimStateRefused
from claimlinc.review_schemas import SaidForm
from claimlinc.service import cases, clocks, overdue, reviewing
from claimlinc.service.deciding import load_decision
from claimlinc.service.states import Event
from masterlinc import ids
from masterlinc.agent import StepInput
from masterlinc.clock import RIYADH
from masterlinc.errors import PreconditionFailed
from masterlinc.testing import FixedClock

LATE = timedelta(minutes=61)


@pytest.fixture
def desk(timed, there, make_principal):
    return open_desk(timed[0], there, make_principal)


def waits(parties, **more):
    """A request of two lines, of which one waits for a person: its figures do not add up."""
    return request(parties, line("200", quantity="2"), line("100", sequence=2, net=sar(90)), **more)


async def watch(parties, decision_id):
    return (await overdue.watch(payer(parties), StepInput(str(decision_id), parties.payer_id))).note


async def clock_of(parties, decision_id):
    async with payer(parties).transaction() as tx:
        return (await clock_queries.clocks(tx, [decision_id]))[decision_id]


async def last(parties, case):
    async with payer(parties).transaction() as tx:
        decided = await load_decision(tx, case.decision_id)
        numbers = await tx.fetchval(
            "SELECT count(*) FROM claimlinc.decision WHERE identifier_value = $1", case.identifier_value
        )
    return decided.decision, numbers


async def test_a_request_is_due_when_the_clock_says_and_stands_first_when_it_has_run_out(timed, there, desk):
    case = await desk.pended(claim=waits(there))
    assert case.due_at == timed[1].now() + timedelta(minutes=60)
    later = await desk.pended(line("200", quantity="0"))  # a claim: its terms give days
    told = (await desk.show(case)).clock
    assert (told.due_at, told.late, told.answered_at) == (case.due_at, False, None)
    assert (await desk.show(later)).clock is None
    assert await watch_late(timed, there, case) == "ran out: escalate"
    assert (await desk.case(case)).escalated_at == timed[1].now()
    assert await desk.listed("escalated") == [case.reference]
    assert (await desk.listed("open"))[0] == case.reference
    assert (await desk.show(case)).clock.late
    decided, numbers = await last(there, await desk.case(case))
    assert (decided.outcome, numbers) == (Outcome.PENDED, 1)


async def watch_late(timed, parties, case):
    timed[1].advance(LATE)
    return await watch(parties, case.decision_id)


async def test_silence_is_approval_where_the_terms_say_so(timed, there, desk, make_principal):
    """Line 1 as the rules approve it: 2 x 200. Line 2 bills 100 and sums to 90: all that is asked, 90, is approved."""
    await terms_of_payer(timed[0], make_principal, there, when_late="approve")
    first = await desk.pended(claim=waits(there))
    assert await watch_late(timed, there, first) == "ran out: approve"
    assert await watch(there, first.decision_id) == "answered late"
    case = await desk.case(first)
    decided, numbers = await last(there, case)
    assert (case.state, decided.outcome, numbers) == (ClaimStatus.APPROVED, Outcome.APPROVED, 2)
    assert [one.allowed for one in decided.lines] == [sar(400), sar(90)]
    step = next(step for step in decided.lines[1].trace if step.rule == "review")
    assert (step.case, step.inputs["ran_out"]) == ("late-approved", f"{first.due_at.astimezone(RIYADH):%Y-%m-%d %H:%M}")
    head, lines = await shown(there, decided.preauth_ref)
    assert head["status"] == "active"
    assert [(one[0], one[2]) for one in lines.values()] == [(2, 400), (1, 90)]
    clock = await clock_of(there, case.decision_id)
    assert (clock["answered_by"], clock["in_time"], clock["answer_id"]) == ("clock", False, case.decision_id)


async def test_silence_is_rejection_where_the_terms_say_so(timed, there, desk, make_principal):
    await terms_of_payer(timed[0], make_principal, there, when_late="reject", answer_minutes=30)
    case = await desk.pended(claim=waits(there))
    assert case.due_at == timed[1].now() + timedelta(minutes=30)
    assert await watch_late(timed, there, case) == "ran out: reject"
    case = await desk.case(case)
    decided, _ = await last(there, case)
    assert (case.state, decided.outcome) == (ClaimStatus.PARTIAL, Outcome.PARTIAL)
    one, two = decided.lines
    assert (one.outcome, two.outcome, two.denial_code) == (Outcome.APPROVED, Outcome.REJECTED, "BE-1-4")
    assert two.reason.startswith("The payer did not answer by ")
    assert two.reason_ar.startswith("لم ترد الجهة الدافعة")
    _, lines = await shown(there, decided.preauth_ref)
    assert [*lines] == [1]


async def test_what_cannot_be_approved_by_silence_is_left_to_people(timed, there, desk, make_principal):
    await terms_of_payer(timed[0], make_principal, there, when_late="approve")
    case = await desk.pended(claim=request(there, line("200", quantity="0", net=sar(0))))
    assert await watch_late(timed, there, case) == "ran out: escalate"
    case = await desk.case(case)
    assert (case.state, case.escalated_at) == (ClaimStatus.PENDED, timed[1].now())
    assert (await clock_of(there, case.decision_id))["answered_at"] is None


async def test_who_has_asked_the_provider_was_not_silent(timed, there, desk, make_principal):
    await terms_of_payer(timed[0], make_principal, there, when_late="approve")
    case = await desk.pended(claim=waits(there))
    await reviewing.ask(desk.reviewer, case.reference, SaidForm("Which tooth?"), await desk.tag(case))
    assert await watch_late(timed, there, case) == "ran out: escalate"
    assert (await desk.case(case)).state is ClaimStatus.INFORMATION_REQUESTED


async def test_a_request_that_its_provider_cancelled_runs_out_for_nobody(timed, there, desk, make_principal):
    await terms_of_payer(timed[0], make_principal, there, when_late="approve")
    case = await desk.pended(claim=waits(there))
    async with payer(there).transaction() as tx:
        await cases.withdraw(payer(there), tx, there.payer_id, case.decision_id, Event.CANCEL)
    assert await watch_late(timed, there, case) == "nobody waits any more: cancelled"
    clock = await clock_of(there, case.decision_id)
    assert (clock["ran_out_at"], clock["answered_at"]) == (None, None)
    assert (await last(there, case))[1] == 1


async def test_a_person_who_answers_in_time_stops_the_clock(timed, there, desk, make_principal):
    await terms_of_payer(timed[0], make_principal, there, when_late="reject")
    case = await desk.pended(claim=waits(there))
    timed[1].advance(timedelta(minutes=60))
    case = await desk.decide(case, approve(2))
    assert await watch_late(timed, there, case) == "answered in time"
    clock = await clock_of(there, case.decision_id)
    assert (clock["answered_by"], clock["in_time"], clock["answer_id"]) == ("person", True, case.decision_id)


async def test_of_an_answer_and_the_timer_in_one_moment_one_is_first(timed, there, desk, make_principal):
    """Two hundred rounds: there is one second decision, the clock names it, and the other one found it done."""
    await terms_of_payer(timed[0], make_principal, there, when_late="reject")
    winners = set()
    for _ in range(200):
        case = await desk.pended(claim=waits(there))
        first, tag = case.decision_id, await desk.tag(case)
        timed[1].advance(LATE)
        assert tag
        noted, answered = await asyncio.gather(
            watch(there, first), desk.decide(case, approve(2)), return_exceptions=True
        )
        case = await desk.case(case)
        decided, numbers = await last(there, case)
        clock = await clock_of(there, first)
        assert (numbers, clock["answer_id"], clock["in_time"]) == (2, case.decision_id, False)
        if isinstance(answered, Exception):
            assert isinstance(answered, ClaimStateRefused | PreconditionFailed), answered
            assert (noted, clock["answered_by"], decided.outcome) == ("ran out: reject", "clock", Outcome.PARTIAL)
        else:
            assert (noted, clock["answered_by"], decided.outcome) == ("answered late", "person", Outcome.APPROVED)
        winners.add(clock["answered_by"])
        _, lines = await shown(there, decided.preauth_ref)
        assert sum((one[0] for one in lines.values()), Decimal(0)) == sum(
            one.approved_quantity for one in decided.lines
        )
    assert winners


async def test_the_provider_hears_what_the_clock_decided(run_app, make_principal):
    """The whole way: the request is sent, waits for a price, the hour passes, and the claim is approved."""
    time = FixedClock(datetime(2026, 3, 10, 9, 0, tzinfo=UTC))
    running = await run_app(clock=time, nphieslinc={"strictness": "envelope"})
    parties = await make_parties(running, make_principal)
    await terms_of_payer(running, make_principal, parties, when_late="approve")
    await open_desk(running, parties, make_principal).without_a_price()
    recorded = await parties.provider.call(RecordClaim(request(parties)), RecordedClaim)
    claim_id = ids.parse("CLM", recorded.claim_id)
    pended = await status_of(running, parties, claim_id, ClaimStatus.PENDED)
    time.advance(LATE)
    async with payer(parties).transaction() as tx:
        await parties.payer.signal_workflow(tx, clocks.TIMER_NAME, str(pended["payer_decision_id"]))
    answer = await status_of(running, parties, claim_id, ClaimStatus.APPROVED)
    assert answer["number"] == 2
    head, lines = await shown(parties, answer["preauth_ref"])
    assert (head["status"], lines[1][0], lines[1][2]) == ("active", 3, 600)


async def status_of(running, parties, claim_id, wanted):
    """Wait until the provider's claim stands so; return the last answer to it."""
    async with asyncio.timeout(30):
        while True:
            await running.dispatcher.idle()
            async with parties.provider.transaction() as tx:
                claim = await queries.own_claim(tx, parties.provider_id, claim_id)
                if claim["status"] == wanted:
                    return await queries.last_answer(tx, parties.provider_id, claim_id)
