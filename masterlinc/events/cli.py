"""`masterlinc events`: subscriptions, dead letters and replays of the whole system, and the document of the events."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from masterlinc.clock import RIYADH
from masterlinc.context import Context, Services
from masterlinc.events import asyncapi, dead_letters, replay, subscriptions
from masterlinc.ids import parse, show
from masterlinc.registry import assemble, discover
from masterlinc.security.principal import service_principal
from masterlinc.settings import load

Work = Callable[[Services], Awaitable[None]]
_AGAIN_SECONDS = 0.1


def add(commands: Any, run_with: Callable[[Work], int]) -> None:
    """Add the command to `masterlinc`; `run_with` runs work over the configured database."""
    events = commands.add_parser("events", help="see subscriptions and dead letters; redrive and replay events")
    verbs = events.add_subparsers(required=True, metavar="WHAT")

    listing = verbs.add_parser("subscriptions", help="list subscriptions and their backlog")
    listing.set_defaults(run=lambda _: run_with(_list_subscriptions))

    letters = verbs.add_parser("dead-letters", help="list events that a subscriber could not take, the newest first")
    letters.add_argument("--subscription", help="of this subscription only")
    letters.add_argument("--event", help="of this event only, as claimlinc.claim_submitted.v1")
    letters.add_argument("--limit", type=int, default=50, help="how many to show (default: %(default)s)")
    letters.set_defaults(run=lambda options: run_with(lambda services: _list_letters(services, options)))

    again = verbs.add_parser("redrive", help="hand out parked events again")
    again.add_argument("subscription", help="as claimlinc.count")
    which = again.add_mutually_exclusive_group(required=True)
    which.add_argument("--event", metavar="EVT-…", help="this event")
    which.add_argument("--all", action="store_true", help="all that are parked for the subscription")
    again.set_defaults(run=lambda options: run_with(lambda services: _redrive(services, options)))

    back = verbs.add_parser("replay", help="hand a subscription its events from a point on again")
    back.add_argument("subscription", help="as claimlinc.count")
    back.add_argument("--from", dest="start", required=True, metavar="TIME|EVT-…", help="where to begin")
    back.set_defaults(run=lambda options: run_with(lambda services: _replay(services, options)))

    document = verbs.add_parser("asyncapi", help="print the events as AsyncAPI 3.0")
    document.set_defaults(run=_print_document)


async def _list_subscriptions(services: Services) -> None:
    async with services.db.transaction(read_only=True) as transaction:
        found = await subscriptions.standing(transaction, None)
    print(f"{'subscription':<40} {'pending':>8} {'oldest':>8} {'parked':>7}  event")
    for one in found:
        oldest = "" if one.oldest_seconds is None else f"{one.oldest_seconds} s"
        replaying = "  (being replayed)" if one.replay and not one.replay.finished_at else ""
        print(f"{one.name:<40} {one.pending:>8} {oldest:>8} {one.parked:>7}  {one.event}{replaying}")


async def _list_letters(services: Services, options: argparse.Namespace) -> None:
    async with services.db.transaction(read_only=True) as transaction:
        found, _ = await dead_letters.listed(
            transaction, None, limit=options.limit, subscription=options.subscription, event=options.event
        )
    for one in found:
        behind = f", {one.blocked} behind it" if one.blocked else ""
        print(
            f"{_local(one.parked_at)}  {show(replay.PREFIX, one.event_id)}  {one.subscription}  {one.event}  "
            f"{one.error} (attempts: {one.attempts}{behind})"
        )
    if not found:
        print("nothing is parked")


async def _redrive(services: Services, options: argparse.Namespace) -> None:
    event = None if options.all else parse(replay.PREFIX, options.event)
    count = await dead_letters.redrive(_context(services), options.subscription, organizations=None, event=event)
    print(f"{count} handed out again")


async def _replay(services: Services, options: argparse.Namespace) -> None:
    start = replay.point(options.start)
    async with _context(services).transaction() as transaction:
        asked = await replay.ask(transaction, options.subscription, start, organizations=None, asked_by=None)
    while not (reached := await replay.progress(services, asked)).finished:
        if not await replay.advance(services):  # another process is at it, or a transaction of before is still open
            await asyncio.sleep(_AGAIN_SECONDS)
    print(f"{reached.queued} deliveries queued")


def _print_document(_: argparse.Namespace) -> int:
    settings = load()
    print(json.dumps(asyncapi.document(assemble(settings, *discover()), settings), ensure_ascii=False, indent=2))
    return 0


def _context(services: Services) -> Context:
    return Context("masterlinc", services, service_principal("masterlinc", frozenset()), trace_id="cli")


def _local(moment: datetime) -> str:
    return moment.astimezone(RIYADH).strftime("%Y-%m-%d %H:%M:%S")
