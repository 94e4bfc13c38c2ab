"""An agent from outside, installed beside ours: everything that it declares appears, and no kernel file knows of it."""

import importlib
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
import pytest_asyncio

from masterlinc import cli, runtime
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.errors import StartupError
from masterlinc.registry import assemble, discover
from masterlinc.security.principal import service_principal
from masterlinc.settings import Settings, config_folder, load
from masterlinc.testing import NewDatabase, RunApp, Running, bearer, client_of, settings_for
from masterlinc.workflow.states import steps_of

SOURCE = Path(__file__).parent / "toy_agent"
ROLE = """
[roles.greeter]
title = "Greeter"
title_ar = "مُرحِّب"
grants = ["toy:greet", "task:execute", "agent:read"]
"""


def install(folder: Path) -> None:
    """Put the distribution where an installer would: its package, and metadata with its entry points."""
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(SOURCE / "toylinc", folder / "toylinc")
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items())
        for group, points in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def installed(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory):
    """The toy agent, installed for the tests of this file; the template database was made without it."""
    folder = tmp_path_factory.mktemp("site-packages")
    install(folder)
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "toylinc"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def with_greeter(folder: Path):
    """Give a role the toy's permission, as an operator does in rbac.toml."""
    roles = folder / "rbac.toml"
    roles.write_text((config_folder() / "rbac.toml").read_text(encoding="utf-8") + ROLE, encoding="utf-8")

    def configure(settings: Settings) -> None:
        settings.security.rbac = str(roles)

    return configure


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def toy(installed: Path, new_database: NewDatabase, run_app: RunApp) -> Running:
    """The whole application with the toy agent, over a database of its own."""
    urls = await new_database()
    assert await migrate(urls.owner, folders_of(discover()[0])) == 1
    return await run_app(urls, configure=with_greeter(installed), toylinc={"greeting": "Ahlan"})


def greeter(make_principal):
    return make_principal("greeter")


async def test_its_route_answers_and_writes_its_table(toy, make_principal):
    async with client_of(toy) as client:
        headers = bearer(toy, greeter(make_principal))
        first = await client.post("/api/v1/toys/greetings", json={"name": "Noura"}, headers=headers)
        again = await client.post("/api/v1/toys/greetings", json={"name": "Noura"}, headers=headers)
    assert (first.status_code, first.json()) == (201, {"text": "Ahlan, Noura", "said_before": 0})
    assert again.json()["said_before"] == 1


async def test_its_route_asks_for_a_token_and_for_its_permission(toy, make_principal):
    async with client_of(toy) as client:
        nobody = await client.post("/api/v1/toys/greetings", json={"name": "Noura"})
        doctor = await client.post(
            "/api/v1/toys/greetings", json={"name": "Noura"}, headers=bearer(toy, make_principal("doctor"))
        )
    assert (nobody.status_code, doctor.status_code) == (401, 403)


async def test_its_bodies_are_checked_as_ours_are(toy, make_principal):
    async with client_of(toy) as client:
        answer = await client.post(
            "/api/v1/toys/greetings", json={"name": 7}, headers=bearer(toy, greeter(make_principal))
        )
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "name")


async def test_its_rows_are_its_organization_s(toy, make_principal):
    async with client_of(toy) as client:
        for _ in range(2):
            answer = await client.post(
                "/api/v1/toys/greetings", json={"name": "Sara"}, headers=bearer(toy, greeter(make_principal))
            )
            assert answer.json()["said_before"] == 0


async def test_its_event_reaches_its_subscriber_and_its_workflow_runs(toy, make_principal):
    principal = greeter(make_principal)
    async with client_of(toy) as client:
        await client.post("/api/v1/toys/greetings", json={"name": "Ali"}, headers=bearer(toy, principal))
    await toy.dispatcher.idle()
    ctx = toy.context("toylinc", service_principal("toylinc", principal.organizations))
    async with ctx.transaction() as tx:
        assert await tx.fetchval("SELECT counted FROM toylinc.greeting") == 1
        steps = await steps_of(tx, "toylinc.waving", str(principal.organization_id))
        actions = await tx.fetch("SELECT action FROM masterlinc.audit_event WHERE action LIKE 'toy.%' ORDER BY id")
    assert [(step.name, step.status, step.note) for step in steps] == [("wave", "done", "waved")]
    assert [row["action"] for row in actions] == ["toy.greeted", "toy.waved"]


async def test_its_task_is_run_by_execute_and_by_other_agents(toy, make_principal):
    from toylinc.contract import Greet, Greeting

    async with client_of(toy) as client:
        body = {"task": "toylinc.greet", "input": {"name": "Huda"}}
        answer = await client.post("/execute", json=body, headers=bearer(toy, greeter(make_principal)))
    assert (answer.status_code, answer.json()["result"]["text"]) == (200, "Ahlan, Huda")
    other = toy.context("claimlinc", make_principal("doctor"))
    assert await other.call(Greet("Huda"), Greeting) == Greeting("Ahlan, Huda", 0)


async def test_it_is_listed_with_its_version_and_tasks(toy, make_principal):
    async with client_of(toy) as client:
        answer = await client.get("/api/v1/agents", headers=bearer(toy, greeter(make_principal)))
    listed = {one["agent_id"]: one for one in answer.json()["agents"]}["toylinc"]
    assert (listed["status"], listed["version"], listed["name_ar"]) == ("online", "2.0.0", "لعبة لينك")
    assert [task["name"] for task in listed["tasks"]] == ["toylinc.greet"]


async def test_it_is_in_the_openapi_document(toy):
    async with client_of(toy) as client:
        document = (await client.get("/api/v1/openapi.json")).json()
    assert document["paths"]["/api/v1/toys/greetings"]["post"]["summary"] == "Greet somebody"


async def test_its_health_is_asked(toy, installed, new_database, run_app):
    async with client_of(toy) as client:
        assert (await client.get("/health")).json()["agents"]["toylinc"] == "healthy"
    urls = await new_database()
    await migrate(urls.owner, folders_of(discover()[0]))
    sick = await run_app(urls, configure=with_greeter(installed), toylinc={"greeting": "Ahlan", "sick": True})
    async with client_of(sick) as client:
        assert (await client.get("/health")).json()["agents"]["toylinc"] == "unhealthy"


async def test_its_lifespan_is_entered(toy):
    from toylinc.service import OPENED

    assert OPENED[0] == "opened toylinc"


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({}, "greeting"),
        ({"MASTERLINC_TOYLINC__GREETINGG": "x"}, "greetingg"),
        ({"MASTERLINC_TOYLINC__GREETING": "x", "MASTERLINC_TOYLINC__SICK": "perhaps"}, "sick"),
    ],
)
def test_its_settings_are_checked(installed, environment, word):
    with pytest.raises(StartupError, match=rf"agents\.toylinc.*{word}"):
        assemble(load("testing", environment=environment), *discover())


def test_its_settings_are_read_from_the_environment(installed):
    registry = assemble(
        load("testing", environment={"MASTERLINC_TOYLINC__GREETING": "Hala", "MASTERLINC_TOYLINC__SICK": "true"}),
        *discover(),
    )
    assert (registry.configs["toylinc"].greeting, registry.configs["toylinc"].sick) == ("Hala", True)


async def test_disabled_it_is_not_there(installed, run_app, make_principal):
    without = await run_app(toylinc={"enabled": False})
    async with client_of(without) as client:
        answer = await client.post(
            "/api/v1/toys/greetings", json={"name": "Noura"}, headers=bearer(without, make_principal("admin"))
        )
        assert (await client.get("/health")).json()["agents"]["toylinc"] == "disabled"
    assert answer.status_code == 404
    async with without.services.db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM masterlinc.subscription WHERE agent = 'toylinc'") == 0


async def test_a_database_without_its_tables_stops_the_start(installed, new_database):
    settings = settings_for(await new_database(), toylinc={"greeting": "Ahlan"})
    with_greeter(installed)(settings)
    with pytest.raises(StartupError, match=r"toylinc/0001_greetings.*masterlinc migrate"):
        await runtime.check(settings, assemble(settings, *discover()))


def test_its_command_is_run(installed, capsys):
    assert cli.main(["toy-greet", "Noura"]) == 0
    assert capsys.readouterr().out == "hello, Noura\n"


def test_the_command_agents_lists_it(installed, capsys, monkeypatch):
    monkeypatch.setenv("MASTERLINC_TOYLINC__GREETING", "Ahlan")
    monkeypatch.setenv("MASTERLINC_PROFILE", "testing")
    assert cli.main(["agents"]) == 0
    assert "toylinc        2.0.0    enabled" in capsys.readouterr().out


def test_the_command_agents_lists_it_also_where_settings_are_missing(installed, capsys):
    assert cli.main(["agents"]) == 1
    told = capsys.readouterr()
    assert "toylinc        2.0.0    installed" in told.out
    assert len(told.err.splitlines()) == 1


def test_no_file_of_the_kernel_knows_it():
    files = [*Path("masterlinc").rglob("*.py"), *Path("plugins").rglob("*.py"), *Path("config").rglob("*")]
    assert len(files) > 100
    assert [str(file) for file in files if file.is_file() and "toylinc" in file.read_text(encoding="utf-8")] == []
