"""The audit is searched by auditors: of their organization, of everybody by the operator's; records stay out of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auditlinc.service.search import MAX_SIZE
from masterlinc import ids
from masterlinc.ids import new_id, show


async def test_rows_say_who_what_whose_why_and_from_where(clinic):
    newest, first = await clinic.events(patient=clinic.patient)
    assert (newest["action"], first["action"]) == ("patient.read", "patient.create")
    assert newest["actor"] == {
        "id": show("USR", clinic.doctor.user_id),
        "kind": "user",
        "organization_id": show("ORG", clinic.doctor.organization_id),
        "session_id": str(clinic.doctor.session_id),
        "address": "127.0.0.1",
    }
    assert (newest["patient_id"], newest["resource_id"]) == (clinic.patient, clinic.patient)
    assert (newest["purpose"], newest["outcome"], newest["erased"]) == ("treatment", "ok", False)
    assert "Khaled" not in str([newest, first])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"action": "patient.read"}, 1),
        ({"action": "patient.read", "purpose": "treatment"}, 1),
        ({"action": "patient.read", "purpose": "payment"}, 0),
        ({"outcome": "refused"}, 0),
        ({"resource_type": "patient"}, 2),
        ({"from": "2999-01-01T00:00:00Z"}, 0),
        ({"to": "2020-01-01T00:00:00Z"}, 0),
        ({"from": "2020-01-01T00:00:00+03:00", "resource_type": "patient"}, 2),
        ({"actor": "nobody"}, 0),
        ({"patient": "PAT-1"}, 0),
    ],
)
async def test_each_filter_narrows(clinic, query, count):
    assert len(await clinic.events(**query)) == count


async def test_one_emergency_is_found_by_its_number_and_all_by_their_name(clinic):
    grants = [f"break_glass:{show('BRG', new_id())}" for _ in range(2)]
    for purpose in grants:
        ctx = clinic.running.context("doctorlinc", replace(clinic.doctor, purpose=purpose))
        async with ctx.transaction() as transaction:
            transaction.audit("patient.read", "patient", clinic.patient, organization_id=clinic.doctor.organization_id)
    assert [one["purpose"] for one in await clinic.events(purpose="break_glass")] == grants[::-1]
    for purpose in grants:
        assert [one["purpose"] for one in await clinic.events(purpose=purpose)] == [purpose]


async def test_by_actor_resource_and_time(clinic):
    now = datetime.now(UTC)
    actor = show("USR", clinic.doctor.user_id)
    assert len(await clinic.events(actor=actor)) == 2
    assert len(await clinic.events(actor=str(clinic.doctor.user_id))) == 2
    assert len(await clinic.events(resource_id=clinic.patient)) == 2
    minute = timedelta(minutes=1)
    assert len(await clinic.events(**{"from": (now - minute).isoformat(), "to": (now + minute).isoformat()})) >= 2


async def test_pages_follow_one_another_by_cursor(clinic):
    for _ in range(4):
        await clinic.get(f"/patients/{clinic.patient}", clinic.doctor)
    seen, cursor = [], None
    while True:
        query = {"patient": clinic.patient, "page_size": 2} | ({"cursor": cursor} if cursor else {})
        page = (await clinic.get("/audit/events", **query)).json()
        seen += [one["event_id"] for one in page["events"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("query", [{"page_size": 0}, {"page_size": MAX_SIZE + 1}, {"from": "2026-01-01T00:00:00"}])
async def test_what_cannot_be_asked_is_named(clinic, query):
    answer = await clinic.get("/audit/events", **query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] in query


async def test_a_search_is_a_row_itself_and_names_no_patient(clinic):
    await clinic.events(patient=clinic.patient)
    [row] = await clinic.events(action="audit.search")
    assert (row["detail"], row["patient_id"], row["resource_id"]) == ({"filters": "patient"}, None, "")


async def test_another_organization_s_auditor_finds_nothing(clinic):
    other = clinic.make("auditor")
    assert await clinic.events(other, patient=clinic.patient) == []
    assert (await clinic.get(f"/audit/patients/{clinic.patient}/viewers", other)).status_code == 404


async def test_the_operator_s_auditor_sees_the_audit_of_all_and_no_record(clinic):
    auditor = await clinic.operator_s("auditor")
    found = await clinic.events(auditor, patient=clinic.patient)
    assert [row["action"] for row in found] == ["patient.read", "patient.create"]
    assert (await clinic.get(f"/patients/{clinic.patient}", auditor)).status_code == 403
    unknown = await clinic.http.get("/api/v1/claims")
    assert unknown.status_code == 401
    await clinic.running.services.refusals.flush()
    refused = await clinic.events(auditor, action="http.refused", outcome="refused")
    assert any(row["resource_id"] == "GET /api/v1/claims" for row in refused)


@pytest.mark.parametrize("role", ["doctor", "nurse", "admin", "billing", "researcher", "payer_admin", "service"])
async def test_nobody_but_an_auditor_reads_it(clinic, role):
    who = clinic.make(role)
    for path in ("/audit/events", "/audit/events/fhir", "/audit/checkpoint", "/events"):
        assert (await clinic.get(path, who)).status_code == 403


async def test_who_saw_a_patient(clinic):
    nurse = clinic.make("nurse", organization=clinic.doctor.organization_id)
    for _ in range(3):
        await clinic.get(f"/patients/{clinic.patient}", nurse)
    answer = (await clinic.get(f"/audit/patients/{clinic.patient}/viewers")).json()
    assert answer["complete"] is True
    latest, first = answer["viewers"]
    assert (latest["actor_id"], latest["events"], latest["actions"]) == (
        show("USR", nurse.user_id),
        3,
        ["patient.read"],
    )
    assert (first["events"], first["actions"]) == (2, ["patient.create", "patient.read"])
    for unknown in (show("PAT", new_id()), "PAT-1", ids.show("CLM", new_id())):
        assert (await clinic.get(f"/audit/patients/{unknown}/viewers")).status_code == 404


async def test_a_caller_cannot_change_the_audit(clinic):
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        url = "/api/v1/audit/events"
        answer = await clinic.http.request(method, url, headers=clinic.headers(clinic.auditor), json={})
        assert answer.status_code == 405
