"""Attack cases of guessing: by account, address, network and password, and the owner's way in meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from accounts import ALONE, Account, account, audits, bearer_of, disable, login, me, organization, refresh, system

from authlinc.service.origins import password_key
from masterlinc import ids
from masterlinc.security.principal import NOBODY
from masterlinc.testing import FixedClock, NewDatabase, RunApp, Running

LIMIT = 5
STRICT = ALONE | {"authlinc": {"address_failures_before_pause": 12, "spraying_accounts": 6}}


def at(running: Running, address: str) -> httpx.AsyncClient:
    """A client on another machine."""
    transport = httpx.ASGITransport(app=running.app, raise_app_exceptions=False, client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


@pytest.fixture
async def strict(run_app: RunApp) -> tuple[Running, FixedClock]:
    """A system that takes a dozen wrong passwords from an address, and six accounts from a network."""
    clock = FixedClock(datetime.now(UTC))
    return await run_app(clock=clock, **STRICT), clock


async def attacks(running: Running, home=NOBODY) -> list[dict[str, object]]:
    async with system(running).transaction() as transaction:
        rows = await transaction.fetch(
            "SELECT payload FROM masterlinc.event WHERE name = 'authlinc.login_attacked.v1' AND organization_id = $1"
            " ORDER BY id",
            home,
        )
    return [msgspec.json.decode(row["payload"]) for row in rows]


async def wrong(client: httpx.AsyncClient, who: Account | None = None, password: str = "wrong password") -> int:
    email = who.email if who else f"u{ids.new_id().hex}@clinic.example"
    body = {"email": email, "password": password}
    return (await client.post("/api/v1/auth/login", json=body)).status_code


async def test_28_one_account_from_a_thousand_addresses(strict):
    running, _ = strict
    who = await account(running)
    statuses = []
    for number in range(LIMIT + 3):
        async with at(running, f"198.51.{number}.7") as client:
            statuses.append(await wrong(client, who))
    assert statuses == [401] * LIMIT + [429] * 3
    (told,) = await attacks(running, who.organization_id)
    assert (told["kind"], told["user_id"], told["network"]) == ("account", str(who.user_id), "198.51.4.0/24")
    assert await audits(running, who, "auth.attacked") == [("refused", {"kind": "account", "network": "198.51.4.0/24"})]


async def test_28_many_tries_from_one_address(strict):
    running, clock = strict
    people = [await account(running) for _ in range(4)]
    who = await account(running)
    async with at(running, "203.0.113.7") as client, at(running, "203.0.113.8") as neighbour:
        statuses = [await wrong(client, people[number % 4]) for number in range(12)]
        assert statuses == [401] * 12
        assert (await login(client, who)).json()["code"] == "login-paused"  # the right password too
        assert (await login(neighbour, who)).status_code == 200
        clock.advance(timedelta(seconds=31))
        assert (await login(client, who)).status_code == 200
        clock.advance(timedelta(minutes=61))
        assert [await wrong(client) for _ in range(5)] == [401] * 5  # an hour begins anew
    assert [one["kind"] for one in await attacks(running)] == ["address"]


async def test_28_one_password_over_many_accounts_of_a_network(strict):
    running, clock = strict
    who = await account(running)
    statuses = []
    for number in range(8):
        async with at(running, f"192.0.2.{number + 1}") as client:
            statuses.append(await wrong(client, password=f"Riyadh season {number}"))
    assert statuses == [401] * 6 + [429] * 2
    async with at(running, "192.0.2.200") as same, at(running, "192.0.3.200") as other:
        assert (await login(same, who)).status_code == 429
        assert (await login(other, who)).status_code == 200
        clock.advance(timedelta(seconds=31))
        assert (await login(same, who)).status_code == 200
    assert [(one["kind"], one["network"]) for one in await attacks(running)] == [("network", "192.0.2.0/24")]


async def test_28_one_password_over_many_accounts_from_everywhere_is_told(strict):
    running, _ = strict
    for number in range(6):
        async with at(running, f"10.{number}.0.1") as client:
            assert await wrong(client, password="Riyadh season 2026") == 401
    assert [one["kind"] for one in await attacks(running)] == ["password"]
    async with system(running).transaction() as transaction:
        sources = {row["source"] for row in await transaction.fetch("SELECT source FROM authlinc.login_spread")}
    key = password_key(system(running), "Riyadh season 2026")
    assert key in sources
    assert key[:14] == bytes(14)  # sixteen bits of it, and no more


async def test_28_an_ipv6_customer_is_one_address(strict):
    running, _ = strict
    statuses = []
    people = [await account(running) for _ in range(4)]
    for number in range(13):
        async with at(running, f"2001:db8:1:2::{number + 1:x}") as client:
            statuses.append(await wrong(client, people[number % 4]))
    assert statuses == [401] * 12 + [429]


async def test_29_a_known_device_gets_in_while_others_guess(strict):
    running, _ = strict
    who, other = await account(running), await account(running)
    async with at(running, "198.51.100.9") as home, at(running, "203.0.113.9") as attacker:
        tokens = (await login(home, who)).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        newer = (await refresh(home, tokens["refresh_token"])).json()
        await home.post("/api/v1/auth/logout", headers=bearer)
        strange = (await login(home, other)).json()["refresh_token"]
        assert [await wrong(attacker, who) for _ in range(LIMIT + 1)] == [401] * LIMIT + [429]
        assert (await login(home, who)).status_code == 429
        for token in (tokens["refresh_token"], newer["refresh_token"]):  # spent or not
            assert (await login(home, who, device_token=token)).status_code == 200
        for token in (strange, "mlr_" + "A" * 64, "x", tokens["access_token"][:200]):
            assert (await login(home, who, device_token=token)).status_code == 429
        # It has a bucket of its own, and no more tries than anybody.
        device = newer["refresh_token"]
        tries = [(await login(home, who, password="wrong password", device_token=device)).status_code for _ in range(6)]
        assert tries == [401] * LIMIT + [429]


async def test_29_a_token_that_was_taken_away_proves_no_device(strict):
    running, clock = strict
    who = await account(running)
    boss = await account(running, "admin", home=who.organization_id)
    async with at(running, "198.51.100.9") as client, at(running, "203.0.113.9") as attacker:
        stolen = (await login(client, who)).json()["refresh_token"]
        await refresh(client, stolen)
        await refresh(client, stolen)  # twice: somebody else has it
        ended = (await login(client, who)).json()["refresh_token"]
        url = f"/api/v1/users/{ids.show('USR', who.user_id)}/sessions"
        assert (await client.delete(url, headers=await bearer_of(client, boss))).json() == {"ended": 1}
        old = (await login(client, who)).json()["refresh_token"]
        for _ in range(LIMIT):
            await wrong(attacker, who)
        for token in (stolen, ended):
            assert (await login(client, who, device_token=token)).status_code == 429
        assert (await login(client, who, device_token=old)).status_code == 200
        clock.advance(timedelta(days=91))
        for _ in range(LIMIT):
            await wrong(attacker, who)
        assert (await login(client, who, device_token=old)).status_code == 429


async def test_22_pauses_and_ends_hold_in_every_process_and_after_a_restart(new_database: NewDatabase, run_app: RunApp):
    urls = await new_database()
    one, two = await run_app(urls, **STRICT), await run_app(urls, **STRICT)
    who, other = await account(one), await account(one)
    async with at(one, "198.51.100.1") as here, at(two, "198.51.101.1") as there:
        tokens = (await login(here, other)).json()
        assert [await wrong(there if number % 2 else here, who) for number in range(LIMIT)] == [401] * LIMIT
        assert (await login(here, who)).status_code == (await login(there, who)).status_code == 429
        await disable(one, other)
    three = await run_app(urls, **STRICT)
    async with at(three, "198.51.102.1") as anew:
        assert (await login(anew, who)).status_code == 429
        assert (await me(anew, tokens["access_token"])).status_code == 401
        assert (await refresh(anew, tokens["refresh_token"])).status_code == 401


async def test_30_what_is_disabled_while_a_password_is_checked_stays_out(running: Running, client: httpx.AsyncClient):
    from authlinc.service.state import state_of

    who = await account(running)
    passwords = state_of(system(running)).passwords
    check = passwords.check

    async def meanwhile(stored, password):
        verdict = await check(stored, password)
        await disable(running, who)
        return verdict

    passwords.check = meanwhile
    try:
        answer = await login(client, who)
    finally:
        del passwords.check
    assert (answer.status_code, answer.json()["code"]) == (401, "login-refused")
    assert ("refused", {"by": "password", "reason": "disabled"}) in await audits(running, who, "auth.login")


async def test_34_an_account_that_may_not_sign_in_looks_like_none(running: Running, client: httpx.AsyncClient):
    """Disabled, of a disabled organization, without a password, paused: text, length and headers as of nobody's."""
    from authlinc.schemas import OrganizationChange
    from authlinc.service.organizations import change_organization
    from authlinc.service.users import Invited, invite_user

    off, closed, home = await account(running), await account(running), await organization(running)
    await disable(running, off)
    await change_organization(system(running), closed.organization_id, OrganizationChange(enabled=False), "*")
    email = f"u{ids.new_id().hex}@clinic.example"
    await invite_user(system(running), Invited(home, email, "Nora", "نورة", ("nurse",)))
    asked = [off.email, closed.email, email, f"u{ids.new_id().hex}@clinic.example"]
    rounds = [
        [await client.post("/api/v1/auth/login", json={"email": one, "password": off.password}) for one in asked]
        for _ in range(LIMIT + 1)
    ]
    for answers in rounds:
        looks = {
            (
                answer.status_code,
                answer.headers["content-length"],
                tuple(sorted(name for name in answer.headers if not name.startswith("ratelimit"))),
                *(str(value) for key, value in sorted(answer.json().items()) if key != "trace_id"),
            )
            for answer in answers
        }
        assert len(looks) == 1
    assert rounds[0][0].status_code == 401
    assert rounds[-1][0].status_code == 429


async def test_31_two_hundred_parallel_tries_over_two_processes(new_database: NewDatabase, run_app: RunApp):
    urls = await new_database()
    one, two = await run_app(urls, **ALONE), await run_app(urls, **ALONE)
    who = await account(one)
    async with at(one, "198.51.100.1") as here, at(two, "198.51.101.1") as there:
        statuses = await asyncio.gather(*(wrong((here, there)[n % 2], who, f"wrong {n} password") for n in range(200)))
    assert statuses.count(401) <= LIMIT
    assert set(statuses) <= {401, 429, 503}
