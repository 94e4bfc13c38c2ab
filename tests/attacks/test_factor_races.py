"""Attack cases 30, 31 and 39 together: who knows a password races its proof against guesses of the code."""

import asyncio
from datetime import UTC, datetime, timedelta

import pyotp
from accounts import account, login

from masterlinc.testing import FixedClock, RunApp, client_of

STEP = "/api/v1/auth/login/second-factor"
LIMIT = 5
ALONE = {name: {"enabled": False} for name in ("claimlinc", "doctorlinc", "nphieslinc", "policylinc", "sbslinc")}


async def test_case_039_the_password_buys_no_further_guesses_at_the_code(run_app: RunApp):
    """The first step takes its own try back: beside guesses it must not take theirs back too."""
    clock = FixedClock(datetime.now(UTC))
    running = await run_app(clock=clock, **ALONE, authlinc={"second_factor_by_role": True})
    async with client_of(running) as http:
        who = await account(running, "nurse")
        first = (await login(http, who)).json()["challenge"]
        secret = (await http.post(f"{STEP}/enrol", json={"challenge": first})).json()["secret"]
        body = {"challenge": first, "code": pyotp.TOTP(secret).at(clock.now())}
        assert (await http.post(STEP, json=body)).status_code == 200
        clock.advance(timedelta(minutes=5))
        challenge = (await login(http, who)).json()["challenge"]

        async def guess(number: int) -> str:
            answer = await http.post(STEP, json={"challenge": challenge, "code": f"{number:06}"})
            return answer.json()["code"]

        async def prove() -> str:
            return (await login(http, who)).json()["code"]

        evaluated = 0
        for round_ in range(10):
            answers = await asyncio.gather(
                *(one for number in range(8) for one in (prove(), guess(round_ * 8 + number), prove()))
            )
            evaluated += answers.count("code-refused")
            assert set(answers) <= {
                "second-factor-required",
                "code-refused",
                "login-paused",
                "unavailable",
                "too-busy",
            }, answers
    assert 1 <= evaluated <= LIMIT + 2
