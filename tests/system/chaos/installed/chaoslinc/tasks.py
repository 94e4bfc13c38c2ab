"""Work that shows how often it had an effect, and dies where it is told to."""

from uuid import UUID

from chaoslinc.contract import Happened, Work, Worked
from chaoslinc.outside import deliver
from chaoslinc.points import FOLDER, strike, strike_late
from masterlinc.agent import Fail, StepDone, StepInput, Wait
from masterlinc.context import Context

_EFFECT = "INSERT INTO chaoslinc.effect (key, kind) VALUES ($1, $2)"
_STORE = "INSERT INTO chaoslinc.exchange (key, state) VALUES ($1, 'stored') ON CONFLICT (key) DO NOTHING"
_MARK = "UPDATE chaoslinc.exchange SET state = 'answered' WHERE key = $1 AND state = 'stored'"
_PARENT = """
SELECT p.business_key FROM masterlinc.workflow w JOIN masterlinc.workflow p ON p.id = w.parent_id WHERE w.id = $1"""
_HEARD = "SELECT count(*) FROM chaoslinc.effect WHERE key = $1 AND kind = 'told'"


async def record(ctx: Context, work: Work, nested: str = "") -> Worked:
    """Have an effect that commits with the step, and tell it."""
    strike(work.order, work.token, "before")
    async with ctx.transaction() as tx:
        await tx.execute(_EFFECT, ctx.step.key, "recorded")
        event = Happened(work.token, work.order, nested)
        tx.publish(event, aggregate=ctx.step.workflow_id, organization_id=ctx.principal.organization_id)
        strike(work.order, work.token, "inside")
        tx.on_commit(lambda: strike(work.order, work.token, "committed"))
    strike_late(work.order, work.token)
    return Worked(ctx.step.key)


async def send(ctx: Context, work: Work) -> Worked:
    """Store what is to be sent, send it, mark it as answered: each by itself, with the step's own key."""
    key = ctx.step.key
    strike(work.order, work.token, "unstored")
    async with ctx.transaction() as tx:
        await tx.execute(_STORE, key)
        strike(work.order, work.token, "storing")
    strike(work.order, work.token, "stored")
    deliver(key)
    strike(work.order, work.token, "sent")
    async with ctx.transaction() as tx:
        await tx.execute(_MARK, key)
        strike(work.order, work.token, "marking")
    strike(work.order, work.token, "marked")
    strike_late(work.order, work.token)
    return Worked(key)


async def take_back(ctx: Context, work: Work) -> Worked:
    """Take an effect back, with the step."""
    async with ctx.transaction() as tx:
        await tx.execute(_EFFECT, ctx.step.key, "taken back")
        strike(work.order, work.token, "undoing")
        tx.on_commit(lambda: strike(work.order, work.token, "undone"))
    return Worked(ctx.step.key)


async def call_back(ctx: Context, work: Work) -> Worked:
    """Call back what was sent outside."""
    strike(work.order, work.token, "uncalled")
    deliver(ctx.step.key)
    strike(work.order, work.token, "called")
    strike_late(work.order, work.token)
    return Worked(ctx.step.key)


async def refuse(_: Context, work: Work) -> Worked:
    """Fail for good."""
    raise Fail(f"{work.token} was to fail")


async def begin(ctx: Context, work: Work) -> Worked:
    """Start a workflow of the agent's own; its key is its order."""
    organization = ctx.principal.organization_id
    async with ctx.transaction() as tx:
        await tx.execute(_EFFECT, ctx.step.key, "recorded")
        await ctx.start_workflow(tx, "nested", f"{work.token}|{work.order}", organization)
    return Worked(ctx.step.key)


async def ask(ctx: Context, given: StepInput) -> StepDone:
    """Have an effect, and tell it to who answers."""
    await record(ctx, await _work(ctx, given), given.key)
    return StepDone("asked")


async def answered(ctx: Context, given: StepInput) -> StepDone:
    """Wait until it was heard, then have an effect."""
    async with ctx.transaction() as tx:
        if not await tx.fetchval(_HEARD, given.key):
            raise Wait
    await record(ctx, await _work(ctx, given))
    return StepDone("answered")


async def close(ctx: Context, given: StepInput) -> StepDone:
    """Have the last effect."""
    await record(ctx, await _work(ctx, given))
    return StepDone("closed")


async def send_by_key(ctx: Context, given: StepInput) -> StepDone:
    """Send something outside."""
    await send(ctx, await _work(ctx, given))
    return StepDone("sent")


async def _work(ctx: Context, given: StepInput) -> Work:
    """Read a key as `token|step order`: the order is for one of the steps, `inner_…` for one of the child's."""
    async with ctx.transaction() as tx:
        parent = await tx.fetchval(_PARENT, ctx.step.workflow_id)
    own = f"inner_{ctx.step.name}" if parent else ctx.step.name
    token, _, rest = (parent or given.key).partition("|")
    step, _, order = rest.partition(" ")
    return Work(f"{token} {own}", order if step == own else "")


async def hear(ctx: Context, event: Happened) -> None:
    """Have an effect for an event, and wake who waits for it."""
    async with ctx.transaction() as tx:
        await tx.execute(_EFFECT, str(UUID(ctx.trace_id)), "heard")
        strike(event.order, event.token, "hearing")
        if event.nested:
            await tx.execute(_EFFECT, event.nested, "told")
            await ctx.signal_workflow(tx, "chaoslinc.nested", event.nested)
        tx.on_commit(lambda: strike(event.order, event.token, "heard"))


async def stumble(ctx: Context, event: Happened) -> None:
    """Fail for every event of a token that the file `broken` names."""
    broken = FOLDER / "broken"
    if broken.exists() and event.token in broken.read_text().split():
        raise RuntimeError("told to fail")
    async with ctx.transaction() as tx:
        await tx.execute(_EFFECT, str(UUID(ctx.trace_id)), "stumbled")
