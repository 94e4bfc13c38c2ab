"""Second factors: enrolment, the second step of a sign-in, and the attacks on both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pyotp
import pytest
import pytest_asyncio
from accounts import ALONE, PASSWORD, Account, account, audits, disable, login, me, refresh, system
from hypothesis import given
from hypothesis import strategies as st

from authlinc.service import challenges, totp
from masterlinc import ids
from masterlinc.testing import FixedClock, RunApp, Running, client_of

FACTOR, STEP = "/api/v1/auth/second-factor", "/api/v1/auth/login/second-factor"


@dataclass
class House:
    """An application whose roles ask for a second factor, and its clock."""

    running: Running
    clock: FixedClock
    client: httpx.AsyncClient

    def code(self, secret: str, *, steps: int = 0) -> str:
        return pyotp.TOTP(secret).at(self.clock.now(), counter_offset=steps)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(run_app: RunApp) -> AsyncIterator[House]:
    clock = FixedClock(datetime.now(UTC))
    running = await run_app(clock=clock, **ALONE, authlinc={"second_factor_by_role": True})
    async with client_of(running) as client:
        yield House(running, clock, client)


@pytest.fixture(autouse=True)
def _later(house: House) -> None:
    house.clock.advance(timedelta(minutes=20))  # pauses of the test before are over


def headers(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def challenge(house: House, who: Account) -> str:
    answer = await login(house.client, who)
    assert (answer.status_code, answer.json()["code"]) == (401, "second-factor-required"), answer.text
    return answer.json()["challenge"]


async def step(house: House, token: str, code: str) -> httpx.Response:
    return await house.client.post(STEP, json={"challenge": token, "code": code})


async def enrolled(house: House, *roles: str) -> tuple[Account, dict, dict]:
    """A user who set the factor up while signing in: the account, what was shown, and the tokens."""
    who = await account(house.running, *(roles or ("nurse",)))
    asked = await login(house.client, who)
    assert (asked.status_code, asked.json()["code"]) == (401, "second-factor-enrolment-required")
    token = asked.json()["challenge"]
    shown = (await house.client.post(f"{STEP}/enrol", json={"challenge": token})).json()
    tokens = await step(house, token, house.code(shown["secret"]))
    assert tokens.status_code == 200, tokens.text
    house.clock.advance(timedelta(seconds=60))
    return who, shown, tokens.json()


async def test_a_role_that_asks_for_a_factor_gets_one_at_the_first_sign_in(house: House) -> None:
    who, shown, tokens = await enrolled(house)
    assert shown["otpauth_url"].startswith("otpauth://totp/MASTERLINC:")
    assert len(set(shown["recovery_codes"])) == totp.RECOVERY_CODES
    assert (await me(house.client, tokens["access_token"])).status_code == 200
    standing = (await house.client.get(FACTOR, headers=headers(tokens))).json()
    assert (standing["enrolled"], standing["required"], standing["recovery_codes_left"]) == (True, True, 10)
    answer = await step(house, await challenge(house, who), house.code(shown["secret"]))
    assert answer.status_code == 200
    assert answer.json()["user_id"] == tokens["user_id"]
    assert ("ok", {"by": "code,password"}) in await audits(house.running, who, "auth.login")


async def test_a_user_may_set_one_up_where_no_role_asks(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running)
    tokens, other = (await login(client, who)).json(), (await login(client, who)).json()
    wrong = await client.post(FACTOR, json={"password": "wrong password"}, headers=headers(tokens))
    assert (wrong.status_code, wrong.json()["code"]) == (401, "login-refused")
    shown = (await client.post(FACTOR, json={"password": PASSWORD}, headers=headers(tokens))).json()
    assert (await login(client, who)).status_code == 200  # not in force before a code is confirmed
    bad = await client.post(f"{FACTOR}/confirm", json={"code": "000000"}, headers=headers(tokens))
    assert (bad.status_code, bad.json()["code"]) == (401, "code-refused")
    body = {"code": pyotp.TOTP(shown["secret"]).now()}
    assert (await client.post(f"{FACTOR}/confirm", json=body, headers=headers(tokens))).status_code == 204
    assert (await login(client, who)).json()["code"] == "second-factor-required"
    assert (await me(client, tokens["access_token"])).status_code == 200
    assert (await me(client, other["access_token"])).status_code == 401  # what was open elsewhere ended
    assert (await refresh(client, other["refresh_token"])).status_code == 401
    again = await client.post(FACTOR, json={"password": PASSWORD}, headers=headers(tokens))
    assert (again.status_code, again.json()["code"]) == (409, "second-factor-present")


async def test_a_factor_is_taken_away_with_a_code_of_it_only(house: House) -> None:
    _, shown, tokens = await enrolled(house)
    refused = await house.client.post(f"{FACTOR}/disable", json={"code": "123456"}, headers=headers(tokens))
    assert (refused.status_code, refused.json()["code"]) == (401, "code-refused")
    body = {"code": house.code(shown["secret"])}
    assert (await house.client.post(f"{FACTOR}/disable", json=body, headers=headers(tokens))).status_code == 204
    missing = await house.client.post(f"{FACTOR}/disable", json=body, headers=headers(tokens))
    assert (missing.status_code, missing.json()["code"]) == (409, "second-factor-missing")
    assert not (await house.client.get(FACTOR, headers=headers(tokens))).json()["enrolled"]


async def test_a_recovery_code_works_once_however_it_is_typed(house: House) -> None:
    who, shown, _ = await enrolled(house)
    first, second = shown["recovery_codes"][:2]
    assert (await step(house, await challenge(house, who), first.lower().replace("-", " "))).status_code == 200
    refused = await step(house, await challenge(house, who), first)
    assert (refused.status_code, refused.json()["code"]) == (401, "code-refused")
    tokens = (await step(house, await challenge(house, who), second)).json()
    standing = (await house.client.get(FACTOR, headers=headers(tokens))).json()
    assert standing["recovery_codes_left"] == 8
    body = {"code": house.code(shown["secret"])}
    renewed = await house.client.post(f"{FACTOR}/recovery-codes", json=body, headers=headers(tokens))
    assert len(renewed.json()["recovery_codes"]) == 10
    assert (await step(house, await challenge(house, who), shown["recovery_codes"][2])).status_code == 401
    assert (await step(house, await challenge(house, who), renewed.json()["recovery_codes"][0])).status_code == 200
    assert len(await audits(house.running, who, "auth.factor.recover")) == 3


async def test_39_a_code_is_taken_once(house: House) -> None:
    who, shown, _ = await enrolled(house)
    code = house.code(shown["secret"])
    assert (await step(house, await challenge(house, who), code)).status_code == 200
    assert (await step(house, await challenge(house, who), code)).status_code == 401
    older = house.code(shown["secret"], steps=-1)
    assert (await step(house, await challenge(house, who), older)).status_code == 401  # nor one from before it


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
async def test_39_the_window_is_one_step(house: House, steps: int, status: int) -> None:
    who, shown, _ = await enrolled(house)
    house.clock.advance(timedelta(minutes=3))
    answer = await step(house, await challenge(house, who), house.code(shown["secret"], steps=steps))
    assert answer.status_code == status


async def test_39_of_parallel_uses_one_wins(house: House) -> None:
    who, shown, _ = await enrolled(house)
    tokens, code = [await challenge(house, who) for _ in range(2)], house.code(shown["secret"])
    answers = await asyncio.gather(*(step(house, one, code) for one in tokens))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    token, codes = await challenge(house, who), shown["recovery_codes"][:2]
    answers = await asyncio.gather(*(step(house, token, one) for one in codes))
    assert sorted(answer.status_code for answer in answers) == [200, 401]  # a challenge opens one session


async def test_39_guessing_codes_is_paused_and_the_password_does_not_lift_it(house: House) -> None:
    who, shown, _ = await enrolled(house)
    answers = []
    for _ in range(6):  # every round shows the right password again
        asked = await login(house.client, who)
        if asked.status_code == 401:
            answers.append((await step(house, asked.json()["challenge"], "000000")).status_code)
        else:
            answers.append(asked.status_code)
    assert answers[-1] == 429
    assert (await login(house.client, who)).status_code == 429
    house.clock.advance(timedelta(minutes=20))
    assert (await step(house, await challenge(house, who), house.code(shown["secret"]))).status_code == 200


async def test_39_who_guesses_elsewhere_does_not_keep_the_owner_from_the_factor(house: House) -> None:
    who, shown, tokens = await enrolled(house)
    for _ in range(6):
        await login(house.client, who, password="wrong password")
    assert (await login(house.client, who)).status_code == 429
    body = {"code": house.code(shown["secret"])}
    renewed = await house.client.post(f"{FACTOR}/disable", json=body, headers=headers(tokens))
    assert renewed.status_code == 204, renewed.text
    enrol = await house.client.post(FACTOR, json={"password": who.password}, headers=headers(tokens))
    assert enrol.status_code == 200, enrol.text


async def test_39_a_stolen_session_guesses_codes_slowly(house: House) -> None:
    _, _, tokens = await enrolled(house)
    body = {"code": "000000"}
    tries = [await house.client.post(f"{FACTOR}/disable", json=body, headers=headers(tokens)) for _ in range(6)]
    assert [one.status_code for one in tries][-1] == 429


async def test_a_challenge_works_once_and_for_five_minutes(house: House) -> None:
    who, shown, _ = await enrolled(house)
    token = await challenge(house, who)
    assert (await step(house, token, house.code(shown["secret"]))).status_code == 200
    house.clock.advance(timedelta(seconds=60))
    used = await step(house, token, house.code(shown["secret"]))
    assert (used.status_code, used.json()["code"]) == (401, "challenge-refused")
    token = await challenge(house, who)
    house.clock.advance(timedelta(minutes=5))
    assert (await step(house, token, house.code(shown["secret"]))).json()["code"] == "challenge-refused"


async def test_11_a_challenge_is_no_token_and_no_token_is_a_challenge(house: House) -> None:
    who, shown, tokens = await enrolled(house)
    token = await challenge(house, who)
    assert (await me(house.client, token)).status_code == 401
    assert (await refresh(house.client, token)).status_code == 401
    code = house.code(shown["secret"])
    for other in (tokens["access_token"], tokens["refresh_token"], "", "mlc_", "mlc_" + "A" * 64, "م" * 68):
        assert (await step(house, other, code)).status_code == 401


async def test_30_a_disabled_user_fails_the_second_step_too(house: House) -> None:
    who, shown, _ = await enrolled(house)
    token = await challenge(house, who)
    await disable(house.running, who)
    answer = await step(house, token, house.code(shown["secret"]))
    assert (answer.status_code, answer.json()["code"]) == (401, "login-refused")
    assert ("refused", {"by": "code,password", "reason": "disabled"}) in await audits(house.running, who, "auth.login")


async def test_a_challenge_dies_with_the_password(house: House) -> None:
    who, shown, _ = await enrolled(house)
    token = await challenge(house, who)
    async with system(house.running).transaction(frozenset({who.organization_id})) as transaction:
        await transaction.execute("UPDATE authlinc.user_account SET password_hash = password_hash || 'x'")
    assert (await step(house, token, house.code(shown["secret"]))).json()["code"] == "challenge-refused"


async def test_who_has_a_factor_cannot_be_given_another_at_sign_in(house: House) -> None:
    who, _, _ = await enrolled(house)
    token = await challenge(house, who)
    answer = await house.client.post(f"{STEP}/enrol", json={"challenge": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "challenge-refused")


async def test_an_administrator_takes_a_lost_factor_away(house: House) -> None:
    who, shown, tokens = await enrolled(house)
    boss = await account(house.running, "admin", home=who.organization_id)
    asked = (await login(house.client, boss)).json()["challenge"]
    secret = (await house.client.post(f"{STEP}/enrol", json={"challenge": asked})).json()["secret"]
    admin = headers((await step(house, asked, house.code(secret))).json())
    path = f"/api/v1/users/{ids.show('USR', who.user_id)}/second-factor"
    assert (await house.client.delete(path, headers=headers(tokens))).status_code == 403
    token = await challenge(house, who)
    assert (await house.client.delete(path, headers=admin)).status_code == 204
    assert (await me(house.client, tokens["access_token"])).status_code == 401
    assert (await step(house, token, house.code(shown["secret"]))).status_code == 401
    assert (await login(house.client, who)).json()["code"] == "second-factor-enrolment-required"
    assert (await house.client.delete(path, headers=admin)).status_code == 409
    assert await audits(house.running, who, "auth.factor.reset") == [("ok", {})]
    own = f"/api/v1/users/{ids.show('USR', boss.user_id)}/second-factor"
    assert (await house.client.delete(own, headers=admin)).json()["code"] == "own-second-factor"
    above = await account(house.running, "operator", home=who.organization_id)
    beyond = f"/api/v1/users/{ids.show('USR', above.user_id)}/second-factor"
    assert (await house.client.delete(beyond, headers=admin)).json()["code"] == "role-not-yours"
    stranger, _, _ = await enrolled(house)
    foreign = f"/api/v1/users/{ids.show('USR', stranger.user_id)}/second-factor"
    assert (await house.client.delete(foreign, headers=admin)).status_code == 404


async def test_the_alert_of_a_reset_is_an_event(house: House) -> None:
    who, _, _ = await enrolled(house)
    boss = await account(house.running, "admin", home=who.organization_id)
    from authlinc.service import second_factor

    ctx = acting(house, boss)
    await second_factor.reset(ctx, who.user_id)
    async with system(house.running).transaction(frozenset({who.organization_id})) as transaction:
        name = await transaction.fetchval(
            "SELECT name FROM masterlinc.event WHERE aggregate = $1 ORDER BY id DESC LIMIT 1", who.user_id
        )
    assert name == "authlinc.second_factor_reset.v1"


def acting(house: House, who: Account):
    from masterlinc.security.principal import Principal

    home = who.organization_id
    principal = Principal(
        who.user_id, home, frozenset({home}), frozenset({"admin"}), frozenset(), ids.new_id(), "user", house.clock.now()
    )
    return house.running.context("authlinc", principal)


async def test_secrets_and_codes_are_not_in_the_database(house: House) -> None:
    who, shown, _ = await enrolled(house)
    async with system(house.running).transaction(frozenset({who.organization_id})) as transaction:
        rows = await transaction.fetch("SELECT * FROM authlinc.second_factor, authlinc.recovery_code")
    assert len(rows) == 10
    stored = str([dict(row) for row in rows])
    assert shown["secret"] not in stored
    assert not any(code in stored for code in shown["recovery_codes"])


@given(st.text(max_size=80))
def test_what_is_typed_as_a_code_never_breaks(typed: str) -> None:
    plain = totp.plain_code(typed)
    assert plain == "" or len(plain) <= 18 * 64
    assert totp.matching_step("A" * 32, plain, datetime(2026, 3, 1, tzinfo=UTC)) is None or plain.isdigit()


def test_codes_are_read_as_people_type_them() -> None:
    assert totp.plain_code("١٢٣ ٤٥٦") == "123456"
    assert totp.plain_code("abcd-efgh") == "ABCDEFGH"
    assert totp.plain_code("oiL0") == "0110"
    read: Callable[[str], int | None] = lambda code: totp.matching_step("A" * 32, code, datetime.now(UTC))  # noqa: E731
    assert [read(code) for code in ("", "12345", "1234567", "12345a", "१२३४५६")] == [None] * 5


async def test_rubbish_bodies_are_refused(house: House) -> None:
    for body in ({}, {"challenge": "x"}, {"challenge": "x", "code": "1"}, {"challenge": 1, "code": "123456"}):
        assert (await house.client.post(STEP, json=body)).status_code == 422
    extra = {"challenge": "x", "code": "123456", "user_id": "USR-1"}
    assert (await house.client.post(STEP, json=extra)).status_code == 422


async def test_a_challenge_is_not_enough_for_another_organization(house: House) -> None:
    """The organization inside a token is only what the caller wrote: the digest covers it."""
    from authlinc.errors import ChallengeRefused
    from authlinc.service import opaque

    who, shown, _ = await enrolled(house)
    forged = opaque.new_token("mlc_", who.organization_id)
    with pytest.raises(ChallengeRefused):
        await challenges.answer(system(house.running), forged, house.code(shown["secret"]))
