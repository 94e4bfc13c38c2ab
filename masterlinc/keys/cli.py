"""`masterlinc keys`: see the keys of sealed values, change them, and destroy what seals nothing any more."""

import argparse
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from masterlinc import runtime
from masterlinc.agent import Agent
from masterlinc.clock import RIYADH
from masterlinc.db import Database
from masterlinc.errors import StartupError
from masterlinc.ids import looks_like, parse, show
from masterlinc.kernel_agent import KERNEL
from masterlinc.keys import resealing, rotation
from masterlinc.registry import discover
from masterlinc.sealing import Vault
from masterlinc.sealing.following import Following
from masterlinc.security.principal import NOBODY
from masterlinc.settings import load

_STATEMENT_SECONDS = 3600.0  # counting reads whole tables
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Keys:
    """What the commands work with: the database as its owner, and the keys."""

    database: Database
    vault: Vault


def add(commands: Any) -> None:
    """Add the command to `masterlinc`."""
    keys = commands.add_parser("keys", help="see, change and destroy the keys of sealed values (as database.owner_url)")
    verbs = keys.add_subparsers(required=True, metavar="WHAT")

    status = verbs.add_parser("status", help="which keys there are, and what is still sealed with retired ones")
    status.add_argument("--quick", action="store_true", help="count no values: counting reads every sealed table")
    status.set_defaults(run=lambda options: _run(lambda keys: _status(keys, quick=options.quick)))

    master = verbs.add_parser("rotate-master", help="wrap every key by security.master_key")
    master.set_defaults(run=lambda _: _run(_rotate_master))

    data = verbs.add_parser("rotate-data", help="seal with a new data key from now on; the old ones still open")
    data.add_argument("--organization", metavar="ORG-…", help="this organization's only (default: every one's)")
    data.set_defaults(run=lambda options: _run(lambda keys: _rotate_data(keys, options.organization)))

    again = verbs.add_parser("reseal", help="seal what retired keys sealed anew; may be broken off, and goes on")
    again.set_defaults(run=lambda _: _run(_reseal))

    destroy = verbs.add_parser("destroy", help="destroy keys for good: what they sealed never opens again")
    which = destroy.add_mutually_exclusive_group(required=True)
    which.add_argument("--unused", action="store_true", help="retired keys that seal nothing any more")
    which.add_argument("--organization", metavar="ORG-…", help="all of this organization's, with all that they sealed")
    destroy.add_argument("--yes-destroy", metavar="ORG-…", help="the same organization again, to say that it is meant")
    destroy.set_defaults(run=lambda options: _run(lambda keys: _destroy(keys, options)))


def _run(work: Callable[[Keys], Awaitable[None]]) -> int:
    async def run() -> None:
        async with _opened() as keys:
            await work(keys)

    asyncio.run(run())
    return 0


@asynccontextmanager
async def _opened() -> AsyncIterator[Keys]:
    settings = load()
    if not settings.database.owner_url:
        raise StartupError("database.owner_url is not set: keys are changed as the role `owner`, not as `app`")
    settings.database.pool_size, settings.database.statement_seconds = 2, _STATEMENT_SECONDS
    database, vault = Database(settings.database, url=settings.database.owner_url), Vault(runtime.masters(settings))
    await runtime.open_migrated(database, discover()[0])
    try:
        await Following(database, vault).start()
        vault.ring.use(_END_OF_TIME)  # whatever is sealed here is sealed with the newest key there is
        yield Keys(database, vault)
    finally:
        await database.close()


async def _status(keys: Keys, *, quick: bool) -> None:
    masters, wrapped = keys.vault.ring.masters, await rotation.wrapped_by(keys.database)
    print(f"master key {masters.current}: security.master_key, wraps {wrapped.pop(masters.current, 0)} keys")
    for master, count in wrapped.items():
        known = "known" if master in masters.ids else "NOT KNOWN HERE"
        print(f"master key {master}: {known}, wraps {count} keys; run: masterlinc keys rotate-master")
    states = await rotation.keys(keys.database)
    living = [one for one in states if one.destroyed_at is None]
    retired = [one for one in living if one.retired_at is not None]
    print(
        f"data keys: {len(living) - len(retired)} in use, {len(retired)} retired, {len(states) - len(living)} destroyed"
    )
    if quick or not retired:
        return
    sealed = await _counted(keys)
    for one in retired:
        count = sealed[one.id]
        told = f"seals {count} values; run: masterlinc keys reseal" if count else _nothing(one)
        print(f"  {one.id} of {show('ORG', one.organization_id)}, retired {_local(one.retired_at)}: {told}")


def _nothing(key: rotation.KeyState) -> str:
    return (
        "seals nothing; it may be destroyed: masterlinc keys destroy --unused"
        if key.unused
        else "seals nothing; it may be destroyed some minutes after it was retired"
    )


async def _rotate_master(keys: Keys) -> None:
    count = await rotation.rotate_master(keys.database, keys.vault.ring.masters, print)
    left = set(await rotation.wrapped_by(keys.database)) - {keys.vault.ring.masters.current}
    print(f"{count} keys wrapped anew" if count else "every key is wrapped by security.master_key")
    if left:
        raise StartupError("a process wrapped a key by another master key meanwhile; restart it, and run this again")
    print("security.former_master_keys is needed no more")


async def _rotate_data(keys: Keys, organization: str | None) -> None:
    one = None if organization is None else _organization(organization)
    count = await rotation.rotate_data(keys.database, keys.vault.ring.masters, one, print)
    if not count:
        raise StartupError("there is no such key" if one else "there are no keys yet")
    print(f"{count} new keys seal in {rotation.SETTLE.seconds} seconds; what is stored: masterlinc keys reseal")


async def _reseal(keys: Keys) -> None:
    total = 0
    await rotation.settled(keys.database)
    for column in await resealing.columns(keys.database, _agents()):
        count = await resealing.reseal(keys.database, keys.vault, column, print)
        total += count
        if count:
            print(f"{column.name}: {count} values sealed anew, done")
    print(f"{total} values sealed anew")


async def _destroy(keys: Keys, options: argparse.Namespace) -> None:
    states = [one for one in await rotation.keys(keys.database) if one.destroyed_at is None]
    if options.unused:
        gone = await resealing.without_agent(keys.database, _agents())
        if gone:
            raise StartupError(f"{', '.join(gone)} has tables here and is not installed: what it sealed is not counted")
        sealed = await _counted(keys)
        doomed = [one for one in states if one.unused and not sealed[one.id]]
        await rotation.destroy(keys.database, doomed, "keys.destroy_unused")
        print(f"{len(doomed)} keys destroyed")
        return
    organization = _organization(options.organization)
    if options.yes_destroy != options.organization:
        raise StartupError(f"this destroys all that is sealed of it: add --yes-destroy {options.organization}")
    if organization == NOBODY:
        raise StartupError("the keys of the system itself are not destroyed: nobody could sign in any more")
    doomed = [one for one in states if one.organization_id == organization]
    if not doomed:
        raise StartupError("there is no such key")
    await rotation.destroy(keys.database, doomed, "keys.destroy_organization")
    print(f"{len(doomed)} keys destroyed: what they sealed never opens again")


async def _counted(keys: Keys) -> Counter[UUID]:
    """Count what each key has sealed."""
    sealed: Counter[UUID] = Counter()
    for column in await resealing.columns(keys.database, _agents()):
        sealed.update(await resealing.count(keys.database, column))
    return sealed


def _agents() -> list[Agent]:
    """Return every agent that is installed, disabled ones too: their rows are there."""
    return [KERNEL, *discover()[0]]


def _organization(text: str) -> UUID:
    if not looks_like("ORG", text):
        raise StartupError(f"{text} is no number of an organization, as ORG-…")
    return parse("ORG", text)


def _local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(RIYADH).strftime("%Y-%m-%d %H:%M:%S")
