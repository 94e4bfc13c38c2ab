"""An authorization's last day: its workflow waits for the day after and says so, once and over restarts."""

from datetime import datetime, time, timedelta
from uuid import UUID

from claimlinc import authorization_queries as queries
from claimlinc.authorization_schemas import AuthorizationStatus
from claimlinc.service.authorization_states import Event, after
from claimlinc.service.authorizing import audit
from masterlinc.agent import Park, StepDone, StepInput, StepRun, Wait
from masterlinc.clock import RIYADH, Clock
from masterlinc.context import Context

_OVER = (AuthorizationStatus.CANCELLED, AuthorizationStatus.EXPIRED, AuthorizationStatus.WITHDRAWN)


async def expire(ctx: Context, step: StepInput) -> StepDone:
    """Let an authorization expire once its last day is over; one that was extended meanwhile waits on."""
    authorization_id = UUID(step.key.partition("/")[0])
    async with ctx.transaction() as tx:
        head = await queries.lock(tx, step.organization_id, authorization_id)
        if head is None:
            raise Park(f"there is no authorization {authorization_id}")
        status = AuthorizationStatus(head["status"])
        if status in _OVER:
            return StepDone(status.value)
        over = datetime.combine(head["valid_to"] + timedelta(days=1), time(), RIYADH)
        if ctx.clock.now() < over:
            raise waiting(ctx.step, ctx.clock, over)
        if status is AuthorizationStatus.ACTIVE:
            status = after(status, Event.EXPIRE)
            await queries.move(
                tx, step.organization_id, authorization_id, status.value, head["valid_to"], ctx.clock.now()
            )
            audit(tx, head, f"authorization.{Event.EXPIRE.value}", status)
        return StepDone(status.value)


def waiting(step: StepRun | None, clock: Clock, until: datetime) -> Wait:
    """Return the wait for a moment of our clock, which the engine counts by the database's."""
    return Wait(step.now + (until - clock.now())) if step is not None else Wait(until)
