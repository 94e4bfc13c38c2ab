"""A developer's own environment: what they install there stays there."""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PARENT = sysconfig.get_path("purelib")


@dataclass(frozen=True)
class Sandbox:
    """A virtual environment that sees what this one has, with the commands that a developer types."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a command; what it tells comes in one stream."""
        return subprocess.run(
            command,
            cwd=cwd,
            env=self.environment,
            text=True,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MASTERLINC as it is shipped."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def sandbox(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """An environment with the wheel, where packages are installed without touching this one."""
    folder = tmp_path_factory.mktemp("sandbox")
    venv.EnvBuilder(symlinks=True).create(folder / ".venv")
    binaries = folder / ".venv" / "bin"
    site = folder / ".venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "parent.pth").write_text(f"{PARENT}\n")  # what is installed there, but not the checkout
    for name in ("pytest", "pip"):
        script = binaries / name
        script.write_text(f'#!/bin/sh\nexec {binaries}/python -m {name} "$@"\n')
        script.chmod(0o755)
    for name in ("ruff", "mypy"):  # they read what is written and run nothing of it
        (binaries / name).symlink_to(BIN / name)
    left_out = ("MASTERLINC_", "PYTHONPATH")
    given = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    more = {"PATH": path, "VIRTUAL_ENV": str(folder / ".venv"), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    made = Sandbox(folder, given | more)
    done = made.run("pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", str(wheel), cwd=folder)
    assert done.returncode == 0, done.stdout
    return made
