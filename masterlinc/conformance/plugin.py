"""What pytest needs for the rules: which agents are looked at, their tables, the application with them."""

import tomllib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
import pytest
import pytest_asyncio

from masterlinc.conformance.databases import Databases, stored
from masterlinc.conformance.migrations import Stored
from masterlinc.conformance.rules import broken
from masterlinc.conformance.running import System
from masterlinc.conformance.subject import Subject, allowances, subject_of
from masterlinc.db.embedded import EmbeddedPostgres
from masterlinc.registry import GROUP, discover
from masterlinc.testing import settings_for

T = TypeVar("T")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names an agent."""
    parser.addoption(
        "--agent",
        action="append",
        default=[],
        help="an agent that masterlinc.conformance looks at (default: those of the project's pyproject.toml)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Look at every chosen agent in turn."""
    if "conforming" in metafunc.fixturenames:
        metafunc.parametrize("conforming", _chosen(metafunc.config), scope="session")


@pytest.fixture(scope="session")
def conforming_or_not(conforming: str, pytestconfig: pytest.Config) -> Subject | str:
    """The agent that is looked at, or why the kernel does not take it."""
    try:
        allowed = allowances(_project(pytestconfig), conforming)
    except msgspec.ValidationError as fault:
        raise pytest.UsageError(f"pyproject.toml: [tool.masterlinc.conformance.{conforming}]: {fault}") from None
    return subject_of(conforming, *discover(), pytestconfig.rootpath, allowed)


@pytest.fixture(scope="session")
def conforming_agent(conforming_or_not: Subject | str) -> Subject:
    """The agent that is looked at."""
    return _or_skip(conforming_or_not)


@pytest.fixture(scope="session")
def conforming_databases(postgres: EmbeddedPostgres) -> Databases:
    """The databases of this test run that the rules look at."""
    return Databases(postgres)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def conforming_tables_or_not(
    conforming_agent: Subject, conforming_databases: Databases
) -> AsyncIterator[Stored | str]:
    """The agent's tables, or why its migrations do not run."""
    async with stored(conforming_databases, conforming_agent) as found:
        yield found


@pytest.fixture(scope="session")
def conforming_tables(conforming_tables_or_not: Stored | str) -> Stored:
    """The agent's tables."""
    return _or_skip(conforming_tables_or_not)


@pytest.fixture(scope="session")
def conforming_system(conforming_tables: Stored) -> System:
    """How the application is started with the agent and without it; not before it is written as it should be."""
    if broken(conforming_tables.subject):
        pytest.skip("the application is started once the other rules are kept")
    tables = conforming_tables
    return System(tables.subject, lambda: settings_for(tables.urls), tables.owner)


def _chosen(config: pytest.Config) -> list[str]:
    points = _project(config).get("project", {}).get("entry-points", {}).get(GROUP, {})
    names = config.getoption("--agent") or sorted(points)
    if not names:
        raise pytest.UsageError(
            f'which agent? {config.rootpath}/pyproject.toml has no [project.entry-points."{GROUP}"]; '
            "choose one with --agent NAME"
        )
    return list(names)


def _project(config: pytest.Config) -> dict[str, Any]:
    path = config.rootpath / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _or_skip(found: T | str) -> T:
    if isinstance(found, str):
        pytest.skip(found)
    return found
