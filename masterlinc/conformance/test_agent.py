"""The tests that an agent's own CI runs: every rule of the kernel, over every agent of the project."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from masterlinc.conformance import rules
from masterlinc.conformance.migrations import Stored
from masterlinc.conformance.rules import DatabaseRule, RunningRule, StaticRule
from masterlinc.conformance.running import System
from masterlinc.conformance.subject import Subject


def _each(found: Iterable[Callable[..., Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.__name__) for rule in found])


def test_the_kernel_takes_it(conforming_or_not: Subject | str) -> None:
    """The agent is installed, fits this kernel and has a name that the kernel takes."""
    if isinstance(conforming_or_not, str):
        pytest.fail(conforming_or_not, pytrace=False)


@_each(rules.STATIC)
def test_it_is_written_as_it_should_be(rule: StaticRule, conforming_agent: Subject) -> None:
    """What it declares and what its source says."""
    _tell(conforming_agent, rule, list(rule(conforming_agent)))


def test_its_migrations_run(conforming_tables_or_not: Stored | str) -> None:
    """Its migrations run on a database that has the tables of the kernel and of what it needs."""
    if isinstance(conforming_tables_or_not, str):
        pytest.fail(conforming_tables_or_not, pytrace=False)


@_each(rules.DATABASE)
@pytest.mark.asyncio(loop_scope="session")
async def test_its_tables_are_as_they_should_be(rule: DatabaseRule, conforming_tables: Stored) -> None:
    """What its migrations leave in the database."""
    _tell(conforming_tables.subject, rule, [fault async for fault in rule(conforming_tables)])


@_each(rules.RUNNING)
@pytest.mark.asyncio(loop_scope="session")
async def test_it_runs_as_it_should(rule: RunningRule, conforming_system: System) -> None:
    """The whole application with the agent, and without it."""
    _tell(conforming_system.subject, rule, [fault async for fault in rule(conforming_system)])


def _tell(subject: Subject, rule: Callable[..., Any], faults: list[str]) -> None:
    if faults:
        lines = "".join(f"\n  - {fault}" for fault in faults)
        pytest.fail(f"{subject.name} breaks a rule. {(rule.__doc__ or '').strip()}{lines}", pytrace=False)
