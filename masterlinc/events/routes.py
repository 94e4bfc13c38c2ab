"""Events over HTTP, for operators: subscriptions, dead letters, replays, each of the caller's organizations alone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody
from msgspec import Struct, field

from masterlinc.agent import Permission
from masterlinc.context import Context
from masterlinc.events import asyncapi, dead_letters, replay, subscriptions
from masterlinc.events.errors import NoDeadLetter
from masterlinc.http import paging
from masterlinc.ids import looks_like, parse, show

PERMISSIONS = (
    Permission(
        "event:read", "See subscriptions and events that they could not take", "عرض الاشتراكات والأحداث المتوقفة"
    ),
    Permission("event:manage", "Replay and redrive events", "إعادة إرسال الأحداث ومعالجة المتوقف منها"),
)
DOCS_REASON = "the documentation of the events holds nothing secret, and production.toml turns it off"


class ReplayView(Struct):
    """The replay of a subscription that was asked for last."""

    status: str  # queueing, or queued: all its deliveries wait or were made
    asked_at: datetime
    queued: int
    queued_at: datetime | None


class SubscriptionView(Struct):
    """A subscription and what it has yet to take."""

    subscription: str
    agent: str
    event: str
    max_attempts: int
    pending: int
    parked: int
    oldest_pending_seconds: int | None
    replay: ReplayView | None


class SubscriptionList(Struct):
    """Every subscription."""

    subscriptions: list[SubscriptionView]
    total: int


class DeadLetterView(Struct):
    """An event that a subscriber could not take; `blocked` counts what waits behind it."""

    event_id: str
    subscription: str
    agent: str
    event: str
    organization_id: str
    aggregate: UUID
    aggregate_seq: int
    attempts: int
    error: str | None
    published_at: datetime | None
    parked_at: datetime
    blocked: int


class DeadLetterPage(Struct):
    """A page of them, the newest first."""

    dead_letters: list[DeadLetterView]
    total: int
    page: int
    page_size: int
    total_exact: bool


class Redrive(Struct, forbid_unknown_fields=True):
    """What to hand out again: one event of a subscription, or all that are parked for it."""

    subscription: str
    event_id: str | None = None


class Redriven(Struct):
    """How many were handed out again."""

    subscription: str
    redriven: int


class Replay(Struct, forbid_unknown_fields=True):
    """From which time or event on a subscription shall be handed its events again."""

    subscription: str
    start: str = field(name="from")


class ReplayAsked(Struct):
    """The replay was taken down; `GET /events/subscriptions` says how far it is."""

    subscription: str
    start: str = field(name="from")
    status: str = "queueing"


@get("/events/subscriptions", opt={"permission": "event:read"}, summary="List subscriptions and their backlog")
async def list_subscriptions(ctx: NamedDependency[Context]) -> SubscriptionList:
    """Return every subscription with what waits and what is parked."""
    async with ctx.transaction(read_only=True) as transaction:
        found = await subscriptions.standing(transaction, ctx.principal.organizations)
    return SubscriptionList([_view(one) for one in found], len(found))


@get("/events/dead-letters", opt={"permission": "event:read"}, summary="List events that could not be taken")
async def list_dead_letters(
    ctx: NamedDependency[Context],
    page: FromQuery[int] = 1,
    page_size: FromQuery[int] = 20,
    subscription: FromQuery[str | None] = None,
    event: FromQuery[str | None] = None,
) -> DeadLetterPage:
    """Return what is parked, of one subscription or event type where that is asked for."""
    wanted = paging.page(page, page_size)
    async with ctx.transaction(read_only=True) as transaction:
        found, counted = await dead_letters.listed(
            transaction,
            ctx.principal.organizations,
            limit=wanted.limit,
            offset=wanted.offset,
            subscription=subscription,
            event=event,
        )
    total, exact = paging.capped(counted)
    return DeadLetterPage([_letter(one) for one in found], total, page, page_size, exact)


@post("/events/redrive", opt={"permission": "event:manage"}, status_code=200, summary="Hand out parked events again")
async def redrive(ctx: NamedDependency[Context], data: JSONBody[Redrive]) -> Redriven:
    """Hand one parked event, or all of a subscription, to it again."""
    event = None
    if data.event_id is not None:
        if not looks_like(replay.PREFIX, data.event_id):
            raise NoDeadLetter
        event = parse(replay.PREFIX, data.event_id)
    count = await dead_letters.redrive(ctx, data.subscription, organizations=ctx.principal.organizations, event=event)
    return Redriven(data.subscription, count)


@post("/events/replay", opt={"permission": "event:manage"}, status_code=202, summary="Hand out events from a point on")
async def ask_replay(ctx: NamedDependency[Context], data: JSONBody[Replay]) -> ReplayAsked:
    """Hand a subscription its events from a time or an event on again, whether it took them before or not."""
    start = replay.point(data.start)
    async with ctx.transaction() as transaction:
        await replay.ask(
            transaction,
            data.subscription,
            start,
            organizations=ctx.principal.organizations,
            asked_by=ctx.principal.user_id,
        )
    return ReplayAsked(data.subscription, data.start)


@get("/asyncapi.json", opt={"public": DOCS_REASON}, include_in_schema=False)
async def show_asyncapi(ctx: NamedDependency[Context]) -> dict[str, Any]:
    """Return every event as AsyncAPI 3.0."""
    return asyncapi.document(ctx.services.registry, ctx.settings)


def _view(one: subscriptions.Standing) -> SubscriptionView:
    last = one.replay
    return SubscriptionView(
        subscription=one.name,
        agent=one.agent,
        event=one.event,
        max_attempts=one.max_attempts,
        pending=one.pending,
        parked=one.parked,
        oldest_pending_seconds=one.oldest_seconds,
        replay=None
        if last is None
        else ReplayView("queued" if last.finished_at else "queueing", last.asked_at, last.queued, last.finished_at),
    )


def _letter(one: dead_letters.DeadLetter) -> DeadLetterView:
    return DeadLetterView(
        event_id=show(replay.PREFIX, one.event_id),
        subscription=one.subscription,
        agent=one.agent,
        event=one.event,
        organization_id=show("ORG", one.organization_id),
        aggregate=one.aggregate,
        aggregate_seq=one.aggregate_seq,
        attempts=one.attempts,
        error=one.error,
        published_at=one.published_at,
        parked_at=one.parked_at,
        blocked=one.blocked,
    )


router = Router("/", route_handlers=[list_subscriptions, list_dead_letters, redrive, ask_replay], tags=["MasterLinc"])
docs_router = Router("/", route_handlers=[show_asyncapi], tags=["MasterLinc"])
