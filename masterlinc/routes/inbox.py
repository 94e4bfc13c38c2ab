"""Messages between agents: kept in the receiver's inbox, handled by its task where their type is one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Raw, Struct, field, structs

from masterlinc.agent import Agent, Task
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import Conflict, DomainError, Gone, NotFound, TooLarge
from masterlinc.ids import new_id, parse, show
from masterlinc.messages import queries
from masterlinc.messages.queries import MessageRow, NewMessage, Wanted
from masterlinc.processes import reading as processes
from masterlinc.routes.execute import given
from masterlinc.routes.submitting import PREFIX as WORKFLOW
from masterlinc.routes.submitting import Asked, status_url, submit
from masterlinc.wire import decode, encode, tree
from masterlinc.workflow.form import Priority, empty
from masterlinc.workflow.one_task import plan_of

PREFIX = "INB"
MAX_BYTES = 1_048_576
STATES = ("queued", "delivered", "handled", "failed", "acknowledged")

End = Annotated[str, Meta(min_length=1, max_length=64)]


class MessageForm(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message; with a `message_key` a sender sends it once."""

    sender_id: End
    receiver_id: End
    message_type: Annotated[str, Meta(min_length=1, max_length=128)]
    content: Raw = field(default_factory=empty)
    priority: Priority = 5
    message_key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class MessageSummary(Struct):
    """A message in a list, without its content."""

    message_id: str
    status: str  # queued, delivered, handled, failed or acknowledged
    sender_id: str
    receiver_id: str
    message_type: str
    priority: int
    sent_by: str
    sent_at: datetime
    delivered_at: datetime | None
    acknowledged_at: datetime | None
    workflow_id: str | None
    status_url: str


class MessageView(MessageSummary):
    """A message; its content is hidden from who lacks the permission of the task that it is meant for."""

    content: Raw | None
    content_hidden: bool


class UnknownEnd(NotFound):
    """A message's sender or receiver is no agent."""

    code = "unknown-agent"


class AgentDisabled(Conflict):
    """The receiver does not run in this system."""

    code = "agent-disabled"
    title, title_ar = "The receiver is disabled", "الوكيل المستلم معطل"


class KeyTaken(Conflict):
    """The sender has sent something else under this key."""

    code = "message-key-taken"
    title, title_ar = "Another message was sent under this message_key", "أُرسلت رسالة أخرى بقيمة message_key نفسها"


class NotYet(Conflict):
    """The message is still on its way, or still worked on."""

    code = "message-state"
    title, title_ar = "The message is still being worked on", "ما زالت الرسالة قيد المعالجة"


async def send(ctx: Context, form: MessageForm) -> tuple[MessageSummary, bool]:
    """Keep a message, and start what handles it; False when it had been sent before under its key."""
    receiver = _ends(ctx, form)
    task = next((one for one in receiver.tasks if one.permission and form.message_type in _names(receiver, one)), None)
    if task is not None:
        ctx.principal.require(task.permission)
        _check(form, task)
    row, new = await ctx.run(lambda transaction: _keep(ctx, transaction, form, task))
    return _summary(row), new


async def show_message(ctx: Context, text: str) -> MessageView:
    """Return a message with its content; that it was read is audited, since it may hold health data.

    Raises Gone once retention has cleared it.
    """
    async with ctx.transaction() as transaction:
        row = await _load(transaction, text)
        if row.forgotten_at is not None:
            raise Gone(
                f"the message was {row.state}; what it said was kept for its time",
                f"حالة الرسالة {row.state} وانقضت مدة حفظ محتواها",
            )
        hidden = not _may_read(ctx, row)
        if not hidden:
            transaction.audit("message.read", "message", show(PREFIX, row.id), organization_id=row.organization_id)
    content = None
    if not hidden and row.content is not None:
        content = Raw(ctx.vault.open(row.organization_id, _label(row.id), row.content))
    return MessageView(**structs.asdict(_summary(row)), content=content, content_hidden=hidden)


async def list_messages(ctx: Context, wanted: Wanted, limit: int, offset: int) -> tuple[list[MessageSummary], int]:
    """Return a page of messages in the order of an inbox: the urgent first, then the old."""
    async with ctx.transaction(read_only=True) as transaction:
        rows, counted = await queries.listed(transaction, wanted, limit, offset)
    return [_summary(row) for row in rows], counted


async def acknowledge(ctx: Context, text: str) -> MessageSummary:
    """Note that somebody has seen a message to its end; once more changes nothing."""

    async def work(transaction: Transaction) -> MessageRow:
        row = await _load(transaction, text)
        if row.state in {"queued", "delivered"} and row.workflow_id is not None:
            raise NotYet
        if await queries.acknowledge(transaction, row.id, ctx.principal.user_id):
            name = show(PREFIX, row.id)
            transaction.audit("message.acknowledge", "message", name, organization_id=row.organization_id)
        return await _load(transaction, text)

    return _summary(await ctx.run(work))


def _ends(ctx: Context, form: MessageForm) -> Agent:
    registry = ctx.services.registry
    known = {agent.name: agent for agent in (*registry.agents, *registry.disabled)}
    skipped = {one.name for one in registry.skipped}
    for name in (form.sender_id, form.receiver_id):
        if name not in known and name not in skipped:
            raise UnknownEnd(f"there is no agent {name}", f"لا يوجد وكيل باسم {name}")
    if form.receiver_id not in registry.names():
        raise AgentDisabled(
            f"agent {form.receiver_id} is disabled and takes no messages",
            f"الوكيل {form.receiver_id} معطل ولا يستقبل الرسائل",
        )
    return known[form.receiver_id]


def _names(agent: Agent, task: Task) -> tuple[str, str]:
    return task.label, f"{agent.name}.{task.label}"


def _check(form: MessageForm, task: Task) -> None:
    try:
        decode(given(form.content), task.request)
    except DomainError as fault:
        inside = [structs.replace(one, path=f"content.{one.path}".rstrip(".")) for one in fault.errors]
        raise type(fault)(f"content: {fault.detail}", f"content: {fault.detail_ar}", errors=inside) from None


async def _keep(
    ctx: Context, transaction: Transaction, form: MessageForm, task: Task | None
) -> tuple[MessageRow, bool]:
    home, new = ctx.principal.organization_id, new_id()
    content = given(form.content)
    if len(content) > MAX_BYTES:
        raise TooLarge(f"content: at most {MAX_BYTES:,} bytes", f"content: الحجم الأقصى {MAX_BYTES:,} بايت")
    print_of = encode([form.receiver_id, form.message_type, form.priority, Raw(content)]).decode()
    fingerprint = ctx.vault.blind(home, "message", print_of)
    if form.message_key is not None:
        await queries.lock_key(transaction, home, form.sender_id, form.message_key)
        before = await queries.of_key(transaction, home, form.sender_id, form.message_key)
        if before is not None and before.fingerprint != fingerprint:
            raise KeyTaken(extra={"message_id": show(PREFIX, before.id)})
        if before is not None:
            return before, False
    workflow, delivered = None, True
    if task is not None:
        plan = plan_of(form.receiver_id, task, tree(content))
        asked = Asked(f"{form.receiver_id}.{task.label}", form.priority)
        workflow = (await submit(ctx, transaction, plan, asked)).id
        delivered = bool(processes.serving(await processes.living(transaction), form.receiver_id))
    message = NewMessage(
        organization_id=home,
        id=new,
        sender=form.sender_id,
        receiver=form.receiver_id,
        message_type=form.message_type,
        message_key=form.message_key,
        fingerprint=fingerprint,
        priority=form.priority,
        content=ctx.vault.seal(home, _label(new), content),
        sent_by=ctx.principal.user_id,
        workflow_id=workflow,
        delivered=delivered,
    )
    await queries.add(transaction, message)
    detail = {"sender": form.sender_id, "receiver": form.receiver_id, "type": form.message_type}
    transaction.audit("message.send", "message", show(PREFIX, new), organization_id=home, detail=detail)
    row = await queries.find(transaction, new)
    assert row is not None, "it was added just now"
    return row, True


async def _load(transaction: Transaction, text: str) -> MessageRow:
    row = await queries.find(transaction, parse(PREFIX, text))
    if row is None:
        raise NotFound
    return row


def _may_read(ctx: Context, row: MessageRow) -> bool:
    if row.workflow_id is None or row.sent_by == ctx.principal.user_id:
        return True
    name = row.message_type if "." in row.message_type else f"{row.receiver}.{row.message_type}"
    known = ctx.services.registry.tasks.get(name)
    return known is not None and known[1].permission != "" and ctx.principal.may(known[1].permission)


def _label(message: UUID) -> str:
    return f"message.content/{message}"


def _summary(row: MessageRow) -> MessageSummary:
    return MessageSummary(
        message_id=show(PREFIX, row.id),
        status=row.state,
        sender_id=row.sender,
        receiver_id=row.receiver,
        message_type=row.message_type,
        priority=row.priority,
        sent_by=show("USR", row.sent_by),
        sent_at=row.sent_at,
        delivered_at=row.delivered_at,
        acknowledged_at=row.acknowledged_at,
        workflow_id=show(WORKFLOW, row.workflow_id) if row.workflow_id else None,
        status_url=status_url(row.workflow_id) if row.workflow_id else f"/api/v1/messages/{show(PREFIX, row.id)}",
    )
