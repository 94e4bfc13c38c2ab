"""The commands that make the first organization and user of a system without demo data."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from accounts import ALONE, account, login, me

from masterlinc.security.watch import refresh as look
from masterlinc.testing import MASTER_KEY, DatabaseUrls, FixedClock, NewDatabase, RunApp, client_of

HOSPITAL = ("add-organization", "N-F-77001", "--kind", "provider", "--name", "A Hospital", "--name-ar", "مستشفى")
CLERK = ("--license", "N-F-77001", "--role", "billing", "--name", "A Clerk", "--name-ar", "موظفة")


async def command(urls: DatabaseUrls, *words: str, typed: str = "") -> tuple[int | None, str, str]:
    """Run `masterlinc` as an operator would; its exit code, output and complaints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
    settings = {"DATABASE__URL": urls.app, "SECURITY__MASTER_KEY": MASTER_KEY, "NPHIESLINC__HUB": "simulator"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "masterlinc.cli", *words),
        env=clean | {f"MASTERLINC_{name}": value for name, value in settings.items()},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate(f"{typed}\n".encode())
    return process.returncode, out.decode().strip(), err.decode().strip()


async def test_the_first_user_of_an_empty_system_can_sign_in(new_database: NewDatabase, run_app: RunApp) -> None:
    urls = await new_database()
    code, made, complaint = await command(urls, *HOSPITAL)
    assert (code, complaint) == (0, "")
    assert made.startswith("ORG-")
    password = "a password of the first user"
    code, made, complaint = await command(urls, "add-user", "clerk@hospital.test", *CLERK, typed=password)
    assert (code, complaint) == (0, "")
    assert made.startswith("USR-")
    async with client_of(await run_app(urls)) as http:
        answer = await http.post("/api/v1/auth/login", json={"email": "clerk@hospital.test", "password": password})
    assert answer.status_code == 200
    assert (answer.json()["user_id"], answer.json()["roles"]) == (made, ["billing"])


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (("add-user", "a@b.test", *CLERK), "long enough to be taken", "add-organization"),
        (("add-organization", "", "--kind", "payer", "--name", "P", "--name-ar", "ش"), "", "masterlinc:"),
    ],
)
async def test_a_refusal_is_one_line(new_database: NewDatabase, words: tuple[str, ...], typed: str, told: str) -> None:
    code, out, complaint = await command(await new_database(), *words, typed=typed)
    assert (code, out, complaint.count("\n")) == (1, "", 0), complaint
    assert told in complaint


async def test_what_is_there_already_and_what_is_unknown_is_refused(new_database: NewDatabase) -> None:
    urls = await new_database()
    assert (await command(urls, *HOSPITAL))[0] == 0
    code, _, complaint = await command(urls, *HOSPITAL)
    assert (code, complaint.count("\n")) == (1, 0), complaint
    unknown = ("--license", "N-F-77001", "--role", "wizard", "--name", "A", "--name-ar", "أ")
    code, _, complaint = await command(urls, "add-user", "a@b.test", *unknown, typed="long enough to be taken")
    assert code == 1
    assert "roles" in complaint


async def test_19_the_signing_key_is_rotated_while_processes_serve(new_database: NewDatabase, run_app: RunApp) -> None:
    urls = await new_database()
    clock = FixedClock(datetime.now(UTC))
    running = await run_app(urls, clock=clock, **ALONE)
    kernel = running.services
    async with client_of(running) as http:
        who = await account(running)
        old = (await login(http, who)).json()["access_token"]
        code, kid, complaint = await command(urls, "rotate-signing-key")
        assert (code, complaint) == (0, "")
        assert kid != jwt.get_unverified_header(old)["kid"]
        await look(kernel.db, kernel.verifier, kernel.revocations, kernel.clock)  # what happens every second
        published = {key["kid"] for key in (await http.get("/.well-known/jwks.json")).json()["keys"]}
        assert {kid, jwt.get_unverified_header(old)["kid"]} <= published
        assert (await me(http, old)).status_code == 200
        clock.advance(timedelta(minutes=2))  # everybody knows the new one by then
        new = (await login(http, who)).json()["access_token"]
        assert jwt.get_unverified_header(new)["kid"] == kid
        assert [(await me(http, token)).status_code for token in (old, new)] == [200, 200]
        clock.advance(timedelta(minutes=70))  # longer than any token of the old key
        await look(kernel.db, kernel.verifier, kernel.revocations, kernel.clock)
        assert jwt.get_unverified_header(old)["kid"] not in kernel.verifier.keys
        assert (await login(http, who)).status_code == 200
        for _ in range(3):  # as often as one likes
            assert (await command(urls, "rotate-signing-key"))[0] == 0
