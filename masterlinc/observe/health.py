"""Health: probed in the background once a second, so that asking costs nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from litestar import MediaType, Response, get
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE
from msgspec import Struct

from masterlinc import __version__
from masterlinc.agent import Agent
from masterlinc.beside import beside
from masterlinc.context import Context, Services
from masterlinc.db.connecting import Renew, connect
from masterlinc.observe.logs import logger
from masterlinc.redis_client import connect as connect_redis
from masterlinc.secrets import Secret
from masterlinc.security.guards import UNLIMITED
from masterlinc.security.principal import service_principal
from masterlinc.wire import encode

REASON = "probes and load balancers ask before anyone can sign in; it holds states and no data"
STATES = "masterlinc.health"  # under which the agents' states are kept in memory
WELL = "healthy"
_OPT = {"public": REASON, UNLIMITED: "an answer is kept bytes, and a probe that is refused takes a process for dead"}
_SECONDS_BETWEEN = 1.0
_SECONDS_A_PROBE = 2.0


class Health(Struct):
    """The state of the process and of what it stands on; the fields of the first system, with the agents'."""

    status: str  # healthy, degraded (something is away, work goes on) or unhealthy
    version: str
    timestamp: datetime
    service: str
    services: dict[str, str]
    agents: dict[str, str]


class Monitor:
    """Keeps the latest report, ready to send."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = _Database(services.settings.database.url, services.secrets.renew)
        url = services.settings.redis.url
        self._redis = connect_redis(url, socket_timeout=_SECONDS_A_PROBE) if url else None
        self._known: dict[str, str] = {}
        self.ready = False
        self.body = b""
        self._keep("disconnected", self._without_redis(), {})

    @property
    def draining(self) -> bool:
        """Say whether this process is on its way out."""
        return self._services.drain.begun

    async def probe(self) -> None:
        """Ask everything at once and keep the answers."""
        agents = self._services.registry.agents
        database, redis, states = await asyncio.gather(
            _answers(self._database.ask()),
            self._ask_redis(),
            asyncio.gather(*(self._ask_agent(agent) for agent in agents)),
        )
        self._keep(
            "connected" if database else "disconnected",
            redis,
            {agent.name: WELL if state else "unhealthy" for agent, state in zip(agents, states, strict=True)},
        )

    async def close(self) -> None:
        """Let the probe's own connections go."""
        self._database.close()
        if self._redis is not None:
            await self._redis.aclose()

    def _keep(self, database: str, redis: str, agents: dict[str, str]) -> None:
        registry, settings = self._services.registry, self._services.settings
        self._services.kept[STATES] = agents
        states = agents | {agent.name: "disabled" for agent in registry.disabled}
        states |= {one.name: "incompatible" for one in registry.skipped}
        well = redis != "disconnected" and "unhealthy" not in agents.values() and not registry.skipped
        self.ready = database == "connected"
        self._tell({"database": database, "redis": redis} | agents)
        self.body = encode(
            Health(
                status="unhealthy" if not self.ready else "healthy" if well else "degraded",
                version=__version__,
                timestamp=self._services.clock.now(),
                service=settings.process.name,
                services={"database": database, "redis": redis},
                agents=dict(sorted(states.items())),
            )
        )

    def _tell(self, states: dict[str, str]) -> None:
        """Log what changed, once."""
        for name, state in states.items():
            before, self._known[name] = self._known.get(name, state), state
            if before != state:
                tell = logger.warning if state in {"disconnected", "unhealthy"} else logger.info
                tell("health changed", name=name, reason=f"{before} -> {state}")

    async def _ask_redis(self) -> str:
        if self._redis is None:
            return self._without_redis()
        return "connected" if await _answers(self._redis.ping()) else "disconnected"

    def _without_redis(self) -> str:
        return "not_configured" if self._redis is None else "disconnected"

    async def _ask_agent(self, agent: Agent) -> bool:
        if agent.health is None:
            return True
        context = Context(agent.name, self._services, service_principal(agent.name, frozenset()))
        return await _answers(agent.health(context))


class _Database:
    """A connection of the probe's own: a pool that is merely busy is not a database that is away."""

    def __init__(self, url: Secret, renew: Renew) -> None:
        self._url, self._renew = url, renew
        self._connection: Any = None

    async def ask(self) -> None:
        """Run a statement; raises whatever stands in its way."""
        try:
            if self._connection is None:
                self._connection = await connect(self._url, self._renew, timeout=_SECONDS_A_PROBE)
            await self._connection.execute("SELECT 1")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Cut the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _answers(question: Awaitable[Any]) -> bool:
    try:
        async with asyncio.timeout(_SECONDS_A_PROBE):
            await question
    except Exception:  # noqa: BLE001 - whatever a probe raises means that its subject is not well
        return False
    return True


@asynccontextmanager
async def watch(monitor: Monitor) -> AsyncIterator[None]:
    """Probe once a second for as long as the application runs."""
    await monitor.probe()
    try:
        async with beside(_repeat(monitor), "health"):
            yield
    finally:
        await monitor.close()


async def _repeat(monitor: Monitor) -> None:
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN)
        await monitor.probe()


def handlers(monitor: Monitor) -> list[Any]:
    """Return the three routes; they send what is known and touch nothing."""
    ready, not_ready, draining = (b'{"status":"%s"}' % word for word in (b"ready", b"not_ready", b"draining"))

    def report(body: bytes, *, well: bool) -> Response[bytes]:
        return Response(
            body, media_type=MediaType.JSON, status_code=HTTP_200_OK if well else HTTP_503_SERVICE_UNAVAILABLE
        )

    @get("/health", opt=_OPT, summary="State of the process, its servers and its agents", tags=["Health"])
    async def health() -> Response[bytes]:
        """Return the latest report; 503 when the database is away."""
        return report(monitor.body, well=monitor.ready)

    @get("/health/live", opt=_OPT, summary="Whether the process answers", tags=["Health"])
    async def live() -> Response[bytes]:
        """Answer; nothing else is asked."""
        return report(b'{"status":"alive"}', well=True)

    @get("/health/ready", opt=_OPT, summary="Whether work may be sent here", tags=["Health"])
    async def is_ready() -> Response[bytes]:
        """Answer whether the database is there; not ready on the way out. With an old schema it does not start."""
        if monitor.draining:
            return report(draining, well=False)
        return report(ready if monitor.ready else not_ready, well=monitor.ready)

    return [health, live, is_ready]
