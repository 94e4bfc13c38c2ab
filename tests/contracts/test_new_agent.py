"""`masterlinc new`: what it writes passes its own tests; installed beside ours, all of it appears in the kernel."""

import importlib
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from masterlinc import cli, runtime
from masterlinc.authoring import names, scaffold
from masterlinc.authoring.scaffold import NewAgent, named, rendered, write
from masterlinc.db.embedded import EmbeddedPostgres
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.errors import DomainError, NotFound, StartupError
from masterlinc.registry import assemble, discover
from masterlinc.security.principal import service_principal
from masterlinc.settings import load
from masterlinc.testing import NewDatabase, RunApp, Running, bearer, client_of, settings_for, with_role
from masterlinc.text import has_arabic
from masterlinc.workflow.states import steps_of

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "masterlinc/authoring/template"
LONGEST = "a_very_long_name_of_30_letters"
NOTES = "/api/v1/toylinc/notes"
RIGHTS = ("toylinc:read", "toylinc:write", "task:execute", "agent:read")


def told(output: str) -> list[str]:
    return [line for line in output.splitlines() if line]


# What can be asked for --------------------------------------------------------------------------


def test_the_command_writes_an_agent_and_says_what_comes_next(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "waitlinc"]) == 0
    lines = told(capsys.readouterr().out)
    count = sum(path.is_file() for path in (tmp_path / "waitlinc").rglob("*"))
    assert lines[0] == f"WaitLinc is written: {count} files in waitlinc"
    assert has_arabic(lines[1])
    assert [line.split()[0] for line in lines[2:]] == ["cd", "pip", "pytest"]
    assert [path.name for path in tmp_path.iterdir()] == ["waitlinc"]


def test_the_command_explains_itself(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["new", "--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert [word for word in ("--folder", "--title", "--title-ar", "tests that pass") if word not in out] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Wait"], "cannot be called 'Wait'"),
        (["wait-linc"], "cannot be called"),
        (["wait linc"], "cannot be called"),
        (["wait__linc"], "cannot be called"),
        (["7wait"], "cannot be called"),
        (["../wait"], "cannot be called"),
        ([""], "cannot be called"),
        (["نوبة"], "cannot be called"),
        (["x" * 31], "cannot be called"),
        (["pg_wait"], "cannot be called"),
        (["masterlinc"], "cannot be called"),
        (["http"], "cannot be called"),
        (["user"], "a word of SQL or of Python"),
        (["class"], "a word of SQL or of Python"),
        (["claimlinc"], "is taken"),
        (["json"], "is taken"),
        (["pytest"], "is taken"),
        (["tests"], "is taken"),
        (["waitlinc", "--title", ""], "is not an English title"),
        (["waitlinc", "--title", 'a "quoted" one'], "is not an English title"),
        (["waitlinc", "--title", "نوبة"], "is not an English title"),
        (["waitlinc", "--title", "two\nlines"], "is not an English title"),
        (["waitlinc", "--title", "{{name}}"], "is not an English title"),
        (["waitlinc", "--title-ar", "Wait"], "is not an Arabic title"),
        (["waitlinc", "--title-ar", "ن" * 61], "is not an Arabic title"),
    ],
)
def test_what_cannot_be_is_refused_in_both_languages_and_nothing_is_written(
    tmp_path, capsys, monkeypatch, arguments, said
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", *arguments]) == 1
    english, arabic = told(capsys.readouterr().err)
    assert said in english
    assert has_arabic(arabic)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["a file in it", "a file in its place", "a file above it"])
def test_a_folder_that_is_not_free_is_refused_and_left_as_it_is(tmp_path, capsys, there):
    folder = {
        "a file in it": tmp_path / "w",
        "a file in its place": tmp_path / "w",
        "a file above it": tmp_path / "w/x",
    }[there]
    if there == "a file in it":
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")
    else:
        (tmp_path / "w").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert cli.main(["new", "waitlinc", "--folder", str(folder)]) == 1
    english, arabic = told(capsys.readouterr().err)
    assert str(folder) in english
    assert has_arabic(arabic)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_taken_and_one_that_is_not_there_is_made(tmp_path):
    (tmp_path / "empty").mkdir()
    assert cli.main(["new", "waitlinc", "--folder", str(tmp_path / "empty")]) == 0
    assert cli.main(["new", "waitlinc", "--folder", str(tmp_path / "a/b/c")]) == 0
    assert (tmp_path / "empty/waitlinc/agent.py").read_bytes() == (tmp_path / "a/b/c/waitlinc/agent.py").read_bytes()


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path, monkeypatch):
    written, whole = [], Path.write_text

    def some(self: Path, *arguments: object, **options: object) -> int:
        written.append(self)
        if len(written) > 5:
            raise OSError(28, "No space left on device")
        return whole(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", some)
    with pytest.raises(scaffold.FolderTaken, match="No space left"):
        write(named("waitlinc"), tmp_path / "waitlinc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "title", "title_ar"),
    [
        ("waitlinc", "WaitLinc", "وكيل WaitLinc"),
        ("front_desk", "Front Desk", "وكيل Front Desk"),
        ("linc", "Linc", "وكيل Linc"),
        ("pay2linc", "Pay2Linc", "وكيل Pay2Linc"),
    ],
)
def test_titles_are_made_of_the_name(name, title, title_ar):
    assert named(name) == NewAgent(name, title, title_ar)


def test_titles_that_are_given_stand_where_people_see_them():
    files = rendered(named("waitlinc", "  Waiting room ", "غرفة الانتظار"))
    assert 'title="Waiting room",\n    title_ar="غرفة الانتظار",' in files[Path("waitlinc/agent.py")]
    assert files[Path("README.md")].startswith("# Waiting room · غرفة الانتظار\n")


async def test_no_word_of_sql_names_a_schema(postgres: EmbeddedPostgres):
    connection = await asyncpg.connect(postgres.dsn("superuser", "postgres"))
    try:
        words = await connection.fetch("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    finally:
        await connection.close()
    functions = {"authorization", "binary", "collation", "concurrently", "cross", "current_schema", "freeze", "full"}
    assert {row["word"] for row in words} - names.RESERVED == set()
    assert functions <= names.RESERVED


# What is written --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["w", "pay2_linc", LONGEST])
def test_what_is_written_is_in_our_style_whatever_it_is_called(tmp_path, sandbox, name):
    write(named(name), tmp_path / name)
    for words in (("ruff", "check", "."), ("ruff", "format", "--check", ".")):
        done = sandbox.run(*words, cwd=tmp_path / name)
        assert done.returncode == 0, done.stdout
    files = [path for path in (tmp_path / name).rglob("*") if path.is_file() and ".ruff_cache" not in path.parts]
    assert [path for path in files if "{{" in path.read_text(encoding="utf-8") or "{" in path.name] == []


def test_what_is_written_is_typed_strictly(tmp_path, sandbox):
    write(named(LONGEST), tmp_path / "agent")
    done = sandbox.run("mypy", cwd=tmp_path / "agent")
    assert done.returncode == 0, done.stdout


def test_it_is_linted_as_we_are():
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    own = tomllib.loads(rendered(named("waitlinc"))[Path("pyproject.toml")])["tool"]
    for name in ("select", "ignore", "pylint", "mccabe"):
        assert own["ruff"]["lint"][name] == ours["ruff"]["lint"][name]
    assert own["ruff"]["line-length"] == ours["ruff"]["line-length"]
    assert own["mypy"]["strict"] is ours["mypy"]["strict"] is True


def test_the_wheel_brings_every_file_of_the_template(wheel):
    shipped = set(zipfile.ZipFile(wheel).namelist())
    own = {path.relative_to(ROOT).as_posix() for path in TEMPLATE.rglob("*") if path.is_file()}
    assert len(own) > 20
    assert own <= shipped


def test_its_tests_pass_where_it_is_installed(tmp_path, sandbox):
    where = sandbox.run("python", "-c", "import masterlinc; print(masterlinc.__file__)", cwd=tmp_path).stdout
    assert Path(where).is_relative_to(sandbox.folder), "the wheel is what runs"
    made = sandbox.run("masterlinc", "new", "pay2_linc", "--folder", "agent", cwd=tmp_path)
    assert made.returncode == 0, made.stdout
    command = ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    installed = sandbox.run(*command, "--editable", ".", cwd=tmp_path / "agent")
    assert installed.returncode == 0, installed.stdout
    try:
        done = sandbox.run("pytest", "-q", cwd=tmp_path / "agent")
        assert done.returncode == 0, done.stdout
        assert re.search(r"^\d\d passed in", done.stdout, re.MULTILINE), done.stdout
        alone = (
            "pytest",
            "-q",
            "-p",
            "masterlinc.testing",
            "--pyargs",
            "masterlinc.conformance",
            "--agent",
            "pay2_linc",
        )
        done = sandbox.run(*alone, cwd=tmp_path / "agent")
        assert done.returncode == 0, done.stdout
    finally:
        sandbox.run("pip", "uninstall", "--quiet", "--yes", "masterlinc-pay2_linc", cwd=tmp_path)


# What appears in the kernel ---------------------------------------------------------------------


LIFESPAN = """
from contextlib import asynccontextmanager

OPENED = []


@asynccontextmanager
async def lifespan(ctx):
    OPENED.append(ctx.agent)
    yield
    OPENED.remove(ctx.agent)
"""


@pytest.fixture(scope="module")
def installed(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory):
    """An agent, installed as an installer does for the tests of this file; the template database was made without."""
    folder = tmp_path_factory.mktemp("site-packages")
    files = rendered(named("toylinc", "ToyLinc", "لعبة لينك"))
    declared = files[Path("toylinc/agent.py")].replace(
        "import cli\n", "import cli\nfrom toylinc.lifespan import lifespan\n"
    )
    files[Path("toylinc/agent.py")] = declared.replace(
        "    health=check,\n", "    health=check,\n    lifespan=lifespan,\n"
    )
    files[Path("toylinc/lifespan.py")] = LIFESPAN
    for path, content in files.items():
        if path.parts[0] == "toylinc":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
    project = tomllib.loads(files[Path("pyproject.toml")])["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
            for group, points in project["entry-points"].items()
        )
    )
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "toylinc"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def toy(installed: Path, new_database: NewDatabase, run_app: RunApp) -> Running:
    """The whole application with the agent, over a database of its own."""
    urls = await new_database()
    assert await migrate(urls.owner, folders_of(discover()[0])) == 1
    return await run_app(urls, configure=with_role(installed, "writer", *RIGHTS))


@pytest.fixture
def writer(make_principal):
    return make_principal("writer")


async def test_its_route_answers_and_writes_its_table(toy, writer):
    async with client_of(toy) as client:
        answer = await client.post(NOTES, json={"text": "Ahlan"}, headers=bearer(toy, writer))
        document = (await client.get("/api/v1/openapi.json")).json()
    assert (answer.status_code, answer.json()["text"]) == (201, "Ahlan")
    assert document["paths"]["/api/v1/toylinc/notes"]["post"]["summary"] == "Add a note"


async def test_its_route_asks_for_a_token_and_for_its_permission(toy, make_principal):
    async with client_of(toy) as client:
        nobody = await client.post(NOTES, json={"text": "Ahlan"})
        doctor = await client.post(NOTES, json={"text": "Ahlan"}, headers=bearer(toy, make_principal("doctor")))
    assert (nobody.status_code, doctor.status_code) == (401, 403)


async def test_its_event_reaches_its_subscriber_and_its_workflow_runs(toy, writer):
    async with client_of(toy) as client:
        await client.post(NOTES, json={"text": "one two"}, headers=bearer(toy, writer))
    await toy.dispatcher.idle()
    ctx = toy.context("toylinc", service_principal("toylinc", writer.organizations))
    async with ctx.transaction() as tx:
        note = await tx.fetchrow("SELECT id, status, words FROM toylinc.note")
        steps = await steps_of(tx, "toylinc.filing", str(note["id"]))
    assert (note["status"], note["words"]) == ("filed", 2)
    assert [(step.name, step.status) for step in steps] == [("count_words", "done"), ("file_note", "done")]


async def test_its_task_is_run_by_execute_and_by_other_agents(toy, writer):
    from toylinc.contract import AddedNote, AddNote

    async with client_of(toy) as client:
        body = {"task": "toylinc.add_note", "input": {"text": "by a task"}}
        answer = await client.post("/execute", json=body, headers=bearer(toy, writer))
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    other = toy.context("claimlinc", writer)
    assert isinstance(await other.call(AddNote("by an agent"), AddedNote), AddedNote)


async def test_it_is_listed_with_its_version_and_tasks(toy, writer):
    async with client_of(toy) as client:
        answer = await client.get("/api/v1/agents", headers=bearer(toy, writer))
    listed = {one["agent_id"]: one for one in answer.json()["agents"]}["toylinc"]
    assert (listed["status"], listed["version"], listed["name_ar"]) == ("online", "0.1.0", "لعبة لينك")
    assert "toylinc.add_note" in [task["name"] for task in listed["tasks"]]


async def test_its_health_is_asked(toy, installed, new_database, run_app):
    async with client_of(toy) as client:
        assert (await client.get("/health")).json()["agents"]["toylinc"] == "healthy"
    urls = await new_database()
    await migrate(urls.owner, folders_of(discover()[0]))
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("REVOKE SELECT ON toylinc.note FROM masterlinc_app")
    await owner.close()
    sick = await run_app(urls)
    async with client_of(sick) as client:
        assert (await client.get("/health")).json()["agents"]["toylinc"] == "unhealthy"


async def test_its_lifespan_is_entered(toy):
    from toylinc.lifespan import OPENED

    assert "toylinc" in OPENED


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"MASTERLINC_TOYLINC__LONGESTT": "7"}, "longestt"),
        ({"MASTERLINC_TOYLINC__LONGEST": "many"}, "longest"),
        ({"MASTERLINC_TOYLINC__LONGEST": "0"}, "longest"),
    ],
)
def test_its_settings_are_checked(installed, environment, word):
    with pytest.raises(StartupError, match=rf"agents\.toylinc.*{word}"):
        assemble(load("testing", environment=environment), *discover())


async def test_its_settings_are_read_from_the_environment(installed, toy, run_app, writer):
    settings = load("testing", environment={"MASTERLINC_TOYLINC__LONGEST": "7"})
    assert assemble(settings, *discover()).configs["toylinc"].longest == 7


async def test_disabled_it_is_not_there(installed, run_app, make_principal):
    without = await run_app(toylinc={"enabled": False})
    async with client_of(without) as client:
        answer = await client.get(NOTES, headers=bearer(without, make_principal("admin")))
        assert (await client.get("/health")).json()["agents"]["toylinc"] == "disabled"
    assert answer.status_code == 404


async def test_a_database_without_its_tables_stops_the_start(installed, new_database):
    settings = settings_for(await new_database())
    with pytest.raises(StartupError, match=r"toylinc/0001_notes.*masterlinc migrate"):
        await runtime.check(settings, assemble(settings, *discover()))


async def test_its_command_is_run(installed, toy, writer, monkeypatch):
    from toylinc.cli import _counted

    from masterlinc import ids, settings

    monkeypatch.setattr(settings, "load", lambda: toy.services.settings)
    async with client_of(toy) as client:
        await client.post(NOTES, json={"text": "counted"}, headers=bearer(toy, writer))
    assert await _counted(ids.show("ORG", writer.organization_id)) == 1
    with pytest.raises(NotFound):
        await _counted("ORG-7")


def test_its_command_and_its_faults_are_known_to_the_shell(installed, capsys):
    assert cli.main(["toylinc-count", "ORG-7"]) == 1
    assert capsys.readouterr().err == "masterlinc: There is no such thing here\n"


def test_the_command_agents_lists_it(installed, capsys, monkeypatch):
    monkeypatch.setenv("MASTERLINC_PROFILE", "testing")
    assert cli.main(["agents"]) == 0
    assert "toylinc        0.1.0    enabled" in capsys.readouterr().out


def test_its_name_is_taken_now(installed):
    with pytest.raises(DomainError, match="taken"):
        named("toylinc")


def test_no_file_of_the_kernel_knows_it():
    files = [*(ROOT / "masterlinc").rglob("*.py"), *(ROOT / "plugins").rglob("*.py"), *(ROOT / "config").rglob("*")]
    assert len(files) > 100
    assert [str(file) for file in files if file.is_file() and "toylinc" in file.read_text(encoding="utf-8")] == []
