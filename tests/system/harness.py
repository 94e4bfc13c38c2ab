"""A whole system as processes of their own, in three shapes, over one PostgreSQL; each process is started by name.

`one` is `masterlinc up`, which brings its own PostgreSQL; `replicas` is two of everything; `per-agent` is one process
for each agent. In the last two PostgreSQL is started here, and the processes are what `masterlinc start` starts.
"""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import asyncpg
import httpx
from ledger import Journal, check_ledger

from masterlinc import demo, secrets_file
from masterlinc.db.embedded import EmbeddedPostgres, address_in
from masterlinc.db.migrate import folders_of, migrate
from masterlinc.launch.layout import Layout, members
from masterlinc.registry import assemble, discover
from masterlinc.secrets import Secret
from masterlinc.settings import load

SHAPES = ("one", "replicas", "per-agent")
LAYOUTS = {"replicas": Layout(replicas=2, profile="demo"), "per-agent": Layout(topology="per-agent", profile="demo")}
PASSWORD = "a password of the demo"
BILLING = "billing@demo.masterlinc.test"
LEASE = os.environ.get("SYSTEM_TEST_LEASE", "2")  # seconds; a system that says nothing has 6
KERNEL = "masterlinc"
FAULTS = {"PYTHONFAULTHANDLER": "1"}
PATIENTS = 10
READY_SECONDS = 90
STOP_SECONDS = 40


@dataclass
class Process:
    """One process: how it is started, and whether it runs."""

    name: str
    port: int
    agents: frozenset[str]  # empty: all
    command: list[str]
    environment: dict[str, str]
    running: asyncio.subprocess.Process | None = None
    log: Path = field(default_factory=Path)
    said_before: int = 0  # how long the log was when it was started

    @property
    def alive(self) -> bool:
        """Say whether it was started and has not ended."""
        return self.running is not None and self.running.returncode is None

    def serves(self, agent: str) -> bool:
        """Say whether it serves the routes of an agent; the kernel's own are everywhere."""
        return not self.agents or agent in self.agents

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; a process that has ended gets none."""
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError):
                self.running.send_signal(number)


class System:
    """The processes of one shape over one data folder, which outlives them."""

    def __init__(self, folder: Path, shape: str, **settings: str) -> None:
        self.shape, self.folder, self.data = shape, folder, folder / "data"
        self.journal = Journal()
        self.settings = {"DEMO__PATIENTS": str(PATIENTS), "DEMO__CLAIMS": "0", "DEMO_PASSWORD": PASSWORD} | settings
        self.outside: dict[str, str] = {}  # variables that are no settings
        self.postgres: EmbeddedPostgres | None = None
        self.processes: dict[str, Process] = {}

    @property
    def names(self) -> list[str]:
        """Return the names of the processes, in start order."""
        return list(self.processes)

    async def begin(self) -> None:
        """Make the database with its demo data, and start every process."""
        await self.prepare()
        await self.start(*self.names)

    async def prepare(self) -> None:
        """Make the database with its demo data, and know the processes."""
        if self.shape == "one":
            words = ["up", "--port", str(free_port()), "--data", str(self.data)]
            self._know("up", int(words[2]), frozenset(), words, {})
            return
        self.postgres = await EmbeddedPostgres.start(self.data, durable=True, connections=200)
        secrets_file.save(self.data, secrets_file.load(self.data) | {"demo_password": PASSWORD})
        agents, skipped = discover()
        settings = load("demo", environment={f"MASTERLINC_{name}": value for name, value in self.settings.items()})
        settings.database.url, settings.database.owner_url = (
            Secret(self.postgres.dsn(who)) for who in ("app", "owner")
        )
        settings.security.master_key = Secret(self.postgres.secrets["master_key"])
        await migrate(settings.database.owner_url.reveal(), folders_of(agents))
        await demo.ensure(settings, assemble(settings, agents, skipped), self.data, lambda _: None)
        secrets = {
            "DATABASE__URL": settings.database.url.reveal(),
            "SECURITY__MASTER_KEY": settings.security.master_key.reveal(),
        }
        for one in members(LAYOUTS[self.shape], settings, [agent.name for agent in agents]):
            port = free_port()
            own = {"PROFILE": f"demo,{one.profile}", "PROCESS__NAME": one.name, "HTTP__PORT": str(port)}
            served = frozenset({one.name}) if one.profile else frozenset()
            self._know(one.name, port, served, ["serve"], secrets | own)

    async def start(self, *names: str, ready: bool = True) -> None:
        """Start processes by name, all of them at once."""
        for name in names:
            await self._spawn(self.processes[name])
        if ready:
            await asyncio.gather(*(self.ready(name) for name in names))

    async def ready(self, name: str) -> None:
        """Wait until a process answers that it is ready."""
        one = self.processes[name]
        async with asyncio.timeout(READY_SECONDS), httpx.AsyncClient(trust_env=False) as client:
            while await self.health(name, client) != 200:
                assert one.alive, one.log.read_text()
                await asyncio.sleep(0.05)

    async def health(self, name: str, client: httpx.AsyncClient) -> int:
        """Return what a process answers at /health/ready; 0 where it does not answer."""
        with contextlib.suppress(httpx.TransportError):
            return (await client.get(f"http://127.0.0.1:{self.processes[name].port}/health/ready")).status_code
        return 0

    async def kill(self, *names: str) -> None:
        """End processes as a power cut would, except for the disk."""
        for name in names:
            self.processes[name].signal(signal.SIGKILL)
        for name in names:
            if (running := self.processes[name].running) is not None:
                await running.wait()

    def pause(self, name: str) -> None:
        """Stop a process where it stands: it hangs, with its connections and locks."""
        self.processes[name].signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a process that was paused go on."""
        self.processes[name].signal(signal.SIGCONT)

    async def stop(self, name: str) -> tuple[int, float]:
        """Stop a process in order; returns its exit code and the seconds that it took."""
        one = self.processes[name]
        assert one.running is not None
        began = time.monotonic()
        one.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                code = await one.running.wait()
        except TimeoutError:
            one.signal(signal.SIGQUIT)  # has it write where its tasks stand
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await one.running.wait()
            one.signal(signal.SIGABRT)  # and its threads
            await one.running.wait()
            raise AssertionError(f"{name} did not stop:\n{self.said(name)[-6000:]}") from None
        return code, time.monotonic() - began

    async def end(self) -> list[int]:
        """Stop everything that runs, PostgreSQL last; returns the exit codes."""
        alive = [name for name, one in self.processes.items() if one.alive]
        for name in alive:
            self.resume(name)
        try:
            codes = [code for code, _ in await asyncio.gather(*(self.stop(name) for name in alive))]
        finally:
            await self.kill(*self.names)
            if self.postgres is not None:
                await self.postgres.stop()
        return codes

    @asynccontextmanager
    async def client(self, email: str = BILLING) -> AsyncIterator[httpx.AsyncClient]:
        """A client that has signed in; each path goes to a process that serves it, as a gateway would send it."""
        gateway = Gateway(self)
        async with httpx.AsyncClient(base_url="http://system/api/v1", transport=gateway, timeout=30) as client:
            answer = await client.post("/auth/login", json={"email": email, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """Look at everything, past row-level security."""
        connection = await asyncpg.connect(address_in(self.data, "superuser"))
        try:
            yield connection
        finally:
            await connection.close()

    async def holders(self) -> dict[str, int]:
        """Return which processes hold how many workflows."""
        query = """SELECT p.pid, count(*) FROM masterlinc.workflow w JOIN masterlinc.process p ON p.id = w.lease_owner
            GROUP BY 1"""
        async with self.database() as connection:
            held = dict(map(tuple, await connection.fetch(query)))
        return {
            one.name: held[one.running.pid]
            for one in self.processes.values()
            if one.running is not None and one.running.pid in held
        }

    async def check(self) -> None:
        """Check the ledger; everything has come to its end before."""
        async with self.database() as connection:
            await check_ledger(connection, self.journal)

    def add(self, name: str, like: str, **settings: str) -> None:
        """Know one more process, as another one but for these settings; it is started as any."""
        one, port = self.processes[like], free_port()
        own = one.environment | {"PROCESS__NAME": name, "HTTP__PORT": str(port)} | settings
        self.processes[name] = replace(
            one, name=name, port=port, environment=own, running=None, log=self.folder / f"{name}.log"
        )

    def remove(self, name: str) -> None:
        """Know a process no more that does not run."""
        assert not self.processes[name].alive
        del self.processes[name]

    async def until_said(self, name: str, word: str) -> None:
        """Wait until a process has written a word since it was started."""
        one = self.processes[name]
        async with asyncio.timeout(READY_SECONDS):
            while word not in one.log.read_text()[one.said_before :]:
                assert one.alive, one.log.read_text()
                await asyncio.sleep(0.005)

    def said(self, name: str) -> str:
        """Return what a process has written."""
        return self.processes[name].log.read_text()

    def _know(
        self, name: str, port: int, agents: frozenset[str], words: list[str], environment: dict[str, str]
    ) -> None:
        log = self.folder / f"{name}.log"
        command = [sys.executable, "-m", "masterlinc.cli", *words]
        self.processes[name] = Process(name, port, agents, command, environment, log=log)

    async def _spawn(self, one: Process) -> None:
        assert not one.alive, f"{one.name} runs"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
        own = {f"MASTERLINC_{name}": value for name, value in (self.settings | one.environment).items()}
        with one.log.open("ab") as log:
            one.said_before = len(one.log.read_text())
            one.running = await asyncio.create_subprocess_exec(
                *one.command,
                env=clean | FAULTS | self.outside | own,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class Gateway(httpx.AsyncBaseTransport):
    """Sends a request to a process that serves its path, and to the next one where nothing listens."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._inner = httpx.AsyncHTTPTransport()
        self._routes = routes_of_agents()
        self._turn = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer from the first process that takes the connection."""
        agent = next((agent for path, agent in self._routes if path.fullmatch(request.url.path)), KERNEL)
        serving = [one for one in self._system.processes.values() if agent == KERNEL or one.serves(agent)]
        self._turn += 1
        first = self._turn % len(serving)
        for one in serving[first:] + serving[:first]:
            request.url = request.url.copy_with(host="127.0.0.1", port=one.port)
            try:
                return await self._inner.handle_async_request(request)
            except httpx.ConnectError:
                continue
        raise httpx.ConnectError(f"no process that serves {agent} takes connections")

    async def aclose(self) -> None:
        """Close its connections."""
        await self._inner.aclose()


def routes_of_agents() -> list[tuple[re.Pattern[str], str]]:
    """Return which agent serves which paths; a path with fewer places to fill goes first."""
    paths = [(route.path, agent.name) for agent in discover()[0] for router in agent.routers for route in router.routes]
    paths.sort(key=lambda one: one[0].count("{"))
    return [(re.compile(r"/api/v1" + re.sub(r"\{[^}]*\}", "[^/]+", path)), agent) for path, agent in paths]


def tell(line: str) -> None:
    """Show a figure; `pytest -s` lets it through."""
    sys.stdout.write(f"\n{line}\n")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """Make a folder with a short path that the database server's account can pass through."""
    with tempfile.TemporaryDirectory(prefix="ml-sys-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
