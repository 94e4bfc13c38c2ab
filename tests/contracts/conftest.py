"""A developer's own environment: what they install there stays there."""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

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
            command, cwd=cwd, env=self.environment, text=True, check=False, stdout=subprocess.PIPE, stderr=-2
        )


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """An environment of its own, where packages are installed without touching this one."""
    folder = tmp_path_factory.mktemp("sandbox")
    folder.parent.chmod(0o711)  # where we are root, the database server's account passes through
    venv.EnvBuilder(symlinks=True).create(folder / ".venv")
    binaries = folder / ".venv" / "bin"
    site = folder / ".venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (site / "parent.pth").write_text(f"import site; site.addsitedir({PARENT!r})\n")
    for name, module in {"masterlinc": "masterlinc.cli", "pytest": "pytest", "pip": "pip"}.items():
        script = binaries / name
        script.write_text(f'#!/bin/sh\nexec {binaries}/python -m {module} "$@"\n')
        script.chmod(0o755)
    for name in ("ruff", "mypy"):  # they read what is written and run nothing of it
        (binaries / name).symlink_to(BIN / name)
    given = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    return Sandbox(
        folder, given | {"PATH": path, "VIRTUAL_ENV": str(folder / ".venv"), "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    )
