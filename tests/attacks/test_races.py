"""Attack cases that need many at once; ATTACK_ROUNDS repeats each (`make chaos` does)."""

import asyncio
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from claim_parties import make_parties
from test_claim_service import ANSWERED, answer, claim, decide, line, record

from claimlinc.contract import ClaimStatus, RecordedAnswer
from claimlinc.errors import ClaimStateRefused
from claimlinc.service.reading import show_adjudication
from masterlinc import ids
from masterlinc.ids import new_id

ROUNDS = range(int(os.environ.get("ATTACK_ROUNDS", "1")))
MANY = 100
EVERYBODY = ("admin", "doctor", "billing", "service")
PATIENT = {"name": "Sara Ali", "date_of_birth": "1990-01-01", "gender": "female"}
FLAT = {"patient_id": "PAT-001", "provider_id": "PROV-001", "service_code": "83600-00-10", "amount": 150}


def statuses(answers) -> Counter[int]:
    return Counter(one.status_code for one in answers)


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize(
    ("path", "body", "listed"),
    [("/api/v1/patients", PATIENT, "/api/v1/patients"), ("/api/v1/claims/submit", FLAT, "/api/v1/claims")],
)
async def test_case_106_a_key_a_hundred_times_is_one_thing(house, path, body, listed, round_):
    caller, key = house.caller(*EVERYBODY), new_id().hex
    answers = await asyncio.gather(*(caller.send("POST", path, body, Idempotency_Key=key) for _ in range(MANY)))
    assert set(statuses(answers)) <= {201, 409}
    assert len({one.content for one in answers if one.status_code == 201}) == 1
    assert (await caller.send("GET", listed)).json()["total"] == 1
    again = await caller.send("POST", path, body, Idempotency_Key=key)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")


@pytest.mark.parametrize("round_", ROUNDS)
async def test_case_094_claims_that_race_for_the_last_riyals_stay_within_the_limit(house, round_):
    """The dental benefit pays 2000.00 a year: a hundred claims of 85.00 for the payer want 8500.00."""
    parties = await make_parties(house.running, house.make_principal)
    decided = await asyncio.gather(*(decide(parties, claim(parties, line("100"))) for _ in range(MANY)))
    paid = [one.decision.totals.payer_share for one in decided]
    assert sum(paid) == Decimal(2000)
    assert Counter(str(one) for one in paid) == {"85.00": 23, "45.00": 1, "0.00": MANY - 24}
    async with parties.payer.transaction() as tx:
        used = await tx.fetchval("SELECT sum(used) FROM policylinc.balance WHERE member_id = $1", parties.member_id)
    assert used == Decimal(2000)


@pytest.mark.parametrize("round_", ROUNDS)
async def test_case_115_answers_at_once_are_taken_one_after_the_other(house, round_):
    """Whoever comes second meets the state that the first one left: after a decision nothing is pended again."""
    parties = house.parties
    recorded = await record(parties, claim(parties))
    key = ids.parse("CLM", recorded.claim_id)
    wanted = [ClaimStatus.PENDED, ClaimStatus.APPROVED, ClaimStatus.REJECTED] * (MANY // 3)
    answers = await asyncio.gather(
        *(parties.provider.call(answer(key, status, ANSWERED), RecordedAnswer) for status in wanted),
        return_exceptions=True,
    )
    taken = {one.number: status for one, status in zip(answers, wanted, strict=True) if isinstance(one, RecordedAnswer)}
    assert all(isinstance(one, RecordedAnswer | ClaimStateRefused) for one in answers)
    assert sorted(taken) == list(range(1, len(taken) + 1))
    order = [taken[number] for number in sorted(taken)]
    decided = next(place for place, status in enumerate(order) if status is not ClaimStatus.PENDED)
    assert ClaimStatus.PENDED not in order[decided:]
    assert (await show_adjudication(parties.provider, recorded.claim_id)).status == order[-1].value


@pytest.mark.parametrize("round_", ROUNDS)
async def test_case_115_a_submission_is_decided_once_whoever_decides(house, round_):
    parties = house.parties
    made = claim(parties)
    first, *others = await asyncio.gather(*(decide(parties, made) for _ in range(MANY // 4)))
    assert all(one == first for one in others)


@pytest.mark.parametrize("round_", ROUNDS)
async def test_case_118_bookings_that_cross_are_made_or_refused_and_never_break(house, round_):
    caller, chance = house.caller(*EVERYBODY), random.Random(round_)
    people = [(await caller.send("POST", "/api/v1/patients", PATIENT)).json()["patient_id"] for _ in range(3)]
    day = (datetime.now(UTC) + timedelta(days=21)).date().isoformat()
    pairs = [(chance.choice(people), f"DR-{chance.randrange(3)}", chance.choice("01")) for _ in range(MANY)]
    answers = await asyncio.gather(
        *(
            caller.send(
                "POST",
                "/api/v1/appointments",
                {
                    "patient_id": who,
                    "provider_id": by,
                    "appointment_date": f"{day}T09:{half}5:00",
                    "appointment_type": "a",
                },
            )
            for who, by, half in pairs
        )
    )
    assert set(statuses(answers)) <= {200, 409}, statuses(answers)
    booked = [one.json() for one in answers if one.status_code == 200]
    assert 1 <= len(booked) <= 3
    assert len({one["patient_id"] for one in booked}) == len(booked)


@pytest.mark.parametrize("round_", ROUNDS)
async def test_case_117_a_workflow_that_is_cancelled_and_signalled_at_once_ends_one_way(house, round_):
    caller = house.caller(*EVERYBODY)
    step = {"step_id": "a", "agent_id": "masterlinc", "action": "signal", "input_data": {"name": "go"}}
    started = await caller.send(
        "POST", "/api/v1/workflow/execute", {"workflow_name": "w", "steps": [step], "wait_seconds": 0}
    )
    key = started.json()["workflow_id"]
    path = f"/api/v1/workflows/{key}"
    answers = await asyncio.gather(
        *(
            caller.send("POST", f"{path}/{action}", body)
            for _ in range(MANY // 4)
            for action, body in (("cancel", {"reason": "x"}), ("signal", {"name": "go"}))
        )
    )
    assert set(statuses(answers)) <= {200, 202, 409}, statuses(answers)
    shown = (await caller.send("GET", f"{path}?wait_seconds=10")).json()
    assert shown["status"] in {"cancelled", "completed"}, shown
