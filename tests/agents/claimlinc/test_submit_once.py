"""A submit is at most two statements of any kind; under a key it has one effect and one answer."""

import asyncio
from contextvars import Context as Empty
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from claim_builders import NATIONAL_ID_OF_SARA
from claim_parties import make_parties
from msgspec import convert

from claimlinc.schemas import ClaimForm
from claimlinc.service import intake
from doctorlinc import service as people
from doctorlinc.schemas import PatientForm
from masterlinc.ids import new_id
from masterlinc.money import decode_hook
from masterlinc.testing import FixedClock, bearer, client_of

SHORT = {"provider_id": "PROV-001", "service_code": "83600-00-10", "amount": 200, "service_date": "2026-03-10"}
URL = "/api/v1/claims/submit"


class Clinic:
    """A provider's billing clerk at the counter, over HTTP."""

    def __init__(self, running, parties, client):
        self.running, self.parties, self.client = running, parties, client
        self.headers = self.login()

    def login(self):
        return bearer(self.running, self.parties.provider.principal)

    async def submit(self, key=None, headers=None, **changes):
        more = {"Idempotency-Key": key} if key else {}
        return await self.client.post(URL, json=SHORT | changes, headers=(headers or self.headers) | more)

    async def claims(self):
        return (await self.client.get("/api/v1/claims", headers=self.headers)).json()["total"]

    async def kept(self):
        async with self.parties.provider.transaction() as tx:
            return await tx.fetch("SELECT route, status, response FROM masterlinc.idempotency")

    async def register(self):
        doctor = self.running.context("doctorlinc", self.parties.provider.principal)
        form = PatientForm(
            name="Sara Ali",
            date_of_birth=datetime(1990, 1, 1, tzinfo=UTC).date(),
            gender="female",
            national_id=NATIONAL_ID_OF_SARA,
            medical_record_number="MRN-7",
            payer_license=self.parties.payer_license,
            member_number=self.parties.member_number,
        )
        return await people.register_patient(doctor, form)


@pytest.fixture
def clinic(running, parties, client):
    return Clinic(running, parties, client)


@pytest_asyncio.fixture(loop_scope="session")
async def timed(run_app, make_principal):
    """A clinic of a system whose clock a test moves."""
    clock = FixedClock(datetime.now(UTC))
    running = await run_app(clock=clock)
    async with client_of(running) as client:
        yield Clinic(running, await make_parties(running, make_principal), client), clock


FULL = {
    "service_code": None,
    "amount": None,
    "claim_type": "professional",
    "patient": {"name": "Sara Ali", "gender": "female"},
    "lines": [{"service_code": "83600-00-10", "unit_price": 200}],
    "diagnoses": [{"code": "J06.9"}],
}
KINDS = {
    "full form": FULL,
    "full form of a registered patient": FULL | {"patient": None, "patient_id": "PAT"},
    "local number of nobody": {"patient_id": "MRN 12/7"},
    "registered patient": {"patient_id": "PAT"},
    "medical record number": {"patient_id": "MRN-7"},
    "national id": {"patient_id": NATIONAL_ID_OF_SARA},
}


@pytest.mark.parametrize("key", [False, True], ids=["no key", "key"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_submit_is_at_most_two_statements_once_its_parties_are_known(clinic, statements, kind, key):
    """Claim, children, workflow, event, audit row and kept answer are one call that is durable when it returns."""
    patient = await clinic.register()
    body = KINDS[kind] | {"payer_id": clinic.parties.payer_license}
    if body.get("patient_id") == "PAT":
        body["patient_id"] = patient.patient_id
    await clinic.submit(notes="the parties are known from here on", **body)
    with statements() as sent:
        answer = await clinic.submit(new_id().hex if key else None, **body)
    assert answer.status_code == 201, answer.text
    recorded = "claimlinc.submit_once(" if key else "claimlinc.submit("
    expected = ["doctorlinc.find_patient(", recorded] if body.get("patient_id") else [recorded]
    assert [calls in query for calls, query in zip(expected, sent, strict=True)] == [True] * len(expected)


async def test_a_double_is_found_in_as_many(clinic, statements):
    await clinic.submit(patient_id="7")
    for key in (None, new_id().hex):
        with statements() as sent:
            assert (await clinic.submit(key, patient_id="7")).status_code == 200
        assert len(sent) == 2
    assert await clinic.kept() == []


async def test_a_replay_is_the_same_bytes_and_two_statements(clinic, statements):
    key = new_id().hex
    first = await clinic.submit(key, patient_id="7")
    with statements() as sent:
        again = await clinic.submit(key, patient_id="7")
    assert (first.status_code, again.status_code, len(sent)) == (201, 201, 2)
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    (kept,) = await clinic.kept()
    assert (kept["route"], kept["status"]) == (f"POST {URL}", 201)
    assert b"CLM-" not in kept["response"]


async def test_parallel_requests_with_one_key_have_one_effect(clinic):
    key = new_id().hex
    answers = await asyncio.gather(*(clinic.submit(key, patient_id="7") for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len([one for one in answers if one.status_code == 201 and "Idempotency-Replayed" not in one.headers]) == 1
    assert {one.json()["code"] for one in answers if one.status_code == 409} <= {"idempotency-key-in-flight"}
    assert (await clinic.claims(), len(await clinic.kept())) == (1, 1)


async def test_parallel_doubles_under_keys_of_their_own_are_one_claim(clinic):
    answers = await asyncio.gather(*(clinic.submit(new_id().hex, patient_id="7") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["claim_id"] for answer in answers}) == 1
    assert (await clinic.claims(), len(await clinic.kept())) == (1, 1)


async def test_a_key_with_another_claim_is_reused_also_where_that_claim_is_wrong(clinic):
    key = new_id().hex
    await clinic.submit(key, patient_id="7")
    for wrong in ({"amount": 201}, {"amount": 0}, {"patient_id": "PAT-" + "0" * 26}):
        answer = await clinic.submit(key, **{"patient_id": "7"} | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await clinic.claims() == 1


async def test_a_claim_that_is_still_at_work_turns_the_next_one_away(clinic):
    key, number = new_id().hex, f"N-{new_id().hex}"
    provider = clinic.parties.provider
    first_form = {"patient_id": "7", "claim_number": number}

    async def beside_an_open_transaction():
        async with provider.transaction():
            await intake.submit(provider, convert(SHORT | first_form, ClaimForm, dec_hook=decode_hook))
            first = asyncio.create_task(clinic.submit(key, **first_form), context=Empty())
            await until_somebody_waits(clinic)
            second = await asyncio.create_task(clinic.submit(key, **first_form), context=Empty())
            wrong = await asyncio.create_task(clinic.submit(key, **first_form | {"amount": 0}), context=Empty())
            assert second.headers["retry-after"] == "1"
            assert {(one.status_code, one.json()["code"]) for one in (second, wrong)} == {
                (409, "idempotency-key-in-flight")
            }
            raise Undone(first)

    with pytest.raises(Undone) as undone:
        await beside_an_open_transaction()
    first = await undone.value.args[0]
    assert first.status_code == 201
    assert await clinic.claims() == 1


class Undone(Exception):
    pass


async def until_somebody_waits(clinic):
    async with asyncio.timeout(20), clinic.running.services.db.connection() as connection:
        while not await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%submit_once%'"
            " AND datname = current_database()"
        ):
            await asyncio.sleep(0.01)


async def test_what_was_refused_keeps_nothing_and_may_be_sent_again(clinic):
    key = new_id().hex
    assert (await clinic.submit(key, patient_id="7", amount=0)).status_code == 422
    number = f"N-{new_id().hex}"
    assert (await clinic.submit(patient_id="7", claim_number=number)).status_code == 201
    taken = await clinic.submit(key, patient_id="8", claim_number=number)
    assert (taken.status_code, taken.json()["code"]) == (409, "claim-number-taken")
    assert (await clinic.submit(key, patient_id="7")).status_code == 201
    assert len(await clinic.kept()) == 1


async def test_keys_of_others_are_independent(clinic, running, make_principal):
    key = new_id().hex
    first = await clinic.submit(key, patient_id="7")
    colleague = make_principal("billing", organization=clinic.parties.provider_id)
    double = await clinic.submit(key, bearer(running, colleague), patient_id="7")
    assert (double.status_code, double.json()["claim_id"]) == (200, first.json()["claim_id"])
    other = await clinic.submit(key, bearer(running, colleague), patient_id="8")
    assert (other.status_code, "Idempotency-Replayed" in other.headers) == (201, False)


async def test_an_answer_is_kept_for_a_day(timed):
    clinic, clock = timed
    key = new_id().hex
    first = await clinic.submit(key, patient_id="7")
    clock.advance(timedelta(hours=23))
    again = await clinic.submit(key, clinic.login(), patient_id="7")
    assert (again.status_code, again.content) == (201, first.content)
    clock.advance(timedelta(hours=1))
    anew = await clinic.submit(key, clinic.login(), patient_id="7", amount=201)
    assert (anew.status_code, "Idempotency-Replayed" in anew.headers) == (201, False)
    assert (await clinic.submit(key, clinic.login(), patient_id="7", amount=201)).content == anew.content
