"""One's own names, password and sessions."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from accounts import ALONE, PASSWORD, Account, account, audits, bearer_of, login, me, refresh

from masterlinc.testing import FixedClock, RunApp, Running, client_of

NEW = "another phrase for the same door"


async def change(client: httpx.AsyncClient, bearer: dict[str, str], new: str, old: str = PASSWORD) -> httpx.Response:
    body = {"current_password": old, "new_password": new}
    return await client.post("/api/v1/auth/password", json=body, headers=bearer)


async def test_a_new_password_ends_the_other_sessions(running: Running, client: httpx.AsyncClient):
    who = await account(running)
    other, bearer = (await login(client, who)).json(), await bearer_of(client, who)
    answer = await change(client, bearer, NEW)
    assert (answer.status_code, answer.json()) == (200, {"ended": 1})
    assert (await me(client, other["access_token"])).status_code == 401
    assert (await refresh(client, other["refresh_token"])).status_code == 401
    assert (await client.get("/api/v1/auth/me", headers=bearer)).status_code == 200
    assert (await login(client, who)).status_code == 401
    assert (await login(client, who, password=NEW)).status_code == 200
    assert await audits(running, who, "auth.password") == [("ok", {"ended": "1 sessions"})]


async def test_the_present_password_is_needed_and_guessed_at_slowly(running: Running, client: httpx.AsyncClient):
    who = await account(running)
    bearer = await bearer_of(client, who)
    for _ in range(5):
        answer = await change(client, bearer, NEW, old="not the password")
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong-password")
        assert [fault["path"] for fault in answer.json()["errors"]] == ["current_password"]
    paused = await change(client, bearer, NEW)
    assert (paused.status_code, paused.json()["code"]) == (429, "login-paused")
    assert (await login(client, who)).status_code == 200  # a stolen token pauses the session it is of, not its owner


async def test_29_who_guesses_elsewhere_does_not_keep_the_owner_from_a_new_password(
    running: Running, client: httpx.AsyncClient
):
    who = await account(running)
    bearer = await bearer_of(client, who)
    for _ in range(6):
        await login(client, who, password="wrong password")
    assert (await change(client, bearer, NEW)).status_code == 200


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short but secret"[:14], "too-short"),
        ("password1234567", "too-common"),
        ("Qwertyuiop12345", "too-common"),
        ("nora-clinic-2026-nora", "too-close"),
        ("MasterLinc-NPHIES-2026", "too-close"),
        (PASSWORD, "same"),
        ("م" * 600, "too-long"),
        ("x" * 4096, "too-long"),
    ],
)
async def test_36_a_password_that_others_guess_is_refused(
    running: Running, client: httpx.AsyncClient, new: str, code: str
):
    who = await account(running)
    answer = await change(client, await bearer_of(client, who), new)
    assert answer.status_code == 422
    assert [fault["code"] for fault in answer.json()["errors"]] == [code]
    assert all(fault["detail_ar"] for fault in answer.json()["errors"])
    assert (await login(client, who)).status_code == 200


async def test_two_changes_at_once_are_one(running: Running, client: httpx.AsyncClient):
    who = await account(running)
    bearer = await bearer_of(client, who)
    answers = await asyncio.gather(*(change(client, bearer, f"{NEW} {n}") for n in range(4)))
    done = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert len(done) == 1
    assert (await login(client, who, password=f"{NEW} {done[0]}")).status_code == 200


async def test_names_change_and_nothing_else(running: Running, client: httpx.AsyncClient):
    who = await account(running)
    bearer = await bearer_of(client, who)
    answer = await client.patch("/api/v1/auth/me", json={"name_ar": "نورة الحربي"}, headers=bearer)
    assert (answer.status_code, answer.json()["name"], answer.json()["name_ar"]) == (200, "Nora", "نورة الحربي")
    for field in ("roles", "email", "user_id", "organization_id", "enabled"):
        assert (await client.patch("/api/v1/auth/me", json={field: "x"}, headers=bearer)).status_code == 422
    assert (await client.patch("/api/v1/auth/me", json={"name": ""}, headers=bearer)).status_code == 422


async def test_own_sessions_are_seen_and_ended(running: Running, client: httpx.AsyncClient):
    who, stranger = await account(running), await account(running)
    first, second = (await login(client, who)).json(), (await login(client, who)).json()
    bearer, other = await bearer_of(client, who), await bearer_of(client, stranger)

    async def listed(headers: dict[str, str]) -> list[dict[str, object]]:
        sessions: list[dict[str, object]] = (await client.get("/api/v1/auth/sessions", headers=headers)).json()[
            "sessions"
        ]
        return sessions

    sessions = await listed(bearer)
    assert [row["current"] for row in sessions] == [True, False, False]
    oldest = sessions[-1]["session_id"]
    assert (await client.delete(f"/api/v1/auth/sessions/{oldest}", headers=other)).status_code == 404
    assert (await client.delete(f"/api/v1/auth/sessions/{oldest}", headers=bearer)).status_code == 204
    assert (await me(client, first["access_token"])).status_code == 401
    assert (await client.delete("/api/v1/auth/sessions", headers=bearer)).json() == {"ended": 1}
    assert (await me(client, second["access_token"])).status_code == 401
    assert len(await listed(bearer)) == 1
    assert len(await listed(other)) == 1


async def test_26_beyond_the_limit_the_session_used_longest_ago_ends(run_app: RunApp):
    clock = FixedClock(datetime.now(UTC))
    alone = ALONE | {"authlinc": {"sessions_per_user": 3}}
    running = await run_app(clock=clock, **alone)
    async with client_of(running) as client:
        who, tokens = await account(running), []
        for _ in range(3):
            tokens.append((await login(client, who)).json())
            clock.advance(timedelta(minutes=1))
        tokens[0] = (await refresh(client, tokens[0]["refresh_token"])).json()  # the first is used again
        clock.advance(timedelta(minutes=1))
        tokens.append((await login(client, who)).json())
        states = [(await me(client, one["access_token"])).status_code for one in tokens]
        assert states == [200, 401, 200, 200]
        parallel = await asyncio.gather(*(login(client, who) for _ in range(8)))
        alive = [(await me(client, one.json()["access_token"])).status_code for one in parallel]
        assert alive.count(200) == 3


async def test_a_machine_changes_no_password(running: Running, client: httpx.AsyncClient):
    who: Account = await account(running, "service")
    assert (await change(client, await bearer_of(client, who), NEW)).status_code == 403
