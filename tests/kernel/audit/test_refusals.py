"""What is refused leaves a row: who, where, why and from where, counted, and never in the way of the answer."""

import asyncio
import json
from datetime import timedelta

import asyncpg
import httpx
import pytest

from masterlinc.audit.refusals import MOST_KINDS, Kind, Refusals, writing
from masterlinc.db import Database
from masterlinc.errors import Unavailable
from masterlinc.ids import new_id, show
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings
from masterlinc.testing import bearer

HERE, THERE = "198.51.100.7", "2001:db8::7"


def client(running, address=HERE):
    transport = httpx.ASGITransport(app=running.app, raise_app_exceptions=False, client=(address, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


async def rows(owner, address):
    found = await owner.fetch(
        "SELECT * FROM masterlinc.audit_event WHERE action = 'http.refused' AND address = $1 ORDER BY id", address
    )
    return [dict(row) | {"detail": json.loads(row["detail"])} for row in found]


async def test_who_has_no_token_is_told_from_where_and_on_which_route(audited, owner):
    running, _, _ = audited
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with client(running) as http:
        sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
        answer = await http.get(f"/api/v1/patients/{show('PAT', new_id())}", headers=sent)
    assert answer.status_code == 401
    await running.services.refusals.flush()
    [row] = await rows(owner, HERE)
    assert (row["resource_id"], row["outcome"], row["trace_id"]) == (
        "GET /api/v1/patients/{patient_id}",
        "refused",
        trace,
    )
    assert row["detail"] == {"code": "unauthenticated", "status": "401", "count": "1"}
    assert (row["actor_id"], row["organization_id"], row["actor_kind"]) == (None, None, "anonymous")


async def test_who_may_not_and_who_asks_for_what_is_not_theirs_are_named(audited, owner, make_principal):
    running, _, _ = audited
    nurse, address = make_principal("nurse"), "198.51.100.8"
    async with client(running, address) as http:
        headers = bearer(running, nurse)
        assert (await http.post("/api/v1/documents/sign", headers=headers, json={})).status_code == 403
        assert (await http.get(f"/api/v1/patients/{show('PAT', new_id())}", headers=headers)).status_code == 404
        assert (await http.get("/api/v1/nothing-here", headers=headers)).status_code == 404
    await running.services.refusals.flush()
    found = await rows(owner, address)
    named = {(row["resource_id"], row["detail"]["code"]) for row in found if row["actor_id"] == nurse.user_id}
    assert named == {
        ("POST /api/v1/documents/sign", "forbidden"),
        ("GET /api/v1/patients/{patient_id}", "patient-unknown"),
    }
    assert {(row["resource_id"], row["actor_id"]) for row in found if row["actor_id"] is None} == {("", None)}
    assert {row["organization_id"] for row in found} == {nurse.organization_id, None}


async def test_a_failed_login_leaves_a_row(audited, owner):
    running, _, _ = audited
    async with client(running, THERE) as http:
        answer = await http.post("/api/v1/auth/login", json={"email": "nobody@example.test", "password": "x" * 16})
    assert answer.status_code == 401
    await running.services.refusals.flush()
    [row] = await rows(owner, THERE)
    assert row["resource_id"] == "POST /api/v1/auth/login"


async def test_what_was_refused_again_within_a_minute_is_one_row_with_its_number(audited, owner):
    running, _, clock = audited
    address, refusals = "198.51.100.9", running.services.refusals
    async with client(running, address) as http:
        for _ in range(60):
            assert (await http.get("/api/v1/claims")).status_code == 401
        await refusals.flush()
        for _ in range(40):
            assert (await http.get("/api/v1/claims")).status_code == 401
        await refusals.flush()
        known = await rows(owner, address)
        assert sum(int(row["detail"]["count"]) for row in known) <= 60
        clock.advance(timedelta(seconds=61))
        await refusals.flush()
    found = await rows(owner, address)
    assert len(found) <= 3  # the background may have written between two of ours
    assert sum(int(row["detail"]["count"]) for row in found) == 100
    clock.advance(timedelta(seconds=61))
    await refusals.flush()
    assert await rows(owner, address) == found


def kind(address):
    return Kind(None, None, "anonymous", None, address, "GET /api/v1/claims", 401, "unauthenticated")


async def test_a_flood_from_everywhere_stays_bounded(new_database, clock):
    urls = await new_database()
    database = Database(DatabaseSettings(url=Secret(urls.app)))
    await database.open()
    try:
        refusals = Refusals(database, clock)
        for number in range(20_000):
            refusals.note(kind(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), "t")
        await refusals.flush()
        connection = await asyncpg.connect(urls.owner)
        counted = await connection.fetchrow(
            "SELECT count(*), sum((detail ->> 'count')::int) FROM masterlinc.audit_event WHERE action = 'http.refused'"
        )
        await connection.close()
    finally:
        await database.close()
    assert tuple(counted) == (MOST_KINDS + 1, 20_000)


async def test_a_dead_database_turns_no_refusal_into_a_fault_and_loses_none(new_database, clock):
    urls = await new_database()
    database = Database(DatabaseSettings(url=Secret(urls.app)))
    refusals = Refusals(database, clock)
    refusals.note(kind(HERE), "t")
    with pytest.raises(Unavailable):
        await refusals.flush()
    await refusals.try_to_flush()  # told in the log, and kept
    refusals.note(kind(HERE), "u")
    await database.open()
    try:
        await refusals.try_to_flush()
        async with database.transaction() as transaction:
            assert await transaction.fetchval("SELECT count(*) FROM masterlinc.audit_event") == 0  # of nobody's
        owner = await asyncpg.connect(urls.owner)
        [row] = await owner.fetch("SELECT trace_id, detail ->> 'count' AS count FROM masterlinc.audit_event")
        await owner.close()
    finally:
        await database.close()
    assert tuple(row) == ("t", "2")


async def test_what_is_left_is_written_though_the_background_died(new_database, clock, monkeypatch):
    async def die(_):
        raise ValueError("broken")

    urls = await new_database()
    monkeypatch.setattr(Refusals, "keep_on", die)
    database = Database(DatabaseSettings(url=Secret(urls.app)))
    await database.open()
    try:
        refusals = Refusals(database, clock)
        with pytest.raises(ValueError, match="broken"):
            async with writing(refusals):
                refusals.note(kind(HERE), "t")
                await asyncio.sleep(0)
        owner = await asyncpg.connect(urls.owner)
        assert [row["trace_id"] for row in await rows(owner, HERE)] == ["t"]
        await owner.close()
    finally:
        await database.close()


async def test_an_application_whose_database_is_gone_still_says_401(run_app, new_database, make_principal):
    running = await run_app(urls=await new_database())
    await running.services.db.close()
    async with client(running) as http:
        answer = await http.get("/api/v1/claims")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    await running.services.db.open()
