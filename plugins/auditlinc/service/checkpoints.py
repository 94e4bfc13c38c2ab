"""Checkpoints for who keeps them elsewhere."""

from msgspec import structs

from auditlinc.schemas import CheckpointView
from auditlinc.service.search import audit_search
from masterlinc.audit import checkpoint
from masterlinc.context import Context
from masterlinc.errors import NotFound


async def show_checkpoint(ctx: Context) -> CheckpointView:
    """Return a checkpoint of the last seal; raises NotFound before the first one."""
    made = await checkpoint.make(ctx.services)
    async with ctx.transaction() as tx:
        audit_search(ctx, tx, "audit.checkpoint", "")
    if made is None:
        raise NotFound("Nothing is sealed yet", "لم يُختم شيء بعد")
    return CheckpointView(**structs.asdict(made))
