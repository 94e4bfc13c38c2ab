"""`masterlinc ageing`: how long the claims of an organization wait, against the 45-day clocks."""

import argparse
import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from masterlinc.errors import DomainError, StartupError

if TYPE_CHECKING:
    from claimlinc.remittance_schemas import Ageing


def add(commands: Any) -> None:
    """Add the command to `masterlinc`."""
    parser = commands.add_parser("ageing", help="show how long the claims of a provider or payer wait")
    parser.add_argument("--organization", required=True, metavar="ORG-…", help="the provider or the payer")
    parser.add_argument(
        "--counted-from",
        choices=["submission", "answer", "payment"],
        default="submission",
        help="where the days begin; `payment`: of paid claims, how long it took (default: %(default)s)",
    )
    parser.add_argument("--as-of", metavar="DAY", help="on this day (default: today)")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="(default: %(default)s)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from masterlinc import wire

    try:
        found = asyncio.run(_show(options))
    except DomainError as fault:
        raise StartupError("; ".join(f"{one.path}: {one.detail}" for one in fault.errors) or fault.detail) from None
    if options.format == "json":
        print(wire.dump(found))
        return 0
    for line in _lines(found):
        print(line)
    return 0


async def _show(options: argparse.Namespace) -> "Ageing":
    from claimlinc.service import ageing
    from masterlinc import ids, runtime
    from masterlinc.context import Context
    from masterlinc.registry import assemble, discover
    from masterlinc.security.principal import service_principal
    from masterlinc.settings import load

    organization = ids.parse("ORG", options.organization)
    settings = load()
    async with runtime.opened(settings, assemble(settings, *discover())) as services:
        principal = service_principal("claimlinc", frozenset({organization}))
        ctx = Context("claimlinc", services, principal, trace_id="cli")
        return await ageing.show(ctx, options.counted_from, options.as_of)


def _lines(found: "Ageing") -> Iterable[str]:
    yield f"on {found.as_of}, days from {found.counted_from}, late after {found.days}; filed late: {found.filed_late}"
    for group in found.groups:
        yield (
            f"{group.provider_id} at {group.payer_id or 'no known payer'}, for {group.waits_for}:"
            f" {group.claims} claims, SAR {group.amount:,.2f}; late {group.late}, SAR {group.late_amount:,.2f}"
        )
        for band in group.bands:
            days = f"{band.days_from} to {band.days_to}" if band.days_to is not None else f"{band.days_from} and more"
            yield f"  {days:>12} days {band.claims:>8} claims {band.amount:>18,.2f}"
