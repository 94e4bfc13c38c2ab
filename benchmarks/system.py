"""A whole system for a benchmark: `masterlinc up` with demo data in a folder of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks import processes
from masterlinc.agent import DemoPerson
from masterlinc.demo.population import people
from masterlinc.settings import DemoSettings

PASSWORD = "for benchmarks only"  # of made-up users in a database that is thrown away
USER = "billing@demo.masterlinc.test"
# Hundreds of clients here are one user at one address: limits are counted as ever, and never reached.
UNLIMITED = {f"MASTERLINC_LIMITS__{name}": "1000000000" for name in ("USER", "KEY", "ADDRESS")}
_START_SECONDS = 180.0
_QUIET_SECONDS = 900.0


@dataclass(frozen=True)
class System:
    """A running system."""

    base: str
    pid: int
    started_seconds: float

    def sign_in(self) -> str:
        """Return an access token of the demo's billing officer."""
        body = {"email": USER, "password": PASSWORD}
        return str(_ok(httpx.post(f"{self.base}/api/v1/auth/login", json=body))["access_token"])

    def subjects(self, token: str) -> list[dict[str, str]]:
        """Return the insured patients of the officer's hospital: what to look up, to validate and to bill for."""
        records = {person.record_number: person for person in people(DemoSettings().seed, DemoSettings().patients)}
        found, page = [], 1
        while rows := self._get(f"/api/v1/patients?page_size=100&page={page}", token)["patients"]:
            found += [
                _subject(row, records[number]) for row in rows if (number := row["medical_record_number"]) in records
            ]
            page += 1
        return found

    def provider(self, token: str) -> str:
        """Return the officer's hospital."""
        return str(self._get("/api/v1/auth/me", token)["organization_id"])

    def settle(self) -> float:
        """Wait until the system has done what was left to do; returns how long that took."""
        begin = time.monotonic()
        while time.monotonic() - begin < _QUIET_SECONDS:
            before = processes.busy(self.pid)
            time.sleep(1)
            if processes.busy(self.pid) - before < 0.1:
                break
        return time.monotonic() - begin - 1

    def _get(self, path: str, token: str) -> dict[str, Any]:
        return _ok(httpx.get(f"{self.base}{path}", headers={"Authorization": f"Bearer {token}"}))


@contextlib.contextmanager
def up(data: Path) -> Iterator[System]:
    """Start the system over a data folder, and stop it."""
    port = _free_port()
    begin = time.monotonic()
    with (data.parent / "up.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "masterlinc.cli", "up", "--port", str(port), "--data", str(data)],
            stdout=log,
            stderr=log,
            env=os.environ | UNLIMITED | {"MASTERLINC_DEMO_PASSWORD": PASSWORD},
        )
        try:
            base = f"http://127.0.0.1:{port}"
            _wait(base, child, data.parent / "up.log")
            yield System(base, child.pid, time.monotonic() - begin)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)


def today() -> str:
    """Return the day on which services are billed."""
    return datetime.now(UTC).date().isoformat()


def _subject(row: dict[str, str], person: DemoPerson) -> dict[str, str]:
    return {
        "patient_id": row["patient_id"],
        "policy_number": person.policy_number,
        "member_number": person.member_number,
    }


def _wait(base: str, child: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and child.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{base}/health/ready").is_success:
                return
        time.sleep(0.05)
    raise SystemExit(f"the system does not start:\n{log.read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ok(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise SystemExit(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found
