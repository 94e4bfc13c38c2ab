"""The kit itself: agents with one fault each, and exactly the rule that is meant catches it."""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest
from conformance_faults import RUN, STORED, WRITTEN, Fault

from masterlinc.agent import Agent
from masterlinc.authoring.scaffold import named, rendered, right_of, write
from masterlinc.conformance import rules
from masterlinc.conformance.databases import stored
from masterlinc.conformance.running import System
from masterlinc.conformance.subject import Allowed, Subject, allowances, subject_of
from masterlinc.registry import GROUP, Skipped, discover
from masterlinc.testing import settings_for

FAULTS = (*WRITTEN, *STORED, *RUN)
BUILT_IN = discover()[0]


@contextmanager
def subject_with(fault: Fault | None, folder: Path, name: str) -> Iterator[Subject]:
    """A new agent with a fault in it, as the kernel would load it."""
    words = {"NAME": name, "RIGHT": right_of(name)}

    def filled(text: str) -> str:
        return re.sub("NAME|RIGHT", lambda found: words[found[0]], text)

    files = {path.as_posix(): text for path, text in rendered(named(name)).items()}
    for file, old, new in fault.edits if fault else ():
        assert files[f"{name}/{file}"].count(filled(old)) >= 1, (file, old)
        files[f"{name}/{file}"] = files[f"{name}/{file}"].replace(filled(old), filled(new), 1)
    for file, text in (fault.files if fault else {}).items():
        files.pop(filled(file), None)
        if text is not None:
            files[filled(file)] = filled(text)
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    agents = sorted({file.partition("/")[0] for file in files if file.endswith("/agent.py")})
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    try:
        found, skipped = discover([EntryPoint(one, f"{one}.agent:agent", GROUP) for one in agents])
        assert skipped == []
        subject = subject_of(
            name, [*BUILT_IN, *found], [], folder, Allowed(open_tables=fault.open_tables if fault else {})
        )
        assert isinstance(subject, Subject)
        yield subject
    finally:
        sys.path.remove(str(folder))
        for module in [one for one in sys.modules if one.partition(".")[0] in agents]:
            del sys.modules[module]


async def caught(subject: Subject, databases) -> dict[str, list[str]]:
    """What every rule says, by its name: those of the database and of the running system once the others are kept."""
    found = {rule.__name__: list(rule(subject)) for rule in rules.STATIC}
    if any(found.values()):
        return {name: faults for name, faults in found.items() if faults}
    async with stored(databases, subject) as tables:
        assert not isinstance(tables, str), tables
        for rule in rules.DATABASE:
            found[rule.__name__] = [fault async for fault in rule(tables)]
        if not any(found.values()):
            system = System(subject, lambda: settings_for(tables.urls), tables.owner)
            for rule in rules.RUNNING:
                found[rule.__name__] = [fault async for fault in rule(system)]
    return {name: faults for name, faults in found.items() if faults}


def test_every_rule_has_a_fault_that_it_catches_or_cannot_be_broken_by_an_agent():
    names = {rule.__name__ for rule in (*rules.STATIC, *rules.DATABASE, *rules.RUNNING)}
    assert {fault.rule for fault in FAULTS} <= names
    assert names - {fault.rule for fault in FAULTS} == {"its_migrations_run_once"}  # the runner remembers them by name


def test_every_rule_says_what_it_is_for():
    for rule in (*rules.STATIC, *rules.DATABASE, *rules.RUNNING):
        assert rule.__doc__
        assert rule.__doc__.strip().endswith(".")


async def test_a_new_agent_breaks_none(tmp_path, conforming_databases):
    with subject_with(None, tmp_path, "soundlinc") as subject:
        assert await caught(subject, conforming_databases) == {}


@pytest.mark.parametrize(
    "number", range(len(FAULTS)), ids=[f"{one.rule}-{number}" for number, one in enumerate(FAULTS)]
)
async def test_exactly_one_rule_catches_a_fault_and_says_what_to_change(tmp_path, conforming_databases, number):
    fault, name = FAULTS[number], f"faulty{number}"
    with subject_with(fault, tmp_path, name) as subject:
        found = await caught(subject, conforming_databases)
    assert list(found) == [fault.rule], found
    assert fault.says.replace("NAME", name) in " ".join(found[fault.rule])


async def test_a_migration_that_fails_is_named(tmp_path, conforming_databases):
    fault = Fault("", "", (("migrations/0001_notes.py", "status text", "status txt"),))
    with subject_with(fault, tmp_path, "failinglinc") as subject:
        async with stored(conforming_databases, subject) as tables:
            assert isinstance(tables, str)
    assert tables.startswith("failinglinc/0001_notes fails on a database of the kernel's tables: ")
    assert "txt" in tables


def test_an_agent_that_the_kernel_does_not_take_is_told_why():
    agent = Agent("nolinc", "NoLinc", "لا", "1.0.0", ">=0.1")
    told = [
        subject_of("nolinc", [], [Skipped("nolinc", "it works with kernel >=9, this is 0.1")], Path()),
        subject_of("nolinc", BUILT_IN, [], Path()),
        subject_of("nolinc", [agent], [], Path()),
    ]
    assert [one for one in told if not isinstance(one, str)] == []
    words = ("it works with kernel >=9", "no agent nolinc is installed", "call the package nolinc")
    assert [word in one for word, one in zip(words, told, strict=True)] == [True] * 3


def test_an_exception_that_is_not_known_or_not_needed_is_told():
    with pytest.raises(msgspec.ValidationError, match="opentables"):
        allowances({"tool": {"masterlinc": {"conformance": {"a": {"opentables": {}}}}}}, "a")
    assert allowances({}, "a") == Allowed()


async def test_an_exception_that_is_not_needed_is_a_fault(tmp_path, conforming_databases):
    with subject_with(Fault("", "", open_tables={"note": "why not"}), tmp_path, "laxlinc") as subject:
        found = await caught(subject, conforming_databases)
    assert found == {"its_tables_are_secured": ["open_tables.note excuses a table that needs it not: take it out"]}


def test_pytest_shows_the_rule_the_fault_and_no_trace_and_starts_nothing(tmp_path, sandbox):
    folder = tmp_path / "agent"
    write(named("pay3_linc"), folder)
    routes = folder / "pay3_linc/routes.py"
    routes.write_text(routes.read_text(encoding="utf-8").replace(', summary="List notes"', ""), encoding="utf-8")
    pip = ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    assert sandbox.run(*pip, "--editable", ".", cwd=folder).returncode == 0
    try:
        done = sandbox.run("pytest", "-q", "-rs", "tests/test_conformance.py", cwd=folder)
        nothing = sandbox.run("pytest", "-p", "masterlinc.testing", "--pyargs", "masterlinc.conformance", cwd=tmp_path)
    finally:
        sandbox.run("pip", "uninstall", "--quiet", "--yes", "masterlinc-pay3_linc", cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "pay3_linc breaks a rule. Every route has a summary for the API document." in done.stdout
    assert '  - route GET /api/v1/pay3_linc/notes has no summary: write summary="List the notes"' in done.stdout
    assert "Traceback" not in done.stdout
    assert re.search(r"^1 failed, \d+ passed, 3 skipped in", done.stdout, re.MULTILINE), done.stdout
    assert "the application is started once the other rules are kept" in done.stdout
    assert nothing.returncode != 0
    assert "choose one with --agent NAME" in nothing.stdout
