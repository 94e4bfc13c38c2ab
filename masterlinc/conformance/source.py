"""Rules of who imports whom, read from the agent's source."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from masterlinc.conformance.subject import Subject

_DATA = frozenset({"msgspec", "masterlinc.money"})  # all that a contract may import beside the standard library

# The kernel's own machinery: an agent is handed what it may use.
_INSIDE = ("masterlinc.app", "masterlinc.asgi", "masterlinc.authoring", "masterlinc.conformance", "masterlinc.testing")


def its_contract_is_data(subject: Subject) -> Iterator[str]:
    """contract.py imports only the standard library, msgspec, masterlinc.money, and its own parts that do so too."""
    modules, seen, waiting = dict(subject.modules()), set[str](), [f"{subject.name}.contract"]
    while waiting:
        name = waiting.pop()
        if name in seen or name not in modules:
            continue
        seen.add(name)
        for module in sorted(imported(modules[name], name)):
            if module.startswith(f"{subject.name}.contract_"):
                waiting.append(module)
            elif module.partition(".")[0] not in sys.stdlib_module_names and module not in _DATA:
                part = modules[name].name
                yield f"{part} imports {module}: other agents would get it too; move what needs it elsewhere"


def it_sees_only_the_contracts_of_others(subject: Subject) -> Iterator[str]:
    """Of another agent it imports the contract alone, and names that agent in requires or optional."""
    declared = {*subject.agent.requires, *subject.agent.optional}
    for name, path in subject.modules():
        for module in sorted(imported(path, name)):
            agent, _, part = module.partition(".")
            if agent in subject.installed and agent != subject.name:
                if part != "contract":
                    yield f"{name} imports {module}: import {agent}.contract only"
                if agent not in declared:
                    yield f'{name} imports {module}: add "{agent}" to requires or optional of Agent(...)'


def it_requires_only_what_it_imports(subject: Subject) -> Iterator[str]:
    """What requires and optional name is imported, and stands in one of them."""
    used = {module.partition(".")[0] for name, path in subject.modules() for module in imported(path, name)}
    for needed in (*subject.agent.requires, *subject.agent.optional):
        if needed not in used:
            yield f"Agent(...) names {needed}, and nothing imports {needed}.contract: take it out"
    for needed in {*subject.agent.requires} & {*subject.agent.optional}:
        yield f"Agent(...) names {needed} in requires and in optional: leave one"


def only_its_routes_know_http(subject: Subject) -> Iterator[str]:
    """Litestar is imported in routes only: the rules are the same for HTTP, tasks, subscribers and steps."""
    for name, path in subject.modules():
        part = name.partition(".")[2].partition(".")[0]
        if part != "routes" and any(module.partition(".")[0] == "litestar" for module in imported(path, name)):
            yield f"{name} imports litestar: move it to {subject.name}.routes"


def it_keeps_off_the_inside_of_the_kernel(subject: Subject) -> Iterator[str]:
    """It is handed what it may use, and builds on neither the app nor the test fixtures."""
    for name, path in subject.modules():
        for module in sorted(imported(path, name)):
            if any(module == one or module.startswith(f"{one}.") for one in _INSIDE):
                yield f"{name} imports {module}: use what the Context offers"


def what_others_name_is_in_its_contract(subject: Subject) -> Iterator[str]:
    """Published events and the requests of its tasks are defined in contract.py, where other agents find them."""
    contract = f"{subject.name}.contract"
    for event in subject.agent.publishes:
        if event.__module__ != contract:
            yield f"event {event.__module__}.{event.__name__}: move it to contract.py"
    for task in subject.agent.tasks:
        if not task.name and task.request.__module__ != contract:
            yield f"request {task.request.__module__}.{task.request.__name__}: move it to contract.py"


def imported(path: Path, module: str) -> set[str]:
    """Return the modules that a file imports when it runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {id(part) for one in _for_types_only(tree) for part in ast.walk(one)}
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {_named(node, alias.name, package) for alias in node.names}
    return found


def _named(node: ast.ImportFrom, name: str, package: str) -> str:
    head = node.module or ""
    if node.level:
        parents = package.split(".")
        head = ".".join([*parents[: len(parents) - node.level + 1], *([head] if head else [])])
    # `from policylinc import contract` names a module, `from policylinc.contract import Cover` one that holds it.
    return head if "." in head or head in sys.stdlib_module_names or head == "msgspec" else f"{head}.{name}"


def _for_types_only(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield what runs under a type checker alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            yield from node.body


RULES = (
    its_contract_is_data,
    it_sees_only_the_contracts_of_others,
    it_requires_only_what_it_imports,
    only_its_routes_know_http,
    it_keeps_off_the_inside_of_the_kernel,
    what_others_name_is_in_its_contract,
)
