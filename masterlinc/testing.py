"""The pytest plugin that every agent's tests use: real PostgreSQL, the whole app, one event loop."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Litestar

from masterlinc import testing_lifetimes
from masterlinc.context import Context, Services
from masterlinc.db.embedded import EmbeddedPostgres, ensure_database
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.dispatch import Dispatcher
from masterlinc.errors import the_one
from masterlinc.ids import new_id
from masterlinc.registry import assemble, discover
from masterlinc.secrets import Secret
from masterlinc.security import keys, permissions
from masterlinc.security.principal import Principal
from masterlinc.security.tokens import Realm, SigningKey, Subject, issue
from masterlinc.settings import Settings, config_folder, load

pytest_plugins = ("masterlinc.conformance.plugin",)  # `--agent`, and what the rules for every agent need

TEMPLATE = "masterlinc_template"
MASTER_KEY = base64.b64encode(b"for tests only: thirty-two bytes").decode()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    """Know whose fixture starts an application."""
    with testing_lifetimes.setting_up(fixturedef.scope):
        return (yield)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _applications_of_a_test() -> AsyncIterator[None]:
    yield
    await testing_lifetimes.end("function")


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="session")
async def _applications_of_a_module() -> AsyncIterator[None]:
    yield
    await testing_lifetimes.end("module")


class FixedClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time as aware UTC."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the time on."""
        self._now += by


@dataclass(frozen=True)
class DatabaseUrls:
    """The addresses of one test database."""

    owner: str
    app: str


@dataclass(frozen=True)
class Running:
    """A whole application that runs over a database of its own."""

    app: Litestar
    services: Services
    dispatcher: Dispatcher
    signing_key: SigningKey

    def context(self, agent: str, principal: Principal) -> Context:
        """Return what a handler of an agent would be handed."""
        return Context(agent, self.services, principal, trace_id="test")

    def token(self, principal: Principal) -> str:
        """Return a valid access token of a principal."""
        security = self.services.settings.security
        return issue(
            self.signing_key,
            Realm(security.issuer, security.audience),
            Subject(principal.user_id, principal.organization_id, principal.session_id, tuple(sorted(principal.roles))),
            now=self.services.clock.now(),
            life=timedelta(minutes=10),
        )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """A real PostgreSQL of this test run."""
    from masterlinc.testing_servers import start_test_postgres

    server = await start_test_postgres(tmp_path_factory.mktemp("pg"))
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Redis-compatible server of this test run."""
    from masterlinc.testing_servers import start_valkey

    server = start_valkey(tmp_path_factory.mktemp("valkey"))
    try:
        yield server
    finally:
        server.stop()


NewDatabase = Callable[[], Awaitable[DatabaseUrls]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def new_database(postgres: EmbeddedPostgres) -> NewDatabase:
    """Make a migrated, empty database: a copy of one template."""
    agents, _ = discover()
    await _create(postgres, TEMPLATE, "template1")
    await migrate(postgres.dsn("owner", TEMPLATE), folders_of(agents))

    async def make() -> DatabaseUrls:
        name = f"t{new_id().hex}"
        await _create(postgres, name, TEMPLATE)
        return DatabaseUrls(postgres.dsn("owner", name), postgres.dsn("app", name))

    return make


async def _create(postgres: EmbeddedPostgres, name: str, template: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(postgres.dsn("superuser", "postgres"))
    try:
        await ensure_database(connection, name, template)
    finally:
        await connection.close()


def settings_for(urls: DatabaseUrls, **agents: dict[str, Any]) -> Settings:
    """Return the shipped settings for a test database; `agents` overrides sections of agents."""
    settings = load("testing", environment={})
    settings.database.url, settings.database.owner_url = Secret(urls.app), Secret(urls.owner)
    settings.security.master_key = Secret(MASTER_KEY)
    for name, section in agents.items():
        settings.agents[name] = settings.agents.get(name, {}) | section
    return settings


def with_role(folder: Path, name: str, *grants: str) -> Callable[[Settings], None]:
    """Return a `configure` for run_app that adds a role to the shipped ones, as an operator does in rbac.toml."""
    shipped = (config_folder() / "rbac.toml").read_text(encoding="utf-8")
    role = {"title": name, "title_ar": "دور الاختبار", "grants": list(grants)}
    lines = "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in role.items())
    file = folder / "rbac.toml"
    file.write_text(f"{shipped}\n[roles.{name}]\n{lines}", encoding="utf-8")

    def configure(settings: Settings) -> None:
        settings.security.rbac = str(file)

    return configure


RunApp = Callable[..., Awaitable[Running]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def run_app(new_database: NewDatabase) -> AsyncIterator[RunApp]:
    """Start an application with other settings, agents or database; stopped with the test or the fixture that did."""
    from masterlinc.app import create_app

    async def hold(app: Litestar, started: "asyncio.Future[None]", stop: asyncio.Event) -> None:
        # One task enters and leaves the lifespan: Litestar's emitter holds a cancel scope, which belongs to its task.
        try:
            async with app.lifespan():
                started.set_result(None)
                await stop.wait()
        except BaseException as fault:
            if not started.done():
                started.set_exception(the_one(fault))
                return
            raise

    try:

        async def start(
            urls: DatabaseUrls | None = None,
            clock: Any = None,
            configure: Callable[[Settings], None] | None = None,
            **agents: dict[str, Any],
        ) -> Running:
            settings = settings_for(urls or await new_database(), **agents)
            if configure is not None:
                configure(settings)
            found, skipped = discover()
            app = create_app(settings, assemble(settings, found, skipped), clock=clock)
            started = asyncio.get_running_loop().create_future()
            stop, until = asyncio.Event(), testing_lifetimes.asked_for()
            testing_lifetimes.keep(until, stop, asyncio.create_task(hold(app, started, stop)))
            await started
            services: Services = app.state.services
            private = Ed25519PrivateKey.generate()
            async with services.db.transaction() as transaction:
                kid = await keys.publish(transaction, private, services.clock.now())
            services.verifier.trust(await keys.load(services.db, services.clock.now()))
            testing_lifetimes.spare(until)
            return Running(app, services, app.state.dispatcher, SigningKey(kid, private))

        yield start
    finally:
        await testing_lifetimes.end("session")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(run_app: RunApp) -> Running:
    """The application that most tests share; each test works in organizations of its own."""
    return await run_app()


@pytest.fixture
def app(running: Running) -> Litestar:
    """The shared application."""
    return running.app


@pytest.fixture
def services(running: Running) -> Services:
    """The kernel's parts of the shared application."""
    return running.services


@pytest_asyncio.fixture(loop_scope="session")
async def client(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client on the shared application, in the same event loop."""
    async with client_of(running) as http:
        yield http


def client_of(running: Running) -> httpx.AsyncClient:
    """Return an HTTP client on an application."""
    transport = httpx.ASGITransport(app=running.app, raise_app_exceptions=False)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at a known time."""
    return FixedClock(datetime(2026, 3, 1, 9, 0, tzinfo=UTC))


MakePrincipal = Callable[..., Principal]


@pytest.fixture(scope="session")
def make_principal() -> MakePrincipal:
    """Make a principal with roles, in a new organization unless one is named."""
    rbac = permissions.load(config_folder() / "rbac.toml")

    def make(*roles: str, organization: UUID | None = None, permissions: frozenset[str] = frozenset()) -> Principal:
        home = organization or new_id()
        return Principal(
            user_id=new_id(),
            organization_id=home,
            organizations=frozenset({home}),
            roles=frozenset(roles),
            permissions=rbac.permissions_of(roles) | permissions,
            session_id=new_id(),
            kind="user",
            expires_at=datetime.now(UTC) + timedelta(minutes=10),
        )

    return make


def bearer(running: Running, principal: Principal) -> dict[str, str]:
    """Return the headers of a request by a principal."""
    return {"Authorization": f"Bearer {running.token(principal)}"}


def shared_folder() -> Path:
    """Return the folder of reference data beside the checkout, or skip the test and say so."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"there is no reference data at {folder}")
    return folder


_COUNTING: ContextVar["list[str] | None"] = ContextVar("masterlinc_counted_statements", default=None)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[list[str]]]:
    """Collect what a block sends to PostgreSQL, BEGIN and COMMIT too; tasks that work beside it are not counted."""
    import asyncpg

    executed, simple = asyncpg.Connection._execute, asyncpg.Connection.execute  # noqa: SLF001 - all queries pass here

    def count(query: str) -> None:
        sent = _COUNTING.get()
        if sent is not None:
            sent.append(query)

    async def counted(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
        count(query)
        return await executed(self, query, *arguments, **options)

    async def counted_simple(self: Any, query: str, *arguments: Any, **options: Any) -> Any:
        if not arguments:  # with arguments it goes on to the other
            count(query)
        return await simple(self, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "_execute", counted)
    monkeypatch.setattr(asyncpg.Connection, "execute", counted_simple)
    return _collected


@contextmanager
def _collected() -> Iterator[list[str]]:
    sent: list[str] = []
    token = _COUNTING.set(sent)
    try:
        yield sent
    finally:
        _COUNTING.reset(token)
