"""`masterlinc start`, `status` and `stop`: what runs is left alone, what died is started again, faults are told."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import PASSWORD, free_port, new_folder

from masterlinc.cli import main

PATIENCE = 120
# As the first system had them; those that it did not have come after.
PORTS = {
    "masterlinc": 0,
    "claimlinc": 1,
    "doctorlinc": 2,
    "policylinc": 3,
    "nphieslinc": 4,
    "authlinc": 5,
    "auditlinc": 6,
    "sbslinc": 7,
}


class Commands:
    """The commands over one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data / "logs"

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Run a command; return its exit code and what it said. Only `start` needs a process, for its environment."""
        if words[0] != "start":
            said = io.StringIO()
            with redirect_stdout(said):
                return main([*words, "--data", str(self.data)]), said.getvalue()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
        settings = {"DEMO__PATIENTS": "10", "DEMO__CLAIMS": "0", "DEMO_PASSWORD": PASSWORD} | environment
        done = subprocess.run(
            [sys.executable, "-m", "masterlinc.cli", *words, "--data", str(self.data)],
            env=clean | {f"MASTERLINC_{name}": value for name, value in settings.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout.decode()

    def status(self) -> tuple[int, dict[str, Any]]:
        """Return the exit code of `status` and each process by its name."""
        code, said = self.run("status", "--json")
        return code, {one["name"]: one for one in json.loads(said)["processes"]}


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with new_folder() as folder:
        one = Commands(folder / "data")
        try:
            yield one
        finally:
            one.run("stop", "--seconds", "5")


def three_ports() -> int:
    """Return a port that is free, and so are those ten and twenty after it."""
    return free_together(10, 20)


def seven_ports() -> int:
    """Return a port that is free, and so are those of all agents after it."""
    return free_together(*PORTS.values())


def free_together(*after: int) -> int:
    while True:
        port = free_port()
        try:
            for other in after:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + other))
        except OSError:
            continue
        return port


def test_processes_are_started_shown_started_again_and_stopped(commands):
    port = three_ports()
    code, said = commands.run("status")
    assert (code, "nothing runs" in said, "لا شيء" in said) == (1, True, True)

    code, said = commands.run("start", "--replicas", "2", "--port", str(port))
    assert code == 0, said
    assert f"masterlinc-2 is ready at http://127.0.0.1:{port + 10}" in said
    assert "MASTERLINC is up  ·  ماسترلينك جاهز" in said
    assert PASSWORD in said
    for number in (port, port + 10):
        assert httpx.get(f"http://127.0.0.1:{number}/health/ready").status_code == 200

    code, states = commands.status()
    assert (code, set(states)) == (0, {"database", "masterlinc", "masterlinc-2"})
    two = states["masterlinc-2"]
    assert (two["health"], two["port"], two["draining"]) == ("ready", port + 10, False)
    assert two["beat_seconds"] < 6
    assert "claimlinc" in two["agents"]
    code, said = commands.run("start", "--topology", "per-agent")
    assert (code, "stop them first" in said) == (1, True)

    os.kill(two["pid"], signal.SIGKILL)
    code, states = commands.status()
    assert (code, states["masterlinc-2"]["health"], states["masterlinc"]["health"]) == (1, "down", "ready")
    code, said = commands.run("start")
    assert (code, "masterlinc-2 had died" in said, said.count("runs already")) == (0, True, 2), said
    code, states = commands.status()
    assert (code, states["masterlinc-2"]["pid"] != two["pid"]) == (0, True)

    code, said = commands.run("stop")
    assert code == 0, said
    assert [line.split("  ")[-3].strip() for line in said.splitlines()] == [
        "masterlinc-2 stopped",
        "masterlinc stopped",
        "database stopped",
    ]
    assert commands.status() == (1, {})


def test_each_agent_gets_a_process_on_the_port_of_the_first_system(commands):
    port = seven_ports()
    code, said = commands.run("start", "--topology", "per-agent", "--port", str(port))
    assert code == 0, said
    code, states = commands.status()
    assert code == 0, states
    served = {name: (one["port"] - port, one["health"]) for name, one in states.items() if name != "database"}
    assert served == {name: (number, "ready") for name, number in PORTS.items() if name in served}
    assert set(served) >= {"masterlinc", "claimlinc", "doctorlinc", "policylinc", "authlinc"}

    def url(agent: str) -> str:
        return f"http://127.0.0.1:{port + PORTS[agent]}/api/v1"

    signed_in = httpx.post(
        f"{url('authlinc')}/auth/login",
        json={"email": "admin@demo.masterlinc.test", "password": PASSWORD},
    )
    assert signed_in.status_code == 200, signed_in.text
    token = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    claims = httpx.get(f"{url('claimlinc')}/claims", headers=token)
    assert claims.status_code == 200, claims.text
    elsewhere = httpx.get(f"{url('policylinc')}/claims", headers=token)
    assert elsewhere.status_code == 404, "a process has the routes of its own agent only"
    agents = httpx.get(f"{url('masterlinc')}/agents", headers=token).json()["agents"]
    assert {"ClaimLinc", "PolicyLinc"} <= {one["name"] for one in agents}

    code, said = commands.run("stop")
    assert code == 0, said
    assert said.splitlines()[-1].split("  ")[-3].strip() == "database stopped"
    assert commands.status() == (1, {})


def test_a_process_that_does_not_get_ready_is_told_with_the_end_of_its_log(commands):
    code, said = commands.run("start", "--no-demo", "--port", str(free_port()), SECURITY__RBAC="nothing.toml")
    assert code == 1
    assert "masterlinc ended; " in said
    assert "masterlinc.log ends with:" in said
    assert "nothing.toml" in said
    assert commands.run("stop")[0] == 0


def test_a_port_in_use_is_told_before_anything_is_started(commands):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = commands.run("start", "--port", str(taken.getsockname()[1]))
    assert (code, "is in use" in said) == (1, True)
    assert commands.status() == (1, {})


def test_a_folder_that_holds_other_files_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    code, said = Commands(tmp_path).run("start", "--port", str(free_port()))
    assert (code, "holds other files" in said) == (1, True)
    assert {path.name for path in tmp_path.iterdir()} == {"letter.txt"}
