"""`masterlinc adjudicate`: past decisions made again, the same way or on other terms; a file of submissions decided."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from masterlinc.errors import StartupError

if TYPE_CHECKING:
    from claimlinc.replay.replaying import Asked, Replayed
    from masterlinc.context import Context

R = TypeVar("R")

DIFFERS = 3


def add(commands: Any) -> None:
    """Add the command to `masterlinc`."""
    adjudicate = commands.add_parser("adjudicate", help="decide past claims again; decide a file of submissions")
    verbs = adjudicate.add_subparsers(required=True, metavar="WHAT")
    replay = verbs.add_parser("replay", help="decide on what was kept; 3 where a decision is not the same again")
    replay.add_argument("--payer", action="append", metavar="ORG-…", help="of this payer only; may be repeated")
    replay.add_argument("--since", metavar="DAY|TIME", help="decided from then on")
    replay.add_argument("--until", metavar="DAY|TIME", help="decided before then; a day counts whole")
    replay.add_argument("--claim", action="append", metavar="CLM-…", help="this claim only; may be repeated")
    replay.add_argument("--policy-version", metavar="DAY", help="with the products' benefits of this day: a what-if")
    replay.add_argument("--overrides", type=Path, metavar="FILE", help="with other terms, as JSON: a what-if")
    replay.add_argument("--processes", type=int, default=2, help="that share the work (default: %(default)s)")
    replay.add_argument("--show", type=int, default=20, help="how many changed claims to show (default: %(default)s)")
    replay.add_argument("--format", choices=["text", "json"], default="text", help="(default: %(default)s)")
    replay.set_defaults(run=_replay)
    batch = verbs.add_parser("batch", help="decide a file of submissions to a payer, each once; run again, it goes on")
    batch.add_argument("file", type=Path, help="a submission a line, as JSON")
    batch.add_argument("--payer", required=True, metavar="ORG-…", help="whose decisions they are")
    batch.add_argument("--processes", type=int, default=2, help="that share the work (default: %(default)s)")
    batch.add_argument("--format", choices=["text", "json"], default="text", help="(default: %(default)s)")
    batch.set_defaults(run=_batch)


def _replay(options: argparse.Namespace) -> int:
    from claimlinc.replay.replaying import asked

    try:
        overrides = options.overrides.read_bytes() if options.overrides else None
    except OSError as fault:
        raise StartupError(f"{options.overrides}: {fault.strerror}") from None
    wanted = asked(
        payers=options.payer or (),
        claims=options.claim,
        since=options.since,
        until=options.until,
        overrides=overrides,
        policy_version=options.policy_version,
        sample=options.show,
        processes=options.processes,
    )
    found = asyncio.run(_run(wanted, _progress()))
    _print(found, as_json=options.format == "json")
    return DIFFERS if found.differs else 0


def _batch(options: argparse.Namespace) -> int:
    from claimlinc.batch import files
    from claimlinc.batch.running import Summary, Work, run, spread
    from masterlinc import ids, wire

    payer, total = ids.parse("ORG", options.payer), Summary()
    tell = _progress()
    try:
        count = files.check(options.file, _max_lines())
    except OSError as fault:
        raise StartupError(f"{options.file}: {fault.strerror}") from None

    def add(done: Summary) -> None:
        total.add(done)
        tell(total.decided + total.kept + total.refused, count)

    work = Work(str(options.file), payer)

    async def alone(ctx: "Context") -> None:
        await run(ctx.acting_for(payer), work, add)

    asyncio.run(_with_context(alone) if options.processes <= 1 else spread(work, options.processes, add))
    if options.format == "json":
        print(wire.dump(total))
    else:
        outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(total.outcomes.items()))
        print(f"{total.decided} decided{f' ({outcomes})' if outcomes else ''}, {total.kept} had been decided before")
        for one in total.refusals:
            print(f"line {one.line}: {one.claim_number}: {one.detail}")
    return 1 if total.refused else 0


def _max_lines() -> int:
    from masterlinc.registry import assemble, discover
    from masterlinc.settings import load

    lines: int = assemble(load(), *discover()).configs["claimlinc"].max_lines
    return lines


async def _run(wanted: "Asked", tell: Callable[[int, int], None]) -> "Replayed":
    from claimlinc.replay.replaying import replay

    return await _with_context(lambda ctx: replay(ctx, wanted, tell))


async def _with_context(work: Callable[["Context"], Awaitable[R]]) -> R:
    from masterlinc import runtime
    from masterlinc.context import Context
    from masterlinc.registry import assemble, discover
    from masterlinc.security.principal import service_principal
    from masterlinc.settings import load

    settings = load()
    async with runtime.opened(settings, assemble(settings, *discover())) as services:
        return await work(Context("claimlinc", services, service_principal("claimlinc", frozenset()), trace_id="cli"))


def _progress() -> Callable[[int, int], None]:
    """Tell on a terminal how far it is."""
    if not sys.stderr.isatty():
        return lambda *_: None

    def tell(done: int, total: int) -> None:
        print(f"\r{done:,} of {total:,}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return tell


def _print(found: "Replayed", *, as_json: bool) -> None:
    from masterlinc import wire

    if as_json:
        print(wire.dump(found))
        return
    for line in _lines(found):
        print(line)


def _lines(found: "Replayed") -> Iterable[str]:
    compared, simulated = found.compared, found.simulated
    if compared is not None:
        yield f"{compared.claims} decisions made again: {compared.same} the same, {compared.different} not"
        if compared.other_versions:
            yield f"{compared.other_versions} of them were made by other versions of the rules"
        for one in compared.sample:
            by = " (other versions)" if one.versions else ""
            yield f"{one.decision_id}  {one.claim_number}  {one.at}: {one.kept} was kept, {one.made} is made now{by}"
    if simulated is not None:
        yield from _what_if(simulated)


def _what_if(found: Any) -> Iterable[str]:
    yield f"{found.claims} claims, {found.changed} would be decided otherwise ({found.changed_lines} lines)"
    riyals = found.difference.riyals
    for name in riyals.difference.__struct_fields__:
        before, after, moved = (getattr(one, name) for one in (riyals.before, riyals.after, riyals.difference))
        yield f"  {name:<14} {before:>18,.2f} {after:>18,.2f} {moved:>+16,.2f}"
    for rule in found.difference.by_rule:
        yield f"  {rule.rule:<24} {rule.lines:>9} lines  payer {rule.payer_share:>+16,.2f}"
    for one in found.difference.by_outcome:
        yield f"  {one.before} to {one.after}: {one.claims} claims"
    for party in found.difference.by_provider:
        yield f"  {party.party_id or party.license}  {party.changed} claims  payer {party.payer_share:+,.2f}"
    for claim in found.sample:
        yield (
            f"{claim.decision_id}  {claim.claim_number}  {claim.outcome_before} to {claim.outcome_after}  payer"
            f" {claim.payer_share_before} to {claim.payer_share_after}  by {', '.join(claim.rules)}"
        )
