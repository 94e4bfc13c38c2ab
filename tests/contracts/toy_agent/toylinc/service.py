"""The rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from masterlinc.agent import StepDone, StepInput
from masterlinc.context import Context
from masterlinc.errors import Unavailable
from masterlinc.ids import new_id
from toylinc.contract import Greet, Greeted, Greeting
from toylinc.tables import GreetingRow

OPENED: list[str] = []  # what the lifespan of this process has done


async def greet(ctx: Context, request: Greet) -> Greeting:
    """Greet somebody; the first greeting of an organization starts a workflow too."""
    text, key, organization = f"{ctx.config.greeting}, {request.name}", new_id(), ctx.principal.organization_id
    async with ctx.transaction() as tx:
        before = await GreetingRow.count().where(GreetingRow.text == text)
        await GreetingRow.insert(GreetingRow(organization_id=organization, id=key, text=text, counted=0))
        tx.publish(Greeted(key), aggregate=key, organization_id=organization)
        tx.audit("toy.greeted", "greeting", str(key), organization_id=organization)
        await ctx.start_workflow(tx, "waving", str(organization), organization)
    return Greeting(text, before)


async def count(ctx: Context, event: Greeted) -> None:
    """Count a greeting that was published."""
    async with ctx.transaction():
        await GreetingRow.update({GreetingRow.counted: GreetingRow.counted + 1}).where(
            GreetingRow.id == event.greeting_id
        )


async def wave(ctx: Context, request: StepInput) -> StepDone:
    """Do the one step of the workflow."""
    async with ctx.transaction() as tx:
        tx.audit("toy.waved", "organization", request.key, organization_id=request.organization_id)
    return StepDone("waved")


async def check(ctx: Context) -> None:
    """Raise when the agent is not well."""
    if ctx.config.sick:
        raise Unavailable("the toy is sick", "اللعبة مريضة")


@asynccontextmanager
async def lifespan(ctx: Context) -> AsyncIterator[None]:
    """Say when the process begins and ends."""
    OPENED.append(f"opened {ctx.agent}")
    yield
    OPENED.append(f"closed {ctx.agent}")
