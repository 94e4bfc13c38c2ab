"""API keys: made, used without a question to the database, rotated, revoked everywhere; and the attacks on them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from accounts import ALONE, account, audits, organization, system
from desks import SCOPES, Desk
from hypothesis import given, settings
from hypothesis import strategies as st

from authlinc.service import key_watch
from authlinc.service.key_ring import KeyRing
from authlinc.service.opaque import digest
from authlinc.service.scopes import grantable
from authlinc.service.state import state_of
from masterlinc import ids
from masterlinc.security.principal import machine_principal
from masterlinc.security.tokens import TokenRefused
from masterlinc.testing import FixedClock, MakePrincipal, NewDatabase, RunApp, Running, client_of

KEYS = "/api/v1/auth/api-keys"
SECRET = "mlk_" + "A" * 43


class KeyDesk(Desk):
    """An administrator who manages an organization's keys."""

    path, thing = KEYS, "key"


@pytest_asyncio.fixture(loop_scope="session")
async def desk(running: Running, client: httpx.AsyncClient, make_principal: MakePrincipal) -> KeyDesk:
    return KeyDesk(running, client, make_principal("admin", organization=await organization(running)))


async def test_a_key_is_made_shown_once_and_used(desk: KeyDesk) -> None:
    answer = await desk.make()
    body = answer.json()
    assert answer.status_code == 201
    assert set(body) == {"key", "secret"}
    assert body["secret"].startswith("mlk_")
    assert body["key"]["scopes"] == SCOPES
    assert body["key"]["created_by"] == ids.show("USR", desk.boss.user_id)
    assert await desk.use(body["secret"]) == 200
    shown = await desk.client.get(f"{KEYS}/{body['key']['key_id']}", headers=desk.headers)
    assert shown.json() == body["key"]
    listed = (await desk.client.get(KEYS, headers=desk.headers)).json()
    assert (listed["keys"], listed["total"], listed["total_exact"]) == ([body["key"]], 1, True)
    assert body["secret"] not in shown.text


async def test_a_key_may_what_its_scopes_say_and_no_more(desk: KeyDesk) -> None:
    _, secret = await desk.made(scopes=["organization:read"])
    assert await desk.use(secret) == 403
    headers = {"Authorization": f"Bearer {secret}"}
    for method, path in (("GET", KEYS), ("GET", "/api/v1/auth/me"), ("POST", "/api/v1/auth/logout")):
        assert (await desk.client.request(method, path, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"scopes": ["agent:read", "api_key:manage"]}, ["scopes[1]"]),
        ({"scopes": ["session:own", "factor:reset"]}, ["scopes[0]", "scopes[1]"]),
        ({"scopes": ["no:such"]}, ["scopes[0]"]),
        ({"scopes": []}, ["scopes"]),
        ({"expires_in_days": 366}, ["expires_in_days"]),
        ({"expires_in_days": 0}, ["expires_in_days"]),
        ({"name": "\u202ename", "scopes": []}, ["name", "scopes"]),
        ({"organization_id": "ORG-1"}, ["organization_id"]),
        ({"secret": "mlk_mine"}, ["secret"]),
    ],
)
async def test_46_what_no_key_may_have(desk: KeyDesk, changes: dict[str, Any], paths: list[str]) -> None:
    answer = await desk.make(**changes)
    assert answer.status_code == 422, answer.text
    assert [fault["path"] for fault in answer.json()["errors"]] == paths


async def test_who_may_not_manage_keys_makes_none(desk: KeyDesk, make_principal: MakePrincipal) -> None:
    for role in ("doctor", "nurse", "billing", "researcher", "auditor", "service"):
        nobody = KeyDesk(desk.running, desk.client, make_principal(role, organization=desk.boss.organization_id))
        assert (await nobody.make()).status_code == 403


async def test_a_revoked_key_is_out_at_once(desk: KeyDesk) -> None:
    key, secret = await desk.made()
    assert (await desk.client.delete(f"{KEYS}/{key}", headers=desk.headers)).status_code == 204
    assert await desk.use(secret) == 401
    assert (await desk.client.delete(f"{KEYS}/{key}", headers=desk.headers)).status_code == 204
    answer = await desk.client.post(f"{KEYS}/{key}/rotate", headers=desk.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "key-over")
    assert (await desk.client.get(f"{KEYS}/{key}", headers=desk.headers)).json()["revoked_at"] is not None


async def test_30_the_keys_of_a_disabled_organization_are_out(desk: KeyDesk) -> None:
    _, secret = await desk.made()
    ctx, home = system(desk.running), desk.boss.organization_id
    for disabled_at, status in ((datetime.now(UTC), 401), (None, 200)):
        async with ctx.transaction(frozenset({home})) as transaction:
            change = "UPDATE authlinc.organization SET disabled_at = $2 WHERE id = $1"
            await transaction.execute(change, home, disabled_at)
        await key_watch.follow(ctx)
        assert await desk.use(secret) == status


async def test_22_another_process_and_a_new_one_know_of_both(
    new_database: NewDatabase, run_app: RunApp, make_principal: MakePrincipal
) -> None:
    urls = await new_database()
    here = await run_app(urls, **ALONE)
    async with client_of(here) as client:
        desk = KeyDesk(here, client, make_principal("admin", organization=await organization(here)))
        kept, good = await desk.made()
        gone, bad = await desk.made()
        there = await run_app(urls, **ALONE)
        async with client_of(there) as elsewhere:
            other = KeyDesk(there, elsewhere, desk.boss)
            assert [await other.use(one) for one in (good, bad)] == [200, 200]
            await client.delete(f"{KEYS}/{gone}", headers=desk.headers)
            _, rotated = await rotate(desk, kept)
            await key_watch.follow(system(there))
            assert [await other.use(one) for one in (good, bad, rotated)] == [200, 401, 200]


async def rotate(desk: KeyDesk, key: str) -> tuple[str, str]:
    answer = await desk.client.post(f"{KEYS}/{key}/rotate", headers=desk.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["key"]["key_id"], answer.json()["secret"]


@pytest_asyncio.fixture(loop_scope="session")
async def timed(run_app: RunApp, make_principal: MakePrincipal) -> AsyncIterator[tuple[KeyDesk, FixedClock]]:
    clock = FixedClock(datetime.now(UTC))
    running = await run_app(clock=clock, **ALONE)
    async with client_of(running) as client:
        yield KeyDesk(running, client, make_principal("admin", organization=await organization(running))), clock


async def test_an_old_secret_works_until_the_overlap_is_over(timed: tuple[KeyDesk, FixedClock]) -> None:
    desk, clock = timed
    key, first = await desk.made(expires_in_days=30)
    same, second = await rotate(desk, key)
    assert (same, first != second) == (key, True)
    assert [await desk.use(one) for one in (first, second)] == [200, 200]
    clock.advance(timedelta(hours=24))
    await key_watch.follow(system(desk.running))
    assert [await desk.use(one) for one in (first, second)] == [401, 200]
    clock.advance(timedelta(days=29))
    assert await desk.use(second) == 401  # rotating makes no key older than it may become


async def test_the_last_use_is_written_down_coarsely(timed: tuple[KeyDesk, FixedClock]) -> None:
    desk, clock = timed
    key, secret = await desk.made()
    ctx = system(desk.running)

    async def last() -> datetime | None:
        told = (await desk.client.get(f"{KEYS}/{key}", headers=desk.headers)).json()["last_used_at"]
        return None if told is None else datetime.fromisoformat(told)

    assert await last() is None
    for minutes in (0, 4, 2):
        clock.advance(timedelta(minutes=minutes))
        await desk.use(secret)
        await key_watch.write_uses(ctx)
    assert await last() == clock.now()
    clock.advance(timedelta(minutes=1))
    await desk.use(secret)
    await key_watch.write_uses(ctx)
    assert await last() == clock.now() - timedelta(minutes=1)


async def test_4_keys_that_nobody_has_ask_nothing(desk: KeyDesk, statements: Any) -> None:
    _, secret = await desk.made()
    ring = state_of(system(desk.running)).keys
    size = len(ring)
    with statements() as sent:
        answers = await asyncio.gather(*(desk.use(f"mlk_{n:043d}") for n in range(300)))
        assert await desk.use(secret) == 200
    assert set(answers) == {401}
    assert [one for one in sent if "api_key" in one] == []
    assert len(ring) == size


@pytest.mark.parametrize("other", ["mlk_", "mlk", SECRET, SECRET + "A", "mlk_" + "A" * 42 + "=", "mlk_" + "A" * 5000])
async def test_what_is_no_key_is_refused(desk: KeyDesk, other: str) -> None:
    assert await desk.use(other) == 401


async def test_42_another_organizations_keys_are_not_there(desk: KeyDesk, make_principal: MakePrincipal) -> None:
    key, secret = await desk.made()
    home = await organization(desk.running)
    stranger = KeyDesk(desk.running, desk.client, make_principal("admin", organization=home))
    for method, path in (("GET", key), ("DELETE", key), ("POST", f"{key}/rotate")):
        answer = await desk.client.request(method, f"{KEYS}/{path}", headers=stranger.headers)
        assert answer.status_code == 404
    assert (await desk.client.get(KEYS, headers=stranger.headers)).json()["keys"] == []
    assert await desk.use(secret) == 200


async def test_there_are_only_so_many(desk: KeyDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system(desk.running).config, "api_keys_most", 3)
    answers = await asyncio.gather(*(desk.make() for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too-many-keys"}


async def test_the_database_and_the_audit_hold_no_secret(desk: KeyDesk, running: Running) -> None:
    key, secret = await desk.made()
    await rotate(desk, key)
    home = desk.boss.organization_id
    async with system(running).transaction(frozenset({home})) as transaction:
        rows = await transaction.fetch("SELECT * FROM authlinc.api_key, authlinc.api_key_secret")
        trail = await transaction.fetch("SELECT * FROM masterlinc.audit_event WHERE resource = 'api_key'")
    assert len(rows) == 2
    assert secret not in str([dict(row) for row in [*rows, *trail]])
    assert [row["action"] for row in trail] == ["api_key.create", "api_key.rotate"]


async def test_165_the_audit_names_the_key(desk: KeyDesk, running: Running) -> None:
    """What a machine does is written under its key, not under who made it."""
    who = await account(running, home=desk.boss.organization_id)
    key, secret = await desk.made()
    principal = key_watch.verify(system(running), secret)
    assert (principal.kind, ids.show("APK", principal.user_id), principal.roles) == ("key", key, frozenset())
    ctx = running.context("authlinc", principal)
    async with ctx.transaction() as transaction:
        transaction.audit("test.deed", "user", "x", organization_id=principal.organization_id)
    async with ctx.transaction() as transaction:
        row = await transaction.fetchrow("SELECT * FROM masterlinc.audit_event WHERE action = 'test.deed'")
    assert (row["actor_kind"], row["actor_id"]) == ("key", principal.user_id)
    assert await audits(running, who, "api_key.create") == [("ok", {"scopes": ",".join(SCOPES)})]


@settings(max_examples=200)
@given(st.text(max_size=60), st.binary(max_size=4))
def test_only_a_whole_secret_finds_its_key(typed: str, tail: bytes) -> None:
    ring, now = KeyRing(), datetime(2026, 3, 1, tzinfo=UTC)
    ring.put(digest(SECRET), machine_principal(ids.new_id(), ids.new_id(), SCOPES, now + timedelta(days=1)))
    assert ring.find(SECRET, now).may("agent:read")
    for other in (typed, "mlk_" + typed, SECRET + typed, SECRET[: -len(tail)] if tail else SECRET[:-1]):
        if other != SECRET:
            with pytest.raises(TokenRefused):
                ring.find(other, now)


def test_rights_of_the_role_for_machines_are_for_those_who_may_give_it(running: Running, make_principal: MakePrincipal):
    keeper = make_principal("auditor", permissions=frozenset({"api_key:manage"}))
    given = grantable(running.context("authlinc", keeper))
    assert "event:read" in given
    assert "claim:submit" not in given
    assert "claim:submit" in grantable(running.context("authlinc", make_principal("admin")))
