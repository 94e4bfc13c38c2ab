"""What tokens and logins cost: verifying a token, new or seen before, and logins at a rate beside other requests.

Tokens are verified in this process. Logins go to a whole system on this machine, at a fixed rate whatever the answers
take; beside them one client asks for its patients, one request after the other, first alone and then with the logins.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.figures import times
from benchmarks.machine import machine
from benchmarks.system import PASSWORD, System, up
from masterlinc.clock import SystemClock
from masterlinc.demo import DOMAIN
from masterlinc.ids import new_id
from masterlinc.security import permissions
from masterlinc.security.keys import key_id
from masterlinc.security.revocation import Revocations
from masterlinc.security.tokens import Realm, SigningKey, Subject, TokenVerifier, issue
from masterlinc.settings import config_folder

RATE = 20  # logins a second
USERS = ("doctor", "nurse", "payer", "researcher")  # who signs in; the other requests are the billing officer's
_WARM_UP = 2.0
_ROUNDS = 5


def main() -> int:
    """Measure and print; returns 1 where a login failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.signing_in", description=__doc__)
    parser.add_argument("--short", action="store_true", help="5 seconds of logins")
    seconds = 5 if parser.parse_args().short else 20
    with tempfile.TemporaryDirectory(prefix="masterlinc-bench-") as folder:
        Path(folder).chmod(0o755)  # the database's account may be another
        with up(Path(folder) / "data") as system:
            system.settle()
            logins = asyncio.run(beside_logins(system, seconds))
    print(json.dumps({"machine": machine(), "verification": verification(), **logins}, indent=2))
    return int(logins["logins"]["failed"] > 0)


def verification(tokens: int = 2000) -> dict[str, float]:
    """Return the microseconds that a token takes, never seen before and seen before; the best of some rounds."""
    key = Ed25519PrivateKey.generate()
    realm, kid, clock = Realm("benchmark", "benchmark"), key_id(key), SystemClock()
    rbac = permissions.load(config_folder() / "rbac.toml")
    sent = [_token(SigningKey(kid, key), realm) for _ in range(tokens)]

    def verifier() -> TokenVerifier:
        made = TokenVerifier(realm, rbac, Revocations(), clock)
        made.trust({kid: key.public_key()})
        return made

    fresh, seen = [], []
    for _ in range(_ROUNDS):
        new = verifier()
        fresh.append(_each(new.verify, sent))
        seen.append(_each(new.verify, sent))
    return {"fresh_us": round(min(fresh), 1), "seen_before_us": round(min(seen), 2)}


async def beside_logins(system: System, seconds: int) -> dict[str, Any]:
    """Ask for patients alone, then beside logins at their rate."""
    bearer = {"Authorization": f"Bearer {await asyncio.to_thread(system.sign_in)}"}
    async with httpx.AsyncClient(base_url=system.base, timeout=30) as http:
        await _ask(http, bearer, _WARM_UP)
        alone = times(await _ask(http, bearer, seconds))
        asking = asyncio.create_task(_ask(http, bearer, seconds))
        answers = await _sign_in(http, seconds)
        beside = times(await asking)
    taken = [spent for spent, status in answers if status == httpx.codes.OK]
    refused = sum(status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE} for _, status in answers)
    return {
        "logins": {
            "per_second": RATE,
            "answered": len(taken),
            "refused": refused,
            "failed": len(answers) - len(taken) - refused,
            **times(taken),
        },
        "requests_alone": alone,
        "requests_beside": beside,
        "p99_grew": round(beside["p99_ms"] / max(alone["p99_ms"], 0.001), 2),
    }


async def _ask(http: httpx.AsyncClient, bearer: dict[str, str], seconds: float) -> list[float]:
    taken, until = [], time.perf_counter() + seconds
    while (begin := time.perf_counter()) < until:
        answer = await http.get("/api/v1/patients?page_size=20", headers=bearer)
        if not answer.is_success:
            raise SystemExit(f"a request was refused beside the logins: {answer.status_code} {answer.text}")
        taken.append(time.perf_counter() - begin)
    return taken


async def _sign_in(http: httpx.AsyncClient, seconds: int) -> list[tuple[float, int]]:
    async def once(number: int) -> tuple[float, int]:
        await asyncio.sleep(number / RATE)
        body = {"email": f"{USERS[number % len(USERS)]}@{DOMAIN}", "password": PASSWORD}
        begin = time.perf_counter()
        answer = await http.post("/api/v1/auth/login", json=body)
        return time.perf_counter() - begin, answer.status_code

    return await asyncio.gather(*(once(number) for number in range(seconds * RATE)))


def _token(key: SigningKey, realm: Realm) -> str:
    subject = Subject(new_id(), new_id(), new_id(), ("doctor", "billing"))
    return issue(key, realm, subject, now=datetime.now(UTC), life=timedelta(minutes=10))


def _each(verify: Callable[[str], object], tokens: list[str]) -> float:
    begin = time.perf_counter()
    for token in tokens:
        verify(token)
    return (time.perf_counter() - begin) * 1e6 / len(tokens)


if __name__ == "__main__":
    sys.exit(main())
