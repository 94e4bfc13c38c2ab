"""Events of other systems: in once, sealed, and under the name of who holds the token (case 165)."""

from masterlinc.ids import new_id, show

EVENT = {
    "event_id": "evt-1",
    "timestamp": "2026-03-01T09:00:00",
    "action": "READ",
    "resource_type": "Patient",
    "resource_id": "1000000008",
    "actor_id": "Dr. Noura",
    "actor_role": "doctor",
    "outcome": "success",
    "details": {"note": "asked for Ahmad Khaled", "amount": 1.50},
}


async def test_an_event_is_logged_and_listed_as_the_first_system_did(clinic):
    machine = clinic.make("service", organization=clinic.doctor.organization_id)
    answer = await clinic.post("/log", machine, EVENT)
    assert (answer.status_code, answer.json()) == (200, {"event_id": "evt-1", "status": "logged"})
    listed = (await clinic.get("/events", limit=10)).json()
    [event] = [one for one in listed["events"] if one["event_id"] == "evt-1"]
    assert event["details"] == EVENT["details"]
    assert (event["action"], event["actor_id"], event["resource_id"]) == ("READ", "Dr. Noura", "1000000008")
    assert listed["total"] == len(listed["events"])


async def test_who_reported_it_is_who_holds_the_token_and_nothing_personal_is_in_the_clear(clinic):
    machine = clinic.make("service", organization=clinic.doctor.organization_id)
    await clinic.post("/log", machine, EVENT | {"event_id": "evt-2"})
    [row] = await clinic.events(action="log.read")
    assert row["actor"]["id"] == show("USR", machine.user_id)
    assert (row["resource_type"], row["outcome"]) == ("patient", "success")
    for secret in ("1000000008", "Noura", "Khaled"):
        assert secret not in str(row)
    assert row["detail"]["reported_actor"].startswith("blind:")
    async with clinic.running.services.db.transaction(frozenset({machine.organization_id})) as tx:
        stored = await tx.fetch("SELECT * FROM auditlinc.reported")
        rows = await tx.fetch("SELECT * FROM masterlinc.audit_event WHERE action LIKE 'log.%'")
    assert "Khaled" not in repr([*map(dict, stored), *map(dict, rows)])


async def test_an_event_sent_twice_is_one_row_and_another_under_its_id_is_refused(clinic):
    machine = clinic.make("service", organization=clinic.doctor.organization_id)
    event = EVENT | {"event_id": "evt-3", "action": "EXPORT"}
    for _ in range(2):
        assert (await clinic.post("/log", machine, event)).status_code == 200
    keyed = {"Idempotency-Key": str(new_id())}
    assert (await clinic.post("/log", machine, event, **keyed)).status_code == 200
    assert len(await clinic.events(action="log.export")) == 1
    other = await clinic.post("/log", machine, event | {"outcome": "failure"})
    assert (other.status_code, other.json()["code"]) == (409, "event-id-taken")
    elsewhere = clinic.make("service")
    assert (await clinic.post("/log", elsewhere, event | {"outcome": "failure"})).status_code == 200


async def test_a_number_of_ours_stays_searchable(clinic):
    machine = clinic.make("service", organization=clinic.doctor.organization_id)
    claim = show("CLM", new_id())
    assert (await clinic.post("/log", machine, EVENT | {"event_id": "e4", "resource_id": claim})).status_code == 200
    assert len(await clinic.events(resource_id=claim)) == 1


async def test_what_is_too_long_or_unknown_is_refused(clinic):
    machine = clinic.make("service", organization=clinic.doctor.organization_id)
    long = EVENT | {"event_id": "e5", "details": {"x": "y" * 20_000}}
    assert (await clinic.post("/log", machine, long)).status_code == 422
    assert (await clinic.post("/log", machine, EVENT | {"organization_id": "x"})).status_code == 422
    assert (await clinic.post("/log", clinic.make("nurse"), EVENT)).status_code == 403
    odd = EVENT | {"event_id": "e6", "action": "1000000008 was read", "outcome": "نجاح"}
    assert (await clinic.post("/log", machine, odd)).status_code == 200
    [row] = await clinic.events(action="log.other")
    assert row["outcome"] == "other"
