"""Who imports whom: import-linter's rules hold and each catches what it is for; agents declare what they import."""

import asyncio
import os
import shutil
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import grimp
import pytest

from masterlinc.registry import GROUP, discover

ROOT = Path(__file__).parents[2]
AGENTS = sorted(point.name for point in entry_points(group=GROUP) if point.dist.name == "masterlinc")
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CONTRACTS = {contract["name"]: contract for contract in LINTER["contracts"]}

# One violation for each contract: where it is planted, and what.
PLANTED = {
    "The kernel imports no agent": ("masterlinc/clock.py", "import sbslinc.contract"),
    "An agent sees of another only its contract, and only of those that it requires": (
        "plugins/sbslinc/systems.py",
        "import policylinc.contract",
    ),
    "Layers inside an agent": ("plugins/sbslinc/schemas.py", "import sbslinc.queries"),
    "A contract is data": ("plugins/sbslinc/contract.py", "import asyncpg"),
    "The database, events and workflows know no HTTP": ("masterlinc/db/ddl.py", "import litestar"),
    "No cycles between siblings": ("masterlinc/errors.py", "import masterlinc.ids"),
    "What verifies the audit shares no code with what seals it": (
        "masterlinc/audit/verification/report.py",
        "import masterlinc.audit.format",
    ),
}


async def lint(folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LINT, "--no-cache"),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}:{folder / 'plugins'}", "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source, to plant violations in."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("masterlinc", "plugins"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def graph() -> Any:
    """Every import of the kernel and of the agents."""
    packages = ["masterlinc", *AGENTS]
    return grimp.build_graph(
        *packages, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


async def test_the_rules_hold(copy):
    code, out = await lint(copy)
    assert code == 0, out
    assert f"{len(CONTRACTS)} kept, 0 broken" in out


def test_every_rule_has_a_planted_violation():
    assert set(PLANTED) == set(CONTRACTS)


@pytest.mark.parametrize("contract", PLANTED)
async def test_a_planted_violation_is_caught(copy, contract):
    name, line = PLANTED[contract]
    file = copy / name
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}\n{line}\n", encoding="utf-8")
    try:
        code, out = await lint(copy)
    finally:
        file.write_text(before, encoding="utf-8")
    assert code == 1, out
    assert f"{contract} BROKEN" in out


def test_the_rules_name_every_agent():
    assert sorted(LINTER["root_packages"]) == sorted(["masterlinc", *AGENTS])
    assert sorted(CONTRACTS["The kernel imports no agent"]["forbidden_modules"]) == AGENTS
    assert sorted(CONTRACTS["Layers inside an agent"]["containers"]) == AGENTS
    assert sorted(CONTRACTS["No cycles between siblings"]["ancestors"]) == sorted(["masterlinc", *AGENTS])


def test_the_pairs_are_those_that_the_agents_declare():
    rule = CONTRACTS["An agent sees of another only its contract, and only of those that it requires"]
    declared = [
        f"{agent.name}.** -> {other}.contract"
        for agent in discover()[0]
        for other in sorted({*agent.requires, *agent.optional})
        if agent.name in AGENTS
    ]
    assert sorted(rule["modules"]) == AGENTS
    assert rule["ignore_imports"] == declared


def test_only_what_holds_queries_knows_piccolo(graph):
    knowing = {
        module
        for package in ["masterlinc", *AGENTS]
        for module in {package, *graph.find_descendants(package)}
        if "piccolo" in graph.find_modules_directly_imported_by(module)
    }
    querying = {module for module in knowing if module.split(".")[1] in {"tables", "queries", "service"}}
    knowing -= {"masterlinc.conformance.piccolo_tables"}  # compares them with the migrations
    assert knowing - querying == {"masterlinc.db.ddl", "masterlinc.db.engine"}


def test_nothing_that_is_served_stands_on_the_test_fixtures(graph):
    kit = {"masterlinc.conformance", *graph.find_descendants("masterlinc.conformance")}
    assert graph.find_modules_that_directly_import("masterlinc.testing") - kit == set()
    assert {one for module in kit for one in graph.find_modules_that_directly_import(module)} - kit == set()
    assert graph.find_modules_that_directly_import("masterlinc.testing_servers") == {"masterlinc.testing"}


def test_no_chain_of_imports_is_long(graph):
    depth: dict[str, int] = {}

    def deep(module: str) -> int:
        if module not in depth:
            depth[module] = 1 + max(
                (deep(one) for one in graph.find_modules_directly_imported_by(module) if "." in one), default=0
            )
        return depth[module]

    longest = max(graph.modules, key=deep)
    assert depth[longest] <= 20, longest
