"""`masterlinc members import FILE`: enrolment files from the command line."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the commands to `masterlinc`."""
    members = commands.add_parser("members", help="members of a payer")
    acts = members.add_subparsers(dest="act", required=True)
    taken = acts.add_parser("import", help="add, change and end members by a file, whole or not at all")
    taken.add_argument("file", type=Path, help="CSV with a heading, or a JSON list (docs/members.md)")
    taken.add_argument("--payer", required=True, help="the payer's licence or ORG- number")
    taken.add_argument("--check", action="store_true", help="change nothing, say what would be done")
    taken.set_defaults(run=import_members)


def import_members(options: argparse.Namespace) -> int:
    """Take an enrolment file; 1 with every fault on a line of its own."""
    from masterlinc.errors import Invalid, StartupError
    from policylinc.reach import payer_of_license
    from policylinc.roster.importing import import_members as take

    form: Any = "json" if options.file.suffix.lower() == ".json" else "csv"
    try:
        data = options.file.read_bytes()
    except OSError as fault:
        raise StartupError(f"{options.file}: {fault.strerror}") from None

    async def work(ctx: Any) -> Any:
        payer = await payer_of_license(ctx, options.payer)
        if payer is None:
            raise StartupError(f"no payer has the licence {options.payer}")
        return await take(ctx, payer, data, form, check=options.check, tell=_tell)

    try:
        done = asyncio.run(with_context(work))
    except Invalid as refused:
        for one in refused.errors:
            print(f"{one.path}: {one.detail} | {one.detail_ar}", file=sys.stderr)
        raise StartupError(f"{options.file}: {refused.detail}") from None
    said = "would be " if done.checked_only else ""
    print(
        f"{done.rows} lines: {done.added} {said}added, {done.changed} changed, {done.ended} ended,"
        f" {done.unchanged} unchanged"
    )
    return 0


async def with_context(work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do an operator's work with the services of a process that serves nothing."""
    from masterlinc import runtime
    from masterlinc.context import Context
    from masterlinc.registry import assemble, discover
    from masterlinc.security.principal import service_principal
    from masterlinc.settings import load

    settings = load()
    async with runtime.opened(settings, assemble(settings, *discover())) as services:
        return await work(Context("policylinc", services, service_principal("policylinc", frozenset()), trace_id="cli"))


def _tell(progress: str) -> None:
    print(progress, file=sys.stderr)
