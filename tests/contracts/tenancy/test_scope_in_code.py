"""One place adds the organization: read from the source, who opens another's scope, or none, and why it may."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = [path for folder in ("masterlinc", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
PLUGINS = [path for path in SOURCES if path.is_relative_to(ROOT / "plugins")]

SETTER = "masterlinc/db/transaction.py"
CONNECTS = {
    "masterlinc/conformance/databases.py": "a database for the tests of an agent",
    "masterlinc/conformance/migrations.py": "the owner looks at an agent's tables",
    "masterlinc/db/embedded/server.py": "the superuser of the server in the data folder",
    "masterlinc/db/transaction.py": "the pool",
    "masterlinc/launch/starting.py": "whether the schema is there",
    "masterlinc/db/connecting.py": "with an address that may change; for the health check, which reads no table",
    "masterlinc/processes/heartbeat.py": "the row of this process, beside the pool",
    "masterlinc/testing.py": "tests",
}
# Agents that work in another scope than the caller's: by file, why they may. What they do there is audited there.
OTHER_SCOPES = {
    "authlinc/cli.py": "the operator's commands",
    "claimlinc/batch/deciding.py": "the payer that a file of submissions is addressed to",
    "claimlinc/batch/worker.py": "a process of the command that decides such a file, in the scope of its payer",
    "claimlinc/cli.py": "the operator's command, which takes each payer's own scope",
    "claimlinc/cli_ageing.py": "the operator's command names the organization",
    "claimlinc/replay/replaying.py": "the operator's command: one payer after the other, each in its own scope",
    "claimlinc/replay/worker.py": "a process of that command, in the scope of one payer",
    "authlinc/service/challenges.py": "nobody is signed in yet: the scope is that of the account that was found",
    "authlinc/service/defence.py": "the scope of a known device's refresh token, which is found by its hash",
    "authlinc/service/directory.py": "a new organization writes its own first row",
    "authlinc/service/emergency.py": "an emergency opens another's records for access:break_glass, and says so to both",
    "authlinc/service/entry.py": "nobody is signed in yet: the scope is that of the account that was found",
    "authlinc/service/organizations.py": "the operator manages organizations, for the permission organization:manage",
    "authlinc/service/grants.py": "nobody is signed in yet: the scope is that of the client that was found",
    "authlinc/service/key_watch.py": "the process knows the keys of all; it writes when each was used",
    "authlinc/service/mailing.py": "the scope of the account that a mail is for",
    "authlinc/service/password_links.py": "nobody is signed in yet: the scope is that of the link that was found",
    "authlinc/service/profile.py": "the principal's own scope, where the context has another one",
    "authlinc/service/sessions.py": "the scope of a refresh token that was found by its hash",
    "authlinc/service/users.py": "the operator's commands name the organization",
    "claimlinc/demo.py": "the demo",
    "claimlinc/service/appealing.py": "a provider appeals or tells: tasks without a permission open its payer's case",
    "claimlinc/service/telling.py": "a payer's decision or question is told on the claim of its provider",
    "claimlinc/service/chain.py": "a provider's cancellation ends its payer's decision: a task without a permission",
    "claimlinc/service/notices.py": "a provider tells a payer of an emergency of its member",
    "claimlinc/service/releasing.py": "a provider gives back what it has not used of a payer's authorization for it",
    "claimlinc/service/paying.py": "a settled batch moves its provider's claims on: payment:approve",
    "claimlinc/service/deciding.py": "a payer decides: a task without a permission, called by the exchange's simulator",
    "doctorlinc/demo.py": "the demo",
    "nphieslinc/payer.py": "the simulated payer answers as itself",
    "nphieslinc/simulator.py": "the simulated hub has an organization of its own",
    "policylinc/cli.py": "the operator's commands",
    "policylinc/coverage.py": "a provider asks payers that it may ask (reach.py)",
    "policylinc/cover.py": "a provider asks payers that it may ask (reach.py)",
    "policylinc/demo.py": "the demo",
    "policylinc/changes/importing.py": "the payer that is named; called by its own people's proposals and a command",
    "policylinc/other_days.py": "the payer that asks what if: a task without a permission, for its own runs",
    "policylinc/roster/importing.py": "the payer that is named; asked for by its own people and by a command",
    "policylinc/enrolment.py": "the payer that is named; a task without a permission",
    "policylinc/ledger.py": "the payer that is named; tasks without a permission",
    "policylinc/service.py": "the payer that is named; called by commands and the demo",
    "policylinc/validation.py": "a provider asks payers that it may ask (reach.py)",
}
# Agents that use a connection without any scope: it sees no row of anybody.
NO_SCOPE = {
    "auditlinc/shipping/positions.py": "asks a function that answers audit rows, for the operator's SIEM",
    "policylinc/validation.py": "asks a function that answers ids of payers",
}


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the last two names of what is called, as `ctx.transaction`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ".".join(ast.unparse(node.func).split(".")[-2:]), node


def opens_another_scope(tree: ast.AST) -> bool:
    """Say whether a module acts in a scope that it names itself."""
    for name, node in calls(tree):
        last = name.rpartition(".")[2]
        named = {keyword.arg for keyword in node.keywords}
        if last in {"acting_for", "service_principal"} or name == "db.transaction":
            return True
        if last == "transaction" and (node.args or "organizations" in named):
            return True
        if last == "run" and name.startswith("ctx.") and (len(node.args) > 1 or "organizations" in named):
            return True
    return False


def opens_no_scope(tree: ast.AST) -> bool:
    return any(name.rpartition(".")[2] == "connection" for name, _ in calls(tree))


def found(paths, rule):
    parsed = {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    return {path for path, tree in parsed.items() if rule(tree)}


def names(paths, root):
    return {path.relative_to(root).as_posix() for path in paths}


def test_the_scope_of_a_transaction_is_set_in_one_place():
    setting = found(SOURCES, lambda tree: any("set_config('masterlinc.orgs'" in text for text in strings(tree)))
    assert names(setting, ROOT) == {SETTER}


def test_connections_are_made_where_it_is_said():
    made = found(
        SOURCES, lambda tree: any(name in {"asyncpg.connect", "asyncpg.create_pool"} for name, _ in calls(tree))
    )
    assert names(made, ROOT) == {*CONNECTS}
    assert [one for one in names(made, ROOT) if one.startswith("plugins/")] == []


def test_an_agent_that_opens_another_scope_says_why():
    others = names(found(PLUGINS, opens_another_scope), ROOT / "plugins")
    assert others == {*OTHER_SCOPES}, "say in OTHER_SCOPES why, or take the caller's own scope: ctx.transaction()"


def test_an_agent_that_opens_no_scope_says_why():
    assert names(found(PLUGINS, opens_no_scope), ROOT / "plugins") == {*NO_SCOPE}


def test_a_context_is_made_by_the_kernel_alone():
    """Who can make a Context or a Principal says who acts: no agent does, but for the operator's commands."""
    made = found(PLUGINS, lambda tree: any(name in {"Context", "Principal", "Transaction"} for name, _ in calls(tree)))
    assert names(made, ROOT / "plugins") <= {
        "authlinc/cli.py",
        "claimlinc/batch/worker.py",
        "claimlinc/cli.py",
        "claimlinc/cli_ageing.py",
        "claimlinc/replay/worker.py",
        "policylinc/cli.py",
    }


@pytest.mark.parametrize(
    ("code", "caught"),
    [
        ("async with ctx.transaction() as tx: pass", False),
        ("async with ctx.transaction(read_only=True) as tx: pass", False),
        ("async with ctx.transaction(frozenset({payer})) as tx: pass", True),
        ("async with ctx.transaction(organizations=scope) as tx: pass", True),
        ("async with ctx.db.transaction() as tx: pass", True),
        ("await ctx.run(work)", False),
        ("await ctx.run(work, scope)", True),
        ("other = ctx.acting_for(payer)", True),
        ("who = service_principal('x', scope)", True),
    ],
)
def test_the_rule_catches_what_it_is_for(code, caught):
    assert opens_another_scope(ast.parse(f"async def f():\n {code}")) is caught
