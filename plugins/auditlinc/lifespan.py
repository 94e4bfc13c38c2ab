"""What runs as long as the process does: shipping, where a SIEM is named."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from auditlinc.shipping.shipper import Shipper
from auditlinc.shipping.target import target_of
from masterlinc.beside import beside
from masterlinc.context import Context


@asynccontextmanager
async def lifespan(ctx: Context) -> AsyncIterator[None]:
    """Ship while the block runs, if this process serves the agent; the target's files are read at the start."""
    target = target_of(ctx.config.siem)
    if target is None or ctx.agent not in ctx.services.served:
        yield
        return
    shipper = Shipper(ctx, target)
    try:
        async with beside(shipper.keep_on(), "auditlinc-shipping"):
            yield
    finally:
        await shipper.give_up()
        await target.close()
