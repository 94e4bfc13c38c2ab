"""An audit row says from where, why and for whom; what cannot be audited is not answered."""

import asyncpg
import httpx

from masterlinc.ids import new_id
from masterlinc.testing import bearer

PATIENT = {"name": "Ahmad Khaled Abbas", "date_of_birth": "1984-12-25", "gender": "male"}
HERE = "203.0.113.9"


def client(running):
    transport = httpx.ASGITransport(app=running.app, raise_app_exceptions=False, client=(HERE, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


async def test_a_row_says_from_where_why_and_for_whom(audited, owner, make_principal):
    running, _, _ = audited
    doctor = make_principal("doctor")
    async with client(running) as http:
        headers = bearer(running, doctor)
        made = await http.post("/api/v1/patients", headers=headers, json=PATIENT)
        spoofed = headers | {"x-purpose": "research", "x-forwarded-for": "192.0.2.1"}
        assert (await http.get(f"/api/v1/patients/{made.json()['patient_id']}", headers=spoofed)).status_code == 200
    found = await owner.fetch("SELECT * FROM masterlinc.audit_event WHERE actor_id = $1 ORDER BY id", doctor.user_id)
    assert [row["action"] for row in found] == ["patient.create", "patient.read"]
    for row in found:
        assert (row["address"], row["purpose"]) == (HERE, "treatment")
        assert (row["actor_organization_id"], row["session_id"]) == (doctor.organization_id, doctor.session_id)
        assert len(row["salt"]) == 16


async def test_without_an_audit_row_no_health_data_leaves(run_app, new_database, make_principal):
    urls = await new_database()
    running, doctor = await run_app(urls=urls), make_principal("doctor")
    owner = await asyncpg.connect(urls.owner)
    async with client(running) as http:
        headers = bearer(running, doctor)
        made = await http.post("/api/v1/patients", headers=headers, json=PATIENT)
        url = f"/api/v1/patients/{made.json()['patient_id']}"
        await owner.execute("REVOKE INSERT ON masterlinc.audit_event FROM masterlinc_app")
        for answer in [
            await http.get(url, headers=headers),
            await http.get("/api/v1/patients", headers=headers),
            await http.post("/api/v1/patients", headers=headers, json=PATIENT | {"name": "Noura Salem"}),
            await http.post(
                "/execute",
                headers=headers,
                json={"task": "doctorlinc.find_patient", "input": {"reference": made.json()["patient_id"]}},
            ),
        ]:
            assert answer.status_code >= 500
            assert "Khaled" not in answer.text
        await owner.execute("GRANT INSERT ON masterlinc.audit_event TO masterlinc_app")
        assert (await http.get("/api/v1/patients", headers=headers)).json()["total"] == 1
    await owner.close()


async def test_audit_and_events_add_no_round_trip(audited, statements):
    running, _, _ = audited
    home = new_id()
    with statements() as sent:
        async with running.services.db.transaction(frozenset({home})) as transaction:
            await transaction.fetchval("SELECT 1")
            for number in range(3):
                transaction.audit("toy.read", "thing", f"it's {number}", organization_id=home)
    assert [one.split()[0].rstrip(";") for one in sent] == ["BEGIN", "SELECT", "SELECT"]
    assert sent[-1].endswith("COMMIT")


async def test_too_many_requests_leave_a_row(run_app, new_database):
    def configure(settings):
        settings.limits.address = 4

    urls = await new_database()
    running = await run_app(urls=urls, configure=configure)
    async with client(running) as http:
        answers = [(await http.get("/api/v1/claims")).status_code for _ in range(12)]
    assert 429 in answers
    await running.services.refusals.flush(everything=True)
    owner = await asyncpg.connect(urls.owner)
    codes = {row[0] for row in await owner.fetch("SELECT detail ->> 'status' FROM masterlinc.audit_event")}
    await owner.close()
    assert "429" in codes
