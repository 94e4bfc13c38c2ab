"""Builds the kernel's parts for a process, and runs them: database, keys, relay, engine, agents."""

import gc
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from masterlinc import __version__
from masterlinc.agent import Agent
from masterlinc.audit.refusals import Refusals, writing
from masterlinc.audit.sealer import sealing
from masterlinc.clock import Clock, SystemClock
from masterlinc.context import Context, Services
from masterlinc.db import Database
from masterlinc.db.arabic import require_arabic_trigrams
from masterlinc.db.migrate import folders_of, pending
from masterlinc.dispatch import Dispatcher
from masterlinc.drain import Drain
from masterlinc.errors import StartupError, Unavailable
from masterlinc.events import subscriptions, upkeep
from masterlinc.heap import give_back
from masterlinc.limits import Limits
from masterlinc.processes.heartbeat import beating
from masterlinc.registry import Registry
from masterlinc.sealing import Vault
from masterlinc.sealing.following import Following, followed
from masterlinc.sealing.masters import MasterKeys, decoded
from masterlinc.sealing.store import Unsaved
from masterlinc.secrets.keeper import Keeper, kept
from masterlinc.security import permissions
from masterlinc.security.principal import NOBODY, service_principal
from masterlinc.security.revocation import Revocations
from masterlinc.security.tokens import Realm, TokenVerifier
from masterlinc.security.watch import watch
from masterlinc.settings import Settings, config_folder
from masterlinc.wake import listen
from masterlinc.workflow import schedules
from masterlinc.workflow.finished import Finished
from masterlinc.workflow.journal import Journal

_PARTITIONS_AHEAD = 6  # months


def build(settings: Settings, registry: Registry, clock: Clock | None = None) -> Services:
    """Build the parts that need no connection; raises StartupError."""
    clock = clock or SystemClock()
    rbac = permissions.load(config_folder() / settings.security.rbac)
    revocations = Revocations()
    vault = Vault(masters(settings))
    db = Database(settings.database)
    services = Services(
        settings=settings,
        registry=registry,
        secrets=Keeper(settings.vault, [("", settings), *_agents_settings(registry)]),
        db=db,
        clock=clock,
        vault=vault,
        http=httpx.AsyncClient(
            timeout=httpx.Timeout(20.0, connect=5.0),
            follow_redirects=False,
            headers={"user-agent": f"masterlinc/{__version__}"},
            trust_env=False,
        ),
        verifier=TokenVerifier(Realm(settings.security.issuer, settings.security.audience), rbac, revocations, clock),
        revocations=revocations,
        limits=Limits(
            settings.limits, clock, redis=settings.redis.url, secret=lambda: vault.blind(NOBODY, "limits", "subjects")
        ),
        refusals=Refusals(db, clock),
        drain=Drain(settings.process.drain_seconds, settings.process.unready_seconds),
        served=frozenset(agent.name for agent in registry.agents if settings.serves(agent.name)),
    )
    services.keys = Following(services.db, services.vault, lambda: masters(settings))
    for secret in (settings.security.master_key, *settings.security.former_master_keys):
        secret.on_change(services.keys.masters_changed)
    services.db.unsaved = Unsaved(services.vault.ring)
    services.db.renew = services.secrets.renew
    services.journal = Journal(services.db, services.process_id)
    services.finished = Finished(services.db)
    services.drain.tell(services.finished.give_up)
    return services


@asynccontextmanager
async def run(services: Services) -> AsyncIterator[Dispatcher]:
    """Open everything, in order; close it in reverse."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(services.http.aclose)
        stack.push_async_callback(services.limits.close)
        await _open_database(services)
        stack.push_async_callback(services.db.close)
        await stack.enter_async_context(kept(services.secrets))
        await stack.enter_async_context(followed(services.keys))
        await stack.enter_async_context(writing(services.refusals))
        await stack.enter_async_context(watch(services.db, services.verifier, services.revocations, services.clock))
        await stack.enter_async_context(sealing(services))
        await subscriptions.register(services)
        await schedules.register(services)
        dispatcher = Dispatcher(services)
        carry_on = await stack.enter_async_context(upkeep.running(services))

        def look() -> None:
            dispatcher.wake()
            carry_on()

        wake = await stack.enter_async_context(listen(services.settings.redis, look))
        services.after_commit = services.db.after_commit = wake
        await _enter(services, stack)
        await stack.enter_async_context(beating(services, dispatcher, wake))
        await dispatcher.start()
        stack.push_async_callback(dispatcher.stop)
        stack.callback(services.drain.begin)
        yield dispatcher


def settle() -> None:
    """Leave what the start made out of every later collection: it never becomes garbage, and pauses would be long."""
    gc.collect()
    give_back()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def check(settings: Settings, registry: Registry) -> None:
    """Open and close the database and the agents as a process would: a fault is told once, not by every worker."""
    async with opened(settings, registry):
        pass


@asynccontextmanager
async def opened(settings: Settings, registry: Registry) -> AsyncIterator[Services]:
    """Open the database and the agents without serving: for commands, which leave queued work to who serves."""
    services = build(settings, registry)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(services.http.aclose)
        stack.push_async_callback(services.limits.close)
        await _open_database(services)
        stack.push_async_callback(services.db.close)
        await services.keys.start()
        await _enter(services, stack)
        yield services


async def _enter(services: Services, stack: AsyncExitStack) -> None:
    """Enter the agents' lifespans, in start order."""
    for agent in services.registry.agents:
        if agent.lifespan is not None:
            context = Context(agent.name, services, service_principal(agent.name, frozenset()))
            await stack.enter_async_context(agent.lifespan(context))


async def _open_database(services: Services) -> None:
    """Connect, and refuse a database that is not safe or not migrated."""
    await open_migrated(services.db, services.registry.agents)
    try:
        await _check_database(services)
    except BaseException:
        await services.db.close()
        raise


async def open_migrated(database: Database, agents: Iterable[Agent]) -> None:
    """Connect to a database that has this build's tables; raises StartupError."""
    try:
        await database.open()
    except Unavailable as fault:
        raise StartupError(fault.detail) from None
    try:
        left = await pending(database, folders_of(agents))
    except BaseException:
        await database.close()
        raise
    if left:
        await database.close()
        raise StartupError(f"the database lacks {len(left)} migrations ({left[0]} first); run: masterlinc migrate")


async def _check_database(services: Services) -> None:
    async with services.db.connection() as connection:
        role = await connection.fetchrow(
            "SELECT rolname, rolsuper OR rolbypassrls AS mighty FROM pg_roles WHERE rolname = current_user"
        )
        if role["mighty"]:
            raise StartupError(
                f"role {role['rolname']} is a superuser or bypasses row-level security; "
                "set database.url to the role `app`"
            )
    async with services.db.connection() as connection:
        await require_arabic_trigrams(connection)  # after the migrations, which make the extension as `owner`
    async with services.db.transaction() as transaction:
        await transaction.execute(f"SELECT masterlinc.ensure_partitions({_PARTITIONS_AHEAD})")


def masters(settings: Settings) -> MasterKeys:
    """Return the master keys as the settings say now; raises StartupError."""
    security = settings.security
    if not security.master_key:
        raise StartupError(
            "security.master_key is not set: 32 random bytes as base64 (make one with: openssl rand -base64 32)"
        )
    try:
        return MasterKeys(
            decoded(security.master_key.reveal()), [decoded(one.reveal()) for one in security.former_master_keys]
        )
    except ValueError as fault:
        raise StartupError(f"security.master_key: {fault}") from None


def _agents_settings(registry: Registry) -> list[tuple[str, Any]]:
    return [(f"agents.{name}", config) for name, config in registry.configs.items()]
