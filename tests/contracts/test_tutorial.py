"""docs/tutorial.md: every block is pasted into a shell or a file, in its order, and tells what the page says."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w./]+\.(?:py|toml))")
SECONDS = 240
UP = "masterlinc up\n"


@dataclass
class Step:
    """What is pasted, where it goes, and what it has to tell."""

    script: str
    told: list[str] = field(default_factory=list)


def steps() -> list[Step]:
    """The blocks of the page as shell scripts."""
    found: list[Step] = []
    for language, block in FENCE.findall(PAGE.read_text(encoding="utf-8")):
        first, _, rest = block.partition("\n")
        if language == "bash":
            found.append(Step(block))
        elif language == "text":
            found[-1].told += block.splitlines()
        else:
            name = FILE.fullmatch(first)
            assert name, f"a block of {language} begins with the name of its file: {first}"
            found.append(Step(f"cat > {name[1]} <<'THE_END_OF_THE_FILE'\n{rest}THE_END_OF_THE_FILE\n"))
    return found


@dataclass
class Terminal:
    """A shell that remembers where it was and what was exported, as a reader's does."""

    folder: Path
    environment: dict[str, str]

    def paste(self, script: str) -> str:
        """Run a block; returns what it tells."""
        state = self.folder / "state"
        before = f". {state}\n" if state.is_file() else ""
        after = f'\n{{ export -p; printf "cd %q\\n" "$PWD"; }} > {state}\n'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{before}{script}{after}"],
            cwd=self.folder / "masterlinc",
            env=self.environment,
            text=True,
            timeout=SECONDS,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    def values(self) -> dict[str, str]:
        """What the shell has exported by now."""
        lines = subprocess.run(
            ["bash", "-c", f". {self.folder / 'state'} && env -0"],
            env=self.environment,
            capture_output=True,
            check=True,
        )
        return dict(line.split("=", 1) for line in lines.stdout.decode().split("\0") if "=" in line)


@pytest.fixture
def terminal(sandbox) -> Iterator[Terminal]:
    """A reader's terminal in a checkout, whose virtual environment is one of its own."""
    if shutil.which("curl") is None:
        pytest.skip("the tutorial needs curl")
    folder = Path(tempfile.mkdtemp(prefix="tutorial-"))
    folder.chmod(0o711)  # where we are root, the database server's account passes through
    checkout = folder / "masterlinc"
    checkout.mkdir()
    (checkout / ".venv").symlink_to(sandbox.folder / ".venv")
    (checkout / "config").symlink_to(ROOT / "config")
    plain = {name: value for name, value in sandbox.environment.items() if name not in {"PATH", "VIRTUAL_ENV"}}
    yield Terminal(folder, plain | {"PATH": os.environ["PATH"]})
    sandbox.run("pip", "uninstall", "--quiet", "--yes", "masterlinc-waitlinc", cwd=folder)
    shutil.rmtree(folder)


def test_every_block_does_what_the_page_says(terminal, sandbox):
    server: subprocess.Popen[bytes] | None = None
    try:
        for step in steps():
            if step.script.endswith(UP):
                terminal.paste(step.script.removesuffix(UP))
                server = start(terminal)
                continue
            told = terminal.paste(step.script)
            assert [line for line in step.told if line not in told] == [], f"{step.script}\n{told}"
        assert server is not None
        found = sandbox.run(
            "ruff",
            "check",
            "--select",
            "E,F,I,UP,B",
            "--ignore",
            "F403",
            "--line-length",
            "120",
            ".",
            cwd=terminal.folder / "waitlinc",
        )
        assert found.returncode == 0, found.stdout
    finally:
        if server is not None:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)
    assert server.returncode == 0


def start(terminal: Terminal) -> subprocess.Popen[bytes]:
    """Start the system in the terminal's folder, on a port of its own; returns when it is up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = terminal.values()
    server = subprocess.Popen(
        ["masterlinc", "up", "--port", str(port)],
        cwd=values["PWD"],
        env=values,
        executable=shutil.which("masterlinc", path=values["PATH"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    limit = threading.Timer(SECONDS, server.kill)
    limit.start()
    told = []
    assert server.stdout is not None
    for line in server.stdout:
        told.append(line.decode())
        if "MASTERLINC is up" in told[-1]:
            break
    limit.cancel()
    assert "MASTERLINC is up" in "".join(told[-1:]), "".join(told)
    terminal.environment["MASTERLINC_URL"] = f"http://127.0.0.1:{port}"
    return server


def test_the_page_shows_every_part_of_an_agent():
    shown = "".join(step.script for step in steps())
    parts = ("publishes=", "subscribes=", "tasks=", "workflows=", "permissions=", "config=", "routers=", "migrations=")
    assert [part for part in parts if part not in shown] == []
    assert [word for word in ("masterlinc agents", "pytest -q", UP.strip()) if word not in shown] == []
