"""Whether shipping keeps up."""

from datetime import timedelta

from auditlinc.shipping import positions
from masterlinc.context import Context


class ShippingBehind(Exception):
    """Rows wait for longer than is allowed."""


def name_of(ctx: Context) -> str:
    """Return under which name the position of the configured receiver is kept."""
    siem = ctx.config.siem
    return f"{siem.kind}"


async def health(ctx: Context) -> None:
    """Raise ShippingBehind where the oldest row waits for longer than `siem.alert_minutes`."""
    siem = ctx.config.siem
    if not siem.kind:
        return
    waits = await positions.waiting(ctx.db, name_of(ctx))
    if waits is not None and waits > timedelta(minutes=siem.alert_minutes):
        raise ShippingBehind
