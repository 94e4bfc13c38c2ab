"""Emergency access: with a reason, for minutes, reading only, told to all, ended by who answers for it."""

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from accounts import ALONE, Account, account, bearer_of, disable, login, me, organization, refresh, system

from authlinc.contract import OrganizationKind
from doctorlinc.schemas import PatientForm
from doctorlinc.service import register_patient
from masterlinc import ids
from masterlinc.identity import make_saudi_id
from masterlinc.ids import show
from masterlinc.testing import FixedClock, MakePrincipal, NewDatabase, RunApp, Running, client_of

URL = "/api/v1/auth/break-glass"
REASON = "unconscious, needs the list of medicines"
PATIENT = "PAT-01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def open_glass(client: httpx.AsyncClient, bearer: dict[str, str], **form: object) -> httpx.Response:
    return await client.post(URL, json={"reason": REASON} | form, headers=bearer)


def carrying(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def rows(running: Running, query: str, home) -> list[object]:
    async with system(running).transaction(frozenset({home})) as transaction:
        return await transaction.fetch(query, home)


@pytest.fixture
async def whole(run_app: RunApp, new_database: NewDatabase) -> Running:
    """A system with patients."""
    return await run_app(await new_database())


async def test_a_doctor_reads_another_hospitals_patient_and_leaves_tracks(
    whole: Running, make_principal: MakePrincipal
):
    there, who = await organization(whole), await account(whole, "doctor")
    clerk = make_principal("admin", organization=there)
    form = PatientForm(
        name="Huda", date_of_birth=datetime(1990, 1, 1, tzinfo=UTC).date(), gender="female",
        national_id=make_saudi_id("national_id", 41),
    )  # fmt: skip
    patient = (await register_patient(whole.context("doctorlinc", clerk), form)).patient_id
    async with client_of(whole) as client:
        bearer = await bearer_of(client, who)
        url = f"/api/v1/patients/{patient}"
        assert (await client.get(url, headers=bearer)).status_code == 404
        opened = await open_glass(client, bearer, patient_id=patient, organization_id=show("ORG", there), minutes=30)
        body, token = opened.json(), carrying(opened)
        assert set(body) == {
            "grant_id", "access_token", "token_type", "expires_in", "organization_id", "patient_id", "expires_at",
        }  # fmt: skip
        assert (body["expires_in"], body["organization_id"], body["patient_id"]) == (1800, show("ORG", there), patient)
        assert (await client.get(url, headers=token)).json()["name"] == "Huda"
        assert (await client.get(url, headers=bearer)).status_code == 404  # the ordinary token is as it was
        new = {"name": "X", "date_of_birth": "1990-01-01", "gender": "male"}
        assert (await client.post("/api/v1/patients", json=new, headers=token)).status_code == 403
        shown = (await client.get("/api/v1/auth/me", headers=token)).json()
        assert (shown["email"], shown["roles"], shown["organization_id"]) == (
            who.email, ["emergency"], show("ORG", there),
        )  # fmt: skip
    read = await rows(
        whole,
        "SELECT action, purpose, actor_id, actor_organization_id, patient FROM masterlinc.audit_event"
        " WHERE organization_id = $1 AND action = 'patient.read'",
        there,
    )
    assert {(row["purpose"], row["actor_id"], row["actor_organization_id"]) for row in read} == {
        (f"break_glass:{body['grant_id']}", who.user_id, who.organization_id)
    }


async def test_it_is_told_to_both_organizations_and_as_an_event(running: Running, client: httpx.AsyncClient):
    there, who = await organization(running), await account(running, "doctor")
    opened = (await open_glass(client, await bearer_of(client, who), organization_id=show("ORG", there))).json()
    grant = ids.parse("BRG", opened["grant_id"])
    for home in (there, who.organization_id):
        query = (
            "SELECT resource_id, patient FROM masterlinc.audit_event"
            " WHERE organization_id = $1 AND action = 'access.break_glass'"
        )
        assert [tuple(row) for row in await rows(running, query, home)] == [(opened["grant_id"], None)]
    events = await rows(running, "SELECT payload FROM masterlinc.event WHERE organization_id = $1 ORDER BY id", there)
    payloads = [msgspec.json.decode(row["payload"]) for row in events]
    assert {
        "grant_id": str(grant),
        "user_id": str(who.user_id),
        "home_organization_id": str(who.organization_id),
    }.items() <= payloads[-1].items()
    async with system(running).transaction(frozenset({there})) as transaction:
        text = await transaction.fetchval("SELECT e::text FROM authlinc.emergency_access e WHERE id = $1", grant)
    assert REASON.encode().hex() not in text


async def test_who_answers_for_it_sees_it_and_ends_it(running: Running, client: httpx.AsyncClient):
    there, who = await organization(running), await account(running, "doctor")
    theirs = await bearer_of(client, await account(running, "admin", home=there))
    ours = await bearer_of(client, await account(running, "admin", home=who.organization_id))
    auditor = await bearer_of(client, await account(running, "auditor", home=there))
    colleague = await bearer_of(client, await account(running, "doctor", home=who.organization_id))
    stranger = await bearer_of(client, await account(running, "admin"))
    bearer = await bearer_of(client, who)

    async def seen(headers: dict[str, str]) -> list[dict[str, object]]:
        grants: list[dict[str, object]] = (await client.get(URL, headers=headers)).json()["grants"]
        return grants

    async def end(headers: dict[str, str], grant: object) -> int:
        return (await client.delete(f"{URL}/{grant}", headers=headers)).status_code

    for ender in (theirs, ours, bearer, None):
        opened = await open_glass(client, bearer, organization_id=show("ORG", there), patient_id=PATIENT)
        token, grant = carrying(opened), opened.json()["grant_id"]
        for headers in (theirs, ours, auditor, bearer, token):
            (newest, *_) = await seen(headers)
            assert (newest["grant_id"], newest["reason"], newest["open"]) == (grant, REASON, True)
            assert (newest["patient_id"], newest["user_id"]) == (PATIENT, show("USR", who.user_id))
        assert await seen(colleague) == await seen(stranger) == []
        assert (await end(stranger, grant), await end(colleague, grant), await end(auditor, grant)) == (404, 403, 403)
        assert await end(ender or token, grant) == 204
        assert (await client.get("/api/v1/auth/me", headers=token)).status_code == 401
        assert (await seen(theirs))[0]["open"] is False
        assert (await client.get("/api/v1/auth/me", headers=bearer)).status_code == 200
    assert [await end(bearer, one) for one in ("BRG-x", PATIENT, f"BRG-{PATIENT[4:]}")] == [404] * 3


async def test_it_ends_by_itself_and_is_not_renewed(run_app: RunApp):
    clock = FixedClock(datetime.now(UTC))
    running = await run_app(clock=clock, **ALONE)
    async with client_of(running) as client:
        who = await account(running, "doctor")
        tokens = (await login(client, who)).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        own = show("ORG", who.organization_id)
        opened = await open_glass(client, bearer, organization_id=own, minutes=60)
        token = carrying(opened)
        assert "refresh_token" not in opened.json()
        assert (await refresh(client, opened.json()["access_token"])).status_code == 401
        again = await open_glass(client, bearer, organization_id=own)
        assert (again.status_code, again.json()["code"]) == (409, "emergency-open")
        assert (await open_glass(client, token, organization_id=own)).status_code == 403
        clock.advance(timedelta(minutes=55))
        assert (await client.get("/api/v1/auth/me", headers=token)).status_code == 200
        clock.advance(timedelta(minutes=6, seconds=1))
        assert (await client.get("/api/v1/auth/me", headers=token)).status_code == 401
        bearer = await bearer_of(client, who)
        assert [one["open"] for one in (await client.get(URL, headers=bearer)).json()["grants"]] == [False]
        assert (await open_glass(client, bearer, organization_id=own)).status_code == 201


async def test_it_ends_with_what_it_stands_on(running: Running, client: httpx.AsyncClient):
    there = await organization(running)

    async def opened() -> tuple[Account, dict[str, str], dict[str, str]]:
        who = await account(running, "doctor")
        bearer = await bearer_of(client, who)
        return who, bearer, carrying(await open_glass(client, bearer, organization_id=show("ORG", there)))

    who, bearer, token = await opened()
    await disable(running, who)
    assert (await client.get("/api/v1/auth/me", headers=token)).status_code == 401
    who, bearer, token = await opened()
    assert (await client.delete("/api/v1/auth/sessions", headers=bearer)).json() == {"ended": 1}
    assert (await client.get("/api/v1/auth/me", headers=token)).status_code == 401
    who, bearer, token = await opened()
    assert (await client.post("/api/v1/auth/logout", headers=token)).status_code == 200
    assert (await client.get("/api/v1/auth/me", headers=token)).status_code == 401
    assert (await client.get("/api/v1/auth/me", headers=bearer)).status_code == 200
    admin = await bearer_of(client, await account(running, "admin", home=there))
    grants = (await client.get(URL, headers=admin)).json()["grants"]
    assert [one["open"] for one in grants] == [False] * 3


@pytest.mark.parametrize(
    ("form", "paths"),
    [
        ({"reason": "because"}, ["reason", "patient_id"]),
        ({"reason": "          x          ", "patient_id": PATIENT}, ["reason"]),
        ({"patient_id": "PAT-x", "organization_id": "ORG-x"}, ["organization_id", "patient_id"]),
        ({"organization_id": "ORG-01ARZ3NDEKTSV4RRFFQ69G5FAV"}, ["organization_id"]),
        ({"patient_id": PATIENT, "minutes": 61}, ["minutes"]),
        ({"patient_id": PATIENT, "minutes": 0}, ["minutes"]),
        ({"patient_id": PATIENT, "roles": ["admin"]}, ["roles"]),
    ],
)
async def test_wrong_emergencies_are_refused(running: Running, client: httpx.AsyncClient, form, paths: list[str]):
    answer = await open_glass(client, await bearer_of(client, await account(running, "doctor")), **form)
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["errors"]] == paths
    assert all(fault["detail_ar"] for fault in answer.json()["errors"])


async def test_a_payers_records_are_no_emergency(running: Running, client: httpx.AsyncClient):
    payer = await organization(running, OrganizationKind.PAYER)
    answer = await open_glass(
        client, await bearer_of(client, await account(running, "doctor")), organization_id=show("ORG", payer)
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("role", ["nurse", "admin", "operator", "auditor", "researcher", "service", "adjudicator"])
async def test_52_only_doctors_break_the_glass(running: Running, client: httpx.AsyncClient, role: str):
    bearer = await bearer_of(client, await account(running, role))
    assert (await open_glass(client, bearer, patient_id=PATIENT)).status_code == 403


async def test_nobody_holds_the_role(running: Running, client: httpx.AsyncClient):
    from masterlinc.errors import Invalid

    with pytest.raises(Invalid):
        await account(running, "emergency")
    assert (await me(client, "x")).status_code == 401
