import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from doctorlinc import service
from masterlinc import ids
from masterlinc.testing import bearer

PATIENT = {"name": "Sara Khan", "name_ar": "سارة خان", "date_of_birth": "1974-03-13", "gender": "female"}


@pytest.fixture
def doctor(make_principal):
    return make_principal("doctor")


@pytest.fixture
def headers(running, doctor):
    return bearer(running, doctor)


@pytest.fixture
def tomorrow():
    return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT10:00:00")


async def register(client, headers, **changes):
    answer = await client.post("/api/v1/patients", json=PATIENT | changes, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_patient_has_the_first_systems_shape(client, headers):
    made = await register(
        client, headers, contact_phone="0512345678", contact_email="sara@example.test", policy_number="P-1"
    )
    shown = (await client.get(f"/api/v1/patients/{made['patient_id']}", headers=headers)).json()
    assert shown == made
    assert {
        key: shown[key]
        for key in ("name", "date_of_birth", "gender", "policy_number", "contact_phone", "contact_email")
    } == {
        "name": "Sara Khan",
        "date_of_birth": "1974-03-13",
        "gender": "female",
        "policy_number": "P-1",
        "contact_phone": "+966512345678",
        "contact_email": "sara@example.test",
    }


async def test_lists_have_the_first_systems_shape(client, headers):
    for name in ("Adam", "Badr", "Camelia"):
        await register(client, headers, name=name, name_ar=None)
    page = (await client.get("/api/v1/patients", params={"page": 2, "page_size": 2}, headers=headers)).json()
    assert [patient["name"] for patient in page.pop("patients")] == ["Camelia"]
    assert page == {"total": 3, "page": 2, "page_size": 2, "total_exact": True}
    found = (await client.get("/api/v1/patients", params={"search": "بدر", "page_size": 5}, headers=headers)).json()
    assert found == {"patients": [], "total": 0, "page": 1, "page_size": 5, "total_exact": True}
    found = (await client.get("/api/v1/patients", params={"search": "bad"}, headers=headers)).json()
    assert [patient["name"] for patient in found["patients"]] == ["Badr"]


@pytest.mark.parametrize("query", ["page=0", "page_size=101", "page_size=0", "page=x", "page=99999999", "search=a%00b"])
async def test_wrong_queries_are_refused(client, headers, query):
    answer = await client.get(f"/api/v1/patients?{query}", headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_faults_of_a_form_come_with_path_and_both_languages(client, headers):
    form = PATIENT | {"national_id": "1234567890", "contact_phone": "x"}
    answer = await client.post("/api/v1/patients", json=form, headers=headers)
    assert answer.status_code == 422
    problem = answer.json()
    assert {error["path"] for error in problem["errors"]} == {"national_id", "contact_phone"}
    assert all(error["detail"] and error["detail_ar"] for error in problem["errors"])


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x"},
        {"organization_id": "x"},
        {"date_of_birth": "1974-02-30"},
        {"date_of_birth": 5},
        {"gender": "f"},
        {"name": None},
        {"name": "a\u0000"},
        {"name": "a" + "\u0301" * 300},
    ],
)
async def test_unknown_fields_and_wrong_values_are_refused(client, headers, changes):
    answer = await client.post("/api/v1/patients", json=PATIENT | changes, headers=headers)
    assert answer.status_code == 422
    assert next(iter(changes)) in answer.text


async def test_patients_of_others_are_404(client, running, make_principal, headers):
    made = await register(client, headers)
    stranger = bearer(running, make_principal("doctor"))
    for reference in [
        made["patient_id"],
        ids.show("PAT", ids.new_id()),
        "PAT-1",
        "1",
        "' OR 1=1",
        made["patient_id"].lower(),
    ]:
        answer = await client.get(f"/api/v1/patients/{reference}", headers=stranger)
        assert answer.status_code == 404
        assert answer.json()["detail_ar"]


async def test_routes_ask_for_a_token_and_a_permission(client, running, make_principal):
    routes = [
        ("GET", "/api/v1/patients"),
        ("GET", "/api/v1/patients/PAT-1"),
        ("POST", "/api/v1/patients"),
        ("POST", "/api/v1/appointments"),
    ]
    for method, path in routes:
        assert (await client.request(method, path, json={})).status_code == 401
        for role in ("researcher", "adjudicator"):
            answer = await client.request(method, path, json={}, headers=bearer(running, make_principal(role)))
            assert answer.status_code == 403
    nurse = bearer(running, make_principal("nurse"))
    assert (await client.post("/api/v1/patients", json=PATIENT, headers=nurse)).status_code == 403


async def test_a_first_clients_appointment_is_taken_as_it_is(client, headers, tomorrow):
    patient = (await register(client, headers))["patient_id"]
    sent = {
        "patient_id": patient,
        "provider_id": "provider-123",
        "appointment_date": tomorrow,
        "appointment_type": "consultation",
        "notes": "أول زيارة",
    }
    answer = await client.post("/api/v1/appointments", json=sent, headers=headers)
    assert answer.status_code == 200, answer.text
    booked = answer.json()
    assert {key: booked[key] for key in sent} == sent
    assert booked["appointment_id"].startswith("APT-")
    assert booked["status"] == "scheduled"
    assert booked["created_at"]
    again = await client.post("/api/v1/appointments", json=sent, headers=headers)
    assert again.status_code == 409
    assert again.json()["code"] == "patient-busy"
    assert again.json()["detail"]
    assert again.json()["detail_ar"]


async def test_fifty_requests_for_one_slot_book_it_once(client, running, doctor, headers, tomorrow):
    ctx = running.context("doctorlinc", doctor)
    await service.register_practitioner(ctx, license_="N-P-9", name="Dr. Nine", name_ar=None, specialty="08.00")
    patients = [(await register(client, headers))["patient_id"] for _ in range(50)]
    answers = await asyncio.gather(
        *(
            client.post(
                "/api/v1/appointments",
                json={
                    "patient_id": patient,
                    "provider_id": "N-P-9",
                    "appointment_date": tomorrow,
                    "appointment_type": "consultation",
                },
                headers=headers,
            )
            for patient in patients
        )
    )
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == 1
    assert codes.count(409) == 49


async def test_a_repeated_key_books_once(client, headers, tomorrow):
    patient = (await register(client, headers))["patient_id"]
    sent = {"patient_id": patient, "provider_id": "p", "appointment_date": tomorrow, "appointment_type": "check"}
    keyed = headers | {"Idempotency-Key": "one-two-three"}
    first = await client.post("/api/v1/appointments", json=sent, headers=keyed)
    second = await client.post("/api/v1/appointments", json=sent, headers=keyed)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    other = await client.post("/api/v1/appointments", json=sent | {"notes": "x"}, headers=keyed)
    assert other.status_code == 422


async def test_a_repeated_key_registers_once(client, headers):
    keyed = headers | {"Idempotency-Key": "register-1"}
    first = await register(client, keyed)
    assert await register(client, keyed) == first
    assert (await client.get("/api/v1/patients", headers=headers)).json()["total"] == 1


async def test_answers_are_described(client):
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    for path, status, name in [
        ("/api/v1/patients", "201", "PatientView"),
        ("/api/v1/appointments", "200", "AppointmentView"),
    ]:
        assert name in str(paths[path]["post"]["responses"][status])
