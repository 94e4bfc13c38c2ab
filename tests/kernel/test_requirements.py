import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FILES = ("run", "tools", "dev", "build", "bench")


def locked(name):
    """Return the pinned versions of a requirements file, each with the number of its hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    pins = {}
    for line in text.splitlines():
        found = re.match(r"([a-z0-9.-]+)(\[[a-z,]+\])?==(\S+)", line)
        if found:
            pins[found[1]] = (found[3], line.count("--hash=sha256:"))
        else:
            assert not line.strip() or line.lstrip().startswith("#"), line
    return pins


def asked(*extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "extras"),
    [("run", ("embedded",)), ("tools", ("embedded", "tools")), ("dev", ("embedded", "tools", "vault", "dev"))],
)
def test_what_the_project_asks_for_is_locked(name, extras):
    pins = locked(name)
    for requirement in asked(*extras):
        version, _ = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement


@pytest.mark.parametrize("name", FILES)
def test_everything_is_hashed(name):
    assert all(hashes for _, hashes in locked(name).values())


def test_the_files_agree():
    dev = locked("dev")
    for name in ("run", "tools", "build", "bench"):
        for package, pin in locked(name).items():
            assert dev.get(package, pin) == pin


def test_the_build_is_locked_to_what_pyproject_asks_for():
    (wanted,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert wanted in (ROOT / "requirements" / "build.in").read_text()
