"""Who may reach a patient: phone and e-mail address are for those who call; a search does not tell them (47, 48)."""

import pytest
import pytest_asyncio

from masterlinc.ids import new_id, show
from masterlinc.testing import bearer

PHONE, EMAIL = "+966550001234", "reach@example.test"


@pytest_asyncio.fixture(loop_scope="session")
async def house(client, running, make_principal):
    """A doctor and a billing officer of one clinic, and a patient of it."""
    doctor = make_principal("doctor")
    clerk = make_principal("billing", organization=doctor.organization_id)
    form = {
        "name": "Huda Ali",
        "date_of_birth": "1990-01-01",
        "gender": "female",
        "medical_record_number": f"MRN-{new_id().hex[-8:]}",
        "contact_phone": PHONE,
        "contact_email": EMAIL,
    }
    made = await client.post("/api/v1/patients", json=form, headers=bearer(running, doctor))
    assert made.status_code == 201, made.text
    return bearer(running, doctor), bearer(running, clerk), made.json()


async def test_who_calls_patients_sees_their_phone_and_who_bills_them_does_not(client, house):
    doctor, clerk, made = house
    path = f"/api/v1/patients/{made['patient_id']}"
    assert (await client.get(path, headers=doctor)).json() == made
    seen = await client.get(path, headers=clerk)
    assert seen.json() == {name: made[name] for name in made if not name.startswith("contact_")}
    for answer in (seen, await client.get("/api/v1/patients", headers=clerk)):
        assert answer.status_code == 200
        assert PHONE not in answer.text
        assert EMAIL not in answer.text
    assert PHONE in (await client.get("/api/v1/patients", headers=doctor)).text


@pytest.mark.parametrize("written", [PHONE, "0550001234", "00966550001234"])
async def test_a_search_by_phone_is_for_who_may_see_phones(client, house, written):
    doctor, clerk, made = house
    query = {"search": written}
    found = [(await client.get("/api/v1/patients", params=query, headers=who)).json() for who in (doctor, clerk)]
    assert [one["total"] for one in found] == [1, 0]
    by_record = {"search": made["medical_record_number"]}
    assert (await client.get("/api/v1/patients", params=by_record, headers=clerk)).json()["total"] == 1


async def test_the_task_that_tells_identity_numbers_asks_for_the_same(client, running, make_principal, house):
    doctor, _, made = house
    body = {"task": "doctorlinc.find_patient", "input": {"reference": made["patient_id"]}}
    answer = await client.post("/execute", json=body, headers=doctor)
    assert answer.json()["result"]["phone"] == PHONE
    clerk = make_principal("billing")
    refused = await client.post("/execute", json=body, headers=bearer(running, clerk))
    assert refused.status_code == 403
    assert PHONE not in refused.text
    absent = {"task": "doctorlinc.find_patient", "input": {"reference": show("PAT", new_id())}}
    assert (await client.post("/execute", json=absent, headers=bearer(running, clerk))).status_code == 403
