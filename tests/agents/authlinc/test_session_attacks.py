"""Attack cases of sessions and keys; the numbers are those of the security rules."""

import asyncio
import base64
import traceback
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from accounts import ALONE, account, audits, login, me, refresh, system

from authlinc.service.signing import rotate_signing_key, signing_key
from masterlinc.errors import StartupError
from masterlinc.secrets import Secret
from masterlinc.security.watch import refresh as look
from masterlinc.testing import FixedClock, NewDatabase, RunApp, Running, client_of


def _at_a_stop() -> FixedClock:
    return FixedClock(datetime.now(UTC))


async def _logout(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {token}"})


async def test_20_a_used_refresh_token_ends_the_family(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running)
    first = (await login(client, who)).json()
    elsewhere = (await login(client, who)).json()
    second = (await refresh(client, first["refresh_token"])).json()
    reused = await refresh(client, first["refresh_token"])
    assert (reused.status_code, reused.json()["code"]) == (401, "refresh-refused")
    assert (await refresh(client, second["refresh_token"])).status_code == 401
    assert (await me(client, second["access_token"])).status_code == 401
    assert (await me(client, first["access_token"])).status_code == 401
    assert (await me(client, elsewhere["access_token"])).status_code == 200
    assert await audits(running, who, "auth.refresh") == [
        ("ok", {}),
        ("refused", {"reason": "reuse"}),
        ("refused", {"reason": "session over"}),
    ]


@pytest.mark.parametrize("round_", range(3))
async def test_21_one_refresh_token_a_hundred_times(running: Running, client: httpx.AsyncClient, round_: int) -> None:
    who = await account(running)
    token = (await login(client, who)).json()["refresh_token"]
    answers = await asyncio.gather(*(refresh(client, token) for _ in range(100)))
    good = [answer for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    assert {answer.status_code for answer in answers} <= {200, 401, 503}
    assert (await refresh(client, good[0].json()["refresh_token"])).status_code == 401  # then the family rule


async def test_22_revoked_tokens_stay_so_after_a_restart(new_database: NewDatabase, run_app: RunApp) -> None:
    urls = await new_database()
    before = await run_app(urls, **ALONE)
    async with client_of(before) as client:
        who = await account(before)
        ended, alive = (await login(client, who)).json(), (await login(client, who)).json()
        await _logout(client, ended["access_token"])
    after = await run_app(urls, **ALONE)
    async with client_of(after) as client:
        assert (await me(client, ended["access_token"])).status_code == 401
        assert (await refresh(client, ended["refresh_token"])).status_code == 401
        assert (await me(client, alive["access_token"])).status_code == 200
        assert (await refresh(client, alive["refresh_token"])).status_code == 200


async def test_22_a_logout_here_is_a_logout_there(new_database: NewDatabase, run_app: RunApp) -> None:
    urls = await new_database()
    here, there = await run_app(urls, **ALONE), await run_app(urls, **ALONE)
    async with client_of(here) as client, client_of(there) as other:
        who = await account(here)
        token = (await login(client, who)).json()["access_token"]
        assert (await me(other, token)).status_code == 200  # and remembered there
        await _logout(client, token)
        kernel = there.services
        await look(kernel.db, kernel.verifier, kernel.revocations, kernel.clock)  # what happens every second
        assert (await me(other, token)).status_code == 401


async def test_24_an_idle_session_ends(run_app: RunApp) -> None:
    clock = _at_a_stop()
    running = await run_app(clock=clock, **ALONE)
    async with client_of(running) as client:
        tokens = (await login(client, await account(running))).json()
        clock.advance(timedelta(minutes=59))
        tokens = (await refresh(client, tokens["refresh_token"])).json()
        clock.advance(timedelta(minutes=60))
        assert (await me(client, tokens["access_token"])).status_code == 401
        assert (await refresh(client, tokens["refresh_token"])).status_code == 401


async def test_25_no_session_outlives_its_end(run_app: RunApp) -> None:
    clock = _at_a_stop()
    running = await run_app(clock=clock, **ALONE)
    async with client_of(running) as client:
        who = await account(running)
        tokens = (await login(client, who)).json()
        for _ in range(14):
            clock.advance(timedelta(minutes=50))
            tokens = (await refresh(client, tokens["refresh_token"])).json()
        clock.advance(timedelta(minutes=15))  # 11:55
        tokens = (await refresh(client, tokens["refresh_token"])).json()
        assert tokens["expires_in"] == 300
        clock.advance(timedelta(minutes=6, seconds=1))
        assert (await me(client, tokens["access_token"])).status_code == 401
        assert (await refresh(client, tokens["refresh_token"])).status_code == 401
        assert (await login(client, who)).status_code == 200


async def test_11_one_token_is_not_another(running: Running, client: httpx.AsyncClient) -> None:
    tokens = (await login(client, await account(running))).json()
    assert (await me(client, tokens["refresh_token"])).status_code == 401
    assert (await refresh(client, tokens["access_token"])).status_code == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 200  # neither used it up


async def test_a_refresh_token_is_bound_to_its_organization(running: Running, client: httpx.AsyncClient) -> None:
    who, other = await account(running), await account(running)
    token = (await login(client, who)).json()["refresh_token"]
    inside = base64.urlsafe_b64decode(token.removeprefix("mlr_"))
    moved = "mlr_" + base64.urlsafe_b64encode(other.organization_id.bytes + inside[16:]).decode()
    assert (await refresh(client, moved)).status_code == 401
    assert (await refresh(client, token)).status_code == 200


@pytest.mark.parametrize(
    "token",
    [
        "",
        "mlr_",
        "x",
        "mlr_" + "A" * 63,
        "mlr_" + "A" * 64,
        "mlr_" + "A" * 65,
        "mlr_" + "=" * 64,
        "m" * 100_000,
        "\u0661" * 68,
    ],
)
async def test_rubbish_is_no_refresh_token(client: httpx.AsyncClient, token: str) -> None:
    answer = await refresh(client, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh-refused")


async def test_a_refresh_token_is_stored_as_its_hash_only(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running)
    token = (await login(client, who)).json()["refresh_token"]
    async with system(running).transaction(frozenset({who.organization_id})) as transaction:
        rows = await transaction.fetch("SELECT t::text FROM authlinc.refresh_token t")
    secret = base64.urlsafe_b64decode(token.removeprefix("mlr_"))[16:]
    assert len(rows) == 1
    assert secret.hex() not in rows[0]["t"]
    assert token not in rows[0]["t"]


async def test_logout_twice_and_events(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running)
    token = (await login(client, who)).json()["access_token"]
    assert [(await _logout(client, token)).status_code for _ in range(2)] == [200, 401]
    async with system(running).transaction() as transaction:
        names = await transaction.fetch(
            "SELECT name FROM masterlinc.event WHERE organization_id = $1 ORDER BY id", who.organization_id
        )
    assert [row["name"] for row in names] == ["authlinc.user_logged_in.v1", "authlinc.session_revoked.v1"]


async def test_19_keys_rotate_without_a_gap(run_app: RunApp) -> None:
    clock = _at_a_stop()
    running = await run_app(clock=clock, **ALONE)
    ctx, kernel = system(running), running.services
    async with client_of(running) as client:
        who = await account(running)
        old = (await login(client, who)).json()["access_token"]
        kid = await rotate_signing_key(ctx)
        published = (await client.get("/.well-known/jwks.json")).json()["keys"]
        assert kid in {key["kid"] for key in published}
        settling = (await login(client, who)).json()["access_token"]  # readers may not know the new key yet
        assert _kid(settling) == _kid(old) != kid
        clock.advance(timedelta(seconds=90))
        new = (await login(client, who)).json()["access_token"]
        assert _kid(new) == kid
        for token in (old, settling, new):
            assert (await me(client, token)).status_code == 200
        clock.advance(timedelta(minutes=60))
        await look(kernel.db, kernel.verifier, kernel.revocations, kernel.clock)
        assert _kid(old) in kernel.verifier.keys  # the token of an emergency may still be accepted
        clock.advance(timedelta(minutes=3))
        await look(kernel.db, kernel.verifier, kernel.revocations, kernel.clock)
        assert _kid(old) not in kernel.verifier.keys
        assert kid in kernel.verifier.keys
        assert (await me(client, old)).status_code == 401


async def test_a_second_process_signs_with_the_same_key(new_database: NewDatabase, run_app: RunApp) -> None:
    urls = await new_database()
    one, two = await run_app(urls, **ALONE), await run_app(urls, **ALONE)
    assert (await signing_key(system(one))).kid == (await signing_key(system(two))).kid
    async with client_of(one) as client, client_of(two) as other:
        token = (await login(client, await account(one))).json()["access_token"]
        assert (await me(other, token)).status_code == 200


async def test_another_master_key_stops_the_start(new_database: NewDatabase, run_app: RunApp) -> None:
    urls = await new_database()
    await run_app(urls, **ALONE)

    def other_key(settings) -> None:
        settings.security.master_key = Secret(base64.b64encode(bytes(range(32))).decode())

    with pytest.raises((StartupError, ExceptionGroup)) as stop:  # Litestar's lifespan wraps what stops it
        await run_app(urls, configure=other_key, **ALONE)
    assert "another security.master_key" in "".join(traceback.format_exception(stop.value))


async def test_the_private_key_is_sealed(running: Running) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = await signing_key(system(running))
    secret = key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    async with system(running).transaction() as transaction:
        rows = await transaction.fetch("SELECT sealed FROM authlinc.signing_key")
    assert rows
    assert all(secret not in row["sealed"] for row in rows)


async def test_15_an_unknown_session_of_a_valid_token_can_sign_out(
    running: Running, client: httpx.AsyncClient, make_principal
) -> None:
    token = running.token(make_principal("nurse"))
    assert (await _logout(client, token)).status_code == 200
    assert (await _logout(client, token)).status_code == 401


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
