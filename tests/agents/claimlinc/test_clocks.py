"""The payer's time for a pre-authorization: proof of it, once what follows, and one winner of answer and timer."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from authorization_builders import decide, payer, request
from claim_builders import line

from claimlinc import clock_queries
from claimlinc.contract import AuthorizationOverdue, Outcome, Use
from claimlinc.service import clocks, overdue
from masterlinc.agent import StepInput, Wait

HOUR = timedelta(minutes=60)


async def pended(parties):
    """A request that waits for a person: its line bills no quantity."""
    decided = await decide(parties, request(parties, line("200", quantity="0", net=line().net)))
    assert decided.decision.outcome is Outcome.PENDED
    return decided


async def clock_of(parties, decision_id):
    async with payer(parties).transaction() as tx:
        return (await clock_queries.clocks(tx, [decision_id])).get(decision_id)


async def watch(parties, decision_id):
    return await overdue.watch(payer(parties), StepInput(str(decision_id), parties.payer_id))


async def answer(parties, decided, by="person"):
    async with payer(parties).transaction() as tx:
        return await clocks.answered(
            payer(parties), tx, parties.payer_id, decided.decision_id, decided.decision_id, by=by
        )


async def told(running, decision_id):
    async with running.services.db.connection() as connection:
        name = AuthorizationOverdue.__struct_config__.tag
        return await connection.fetchval(
            "SELECT count(*) FROM masterlinc.event WHERE name = $1 AND aggregate = $2", name, decision_id
        )


async def test_what_the_rules_answer_at_once_is_proven_and_starts_no_timer(there):
    decided = await decide(there, request(there))
    clock = await clock_of(there, decided.decision_id)
    assert (clock["answered_by"], clock["in_time"], clock["answered_at"]) == ("rules", True, clock["received_at"])
    assert clock["due_at"] - clock["received_at"] == HOUR


async def test_a_claim_has_no_clock(there):
    decided = await decide(there, request(there, use=Use.CLAIM))
    assert await clock_of(there, decided.decision_id) is None


async def test_a_request_that_waits_has_an_hour_and_the_timer_waits_for_its_end(timed, there):
    running, time = timed
    decided = await pended(there)
    clock = await clock_of(there, decided.decision_id)
    assert (clock["received_at"], clock["due_at"]) == (time.now(), time.now() + HOUR)
    assert (clock["answered_at"], clock["in_time"], clock["when_late"]) == (None, None, "escalate")
    with pytest.raises(Wait):
        await watch(there, decided.decision_id)
    time.advance(HOUR - timedelta(microseconds=1))
    with pytest.raises(Wait):
        await watch(there, decided.decision_id)
    assert await told(running, decided.decision_id) == 0


async def test_an_answer_in_time_stops_the_clock_for_good(timed, there):
    running, time = timed
    decided = await pended(there)
    time.advance(HOUR)  # the last moment is in time
    assert await answer(there, decided) is True
    assert await answer(there, decided) is False  # a decision that is made again proves nothing
    time.advance(HOUR)
    assert (await watch(there, decided.decision_id)).note == "answered in time"
    clock = await clock_of(there, decided.decision_id)
    assert (clock["in_time"], clock["answered_by"], clock["ran_out_at"]) == (True, "person", None)
    assert await told(running, decided.decision_id) == 0


async def test_when_the_time_runs_out_it_is_told_once_and_an_answer_that_comes_then_is_late(timed, there):
    running, time = timed
    decided = await pended(there)
    time.advance(HOUR + timedelta(seconds=1))
    assert (await watch(there, decided.decision_id)).note == "ran out: escalate"
    assert (await watch(there, decided.decision_id)).note == "ran out before"
    assert await told(running, decided.decision_id) == 1
    async with payer(there).transaction() as tx:
        view = clocks.shown((await clock_queries.clocks(tx, [decided.decision_id]))[decided.decision_id], time.now())
    assert view.late
    assert await answer(there, decided) is True
    clock = await clock_of(there, decided.decision_id)
    assert (clock["in_time"], clock["answered_by"]) == (False, "person")
    assert (await watch(there, decided.decision_id)).note == "answered late"


async def test_two_processes_that_see_the_time_run_out_tell_it_once(timed, there):
    running, time = timed
    for _ in range(200):
        decided = await pended(there)
        time.advance(HOUR + timedelta(seconds=1))
        seen = await asyncio.gather(*(watch(there, decided.decision_id) for _ in range(4)))
        assert sorted(one.note for one in seen) == ["ran out before"] * 3 + ["ran out: escalate"]
        assert await told(running, decided.decision_id) == 1


async def test_a_proof_of_time_is_written_once(there, timed):
    decided = await pended(there)
    await answer(there, decided)
    for change in ("answered_at = answered_at + interval '1 s'", "answered_by = 'clock'", "answered_at = NULL"):
        with pytest.raises(asyncpg.CheckViolationError):
            async with payer(there).transaction() as tx:
                await tx.execute(
                    f"UPDATE claimlinc.preauthorization_clock SET {change} WHERE decision_id = $1",
                    decided.decision_id,
                )


async def test_the_timer_is_a_workflow_that_an_answer_ends(running, parties):
    decided = await pended(parties)
    await answer(parties, decided)
    async with running.services.db.connection() as connection:
        workflow = await connection.fetchval(
            "SELECT id FROM masterlinc.workflow WHERE name = $1 AND business_key = $2",
            clocks.TIMER_NAME,
            str(decided.decision_id),
        )
    assert await running.services.finished.wait(workflow, 30)
