"""Rules of the house that no other tool keeps, read from the source."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
AGENTS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "agent.py").is_file())
MODULE_LINES, FUNCTION_LINES, PUBLIC_NAMES = 400, 60, 20
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Modules of an agent that hold rules, shapes and wiring: no SQL stands in them.
WITHOUT_SQL = {
    "adjudication",
    "agent",
    "cli",
    "config",
    "contract",
    "demo",
    "envelope",
    "errors",
    "exchange",
    "fhir",
    "lifespan",
    "payer",
    "reading",
    "routes",
    "rules",
    "schemas",
    "service",
    "simulator",
    "tasks",
    "wording",
    "writing",
}
SQL = re.compile(r"\b(SELECT\s+[\w*$(]|INSERT\s+INTO\s|UPDATE\s+[\w.]+\s+(\w+\s+)?SET\s|DELETE\s+FROM\s)", re.ASCII)

# What must not happen while a transaction is open: it holds a connection and its locks.
SLOW = {
    "gather",
    "create_task",
    "TaskGroup",
    "ensure_future",
    "to_thread",
    "run_in_executor",
    "sleep",
    "wait",
    "wait_for",
}
NETWORK = {"http", "httpx", "AsyncClient", "Redis"}

# What fails a test by itself, as calls whose names begin with `check` do.
ASSERTING = {"raises", "fail", "timeout"}

# Where a binary float is right: times in seconds, and the weights of languages.
FLOATS = {
    "masterlinc/http/language.py",
    "masterlinc/settings.py",
}


def sources(*folders: str) -> list[Path]:
    return [
        path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in path.parts
    ]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path, node: ast.AST | None = None) -> str:
    name = path.relative_to(ROOT).as_posix()
    return name if node is None else f"{name}:{getattr(node, 'lineno', 0)}"


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


CODE = sources("masterlinc", "plugins", "benchmarks")
TESTS = [path for path in sources("tests") if path.name.startswith("test_")]


def test_no_two_test_modules_have_one_name():
    """They are imported by their name alone."""
    names = [path.name for path in TESTS]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_there_is_something_to_read():
    assert len(CODE) > 150
    assert len(TESTS) > 30


def test_no_module_is_long():
    long = {
        place(path): count
        for path in CODE
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES
    }
    assert long == {}


def test_no_function_is_long():
    long = [
        f"{place(path, one)} {one.name}"
        for path in CODE
        for one in functions(parsed(path))
        if lines(one) > FUNCTION_LINES
    ]
    assert long == []


def test_no_module_has_many_public_names():
    many = {}
    for path in CODE:
        names = [
            node.name
            for node in parsed(path).body
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_")
        ]
        if len(names) > PUBLIC_NAMES and path.stem not in {"contract", "schemas"}:
            many[place(path)] = len(names)
    assert many == {}


def test_modules_import_each_other_in_no_circle():
    graph = grimp.build_graph("masterlinc", *AGENTS, exclude_type_checking_imports=True, cache_dir=None)
    left = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while ready := {module for module, needs in left.items() if not needs & left.keys()}:
        left = {module: needs for module, needs in left.items() if module not in ready}
    assert sorted(left) == []


def test_every_module_says_what_it_is():
    silent = [
        place(path) for path in CODE if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(parsed(path))
    ]
    assert silent == []


def test_nothing_is_left_for_later():
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]) + r")\b")
    text = [path for pattern in ("*.md", "*.toml", "*.yml", "*.yaml", "*.sh") for path in ROOT.rglob(pattern)]
    files = [
        path for path in text if not {".venv", ".git", ".data", "node_modules"} & set(path.relative_to(ROOT).parts)
    ]
    files += [*CODE, *sources("tests", "migrations"), ROOT / "Makefile"]
    assert [place(path) for path in files if words.search(path.read_text(encoding="utf-8"))] == []


def test_no_amount_is_a_binary_float():
    floats = [
        place(path, node)
        for path in sources("masterlinc", "plugins")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    ]
    assert [one for one in floats if one.partition(":")[0] not in FLOATS] == []


def test_agents_know_no_binary_float_but_times():
    floats = []
    for path in sources("plugins"):
        for node in ast.walk(parsed(path)):
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.annotation, ast.Name)
                and node.annotation.id == "float"
            ):
                name = ast.unparse(node.target)
                if "second" not in name and "minute" not in name:
                    floats.append(f"{place(path, node)} {name}")
    assert floats == []


def strings(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every string that is no docstring, with the parts of an f-string put together."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, Function | ast.ClassDef | ast.Module) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node, "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node, node.value


def test_rules_shapes_and_routes_hold_no_sql():
    found = []
    for path in sources("plugins"):
        part = path.relative_to(ROOT / "plugins").with_suffix("").parts[1]
        if part in WITHOUT_SQL:
            found += [place(path, node) for node, text in strings(parsed(path)) if SQL.search(text)]
    assert found == []


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_reads_no_table_of_another(agent):
    others = re.compile(rf"\b({'|'.join(one for one in AGENTS if one != agent)})\.[a-z_]+", re.ASCII)
    found = []
    for path in sources(f"plugins/{agent}", f"migrations/{agent}"):
        for node, text in strings(parsed(path)):
            if SQL.search(text) or "REFERENCES" in text:
                found += [f"{place(path, node)} {match[0]}" for match in others.finditer(text)]
    assert found == []


def test_the_kernel_reads_no_table_of_an_agent():
    tables = re.compile(rf"\b({'|'.join(AGENTS)})\.[a-z_]+", re.ASCII)
    found = [
        place(path, node)
        for path in sources("masterlinc", "migrations/masterlinc")
        for node, text in strings(parsed(path))
        if SQL.search(text) and tables.search(text)
    ]
    assert found == []


def in_transactions(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything that runs while a transaction is open, as far as one file shows it."""
    for node in ast.walk(tree):
        opens = isinstance(node, ast.AsyncWith) and any(
            isinstance(item.context_expr, ast.Call)
            and isinstance(item.context_expr.func, ast.Attribute)
            and item.context_expr.func.attr == "transaction"
            for item in node.items
        )
        given = isinstance(node, Function) and any(
            argument.annotation is not None and ast.unparse(argument.annotation) == "Transaction"
            for argument in node.args.args
        )
        if opens or given:
            for inner in node.body:
                yield from ast.walk(inner)


def slow(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in SLOW
    return isinstance(node, ast.Attribute) and node.attr in NETWORK


def test_nothing_waits_for_the_network_or_runs_beside_an_open_transaction():
    found = {
        place(path, node)
        for path in sources("masterlinc", "plugins")
        for node in in_transactions(parsed(path))
        if slow(node)
    }
    assert found == set()


def asserts(function: Function, helpers: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ASSERTING or name.startswith("check") or name in helpers:
                return True
    return False


def test_every_test_asserts_something():
    empty = []
    shared = {
        one.name
        for path in sources("tests")
        if not path.name.startswith("test_")
        for one in functions(parsed(path))
        if asserts(one, set())
    }
    for path in TESTS:
        own = {one.name for one in functions(parsed(path)) if not one.name.startswith("test_") and asserts(one, shared)}
        empty += [
            f"{place(path, one)} {one.name}"
            for one in functions(parsed(path))
            if one.name.startswith("test_") and not asserts(one, own | shared)
        ]
    assert empty == []


def test_tests_do_not_sleep():
    sleeps = []
    for path in sources("tests"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep", "sleep"}:
                seconds = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else 1
                if seconds > 0.05:
                    sleeps.append(place(path, node))
    assert sleeps == []


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ("async def f(ctx):\n async with ctx.transaction() as tx:\n  await asyncio.gather(a, b)", True),
        ("async def f(ctx):\n async with ctx.transaction():\n  if x:\n   await ctx.http.get(url)", True),
        ("async def f(tx: Transaction):\n await asyncio.sleep(1)", True),
        (
            "async def f(ctx):\n async with ctx.transaction() as tx:\n  await tx.fetch(q)\n await ctx.http.get(url)",
            False,
        ),
    ],
)
def test_the_rule_of_open_transactions_catches_what_it_is_for(code, caught):
    assert any(slow(node) for node in in_transactions(ast.parse(code))) is caught


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT * FROM claimlinc.claim", True),
        ("\n  INSERT INTO a.b (c) VALUES ($1)", True),
        ("UPDATE a.b c SET d = 1", True),
        ("DELETE FROM a.b", True),
        ("Select a payer first", False),
        ("update the claim and set its status", False),
    ],
)
def test_the_rule_of_sql_knows_sql(text, sql):
    assert bool(SQL.search(text)) is sql
