"""`masterlinc members import FILE` and `masterlinc policies import FILE…`: a payer's files from the command line."""

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
    policies = commands.add_parser("policies", help="products, networks, prices and rules of a payer")
    terms = policies.add_subparsers(dest="act", required=True).add_parser(
        "import", help="let new versions hold by files, all of them or none"
    )
    terms.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON or CSV (docs/policies.md)")
    terms.add_argument("--payer", required=True, help="the payer's licence or ORG- number")
    terms.add_argument("--check", action="store_true", help="change nothing, say what would be done")
    terms.add_argument("--backdated", action="store_true", help="let days that are over be changed")
    terms.set_defaults(run=import_terms)


def import_members(options: argparse.Namespace) -> int:
    """Take an enrolment file; 1 with every fault on a line of its own."""
    from masterlinc.errors import Invalid, StartupError
    from policylinc.roster.importing import import_members as take

    form: Any = "json" if options.file.suffix.lower() == ".json" else "csv"
    try:
        data = options.file.read_bytes()
    except OSError as fault:
        raise StartupError(f"{options.file}: {fault.strerror}") from None

    async def work(ctx: Any) -> Any:
        payer = await _payer_of(ctx, options.payer)
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


def import_terms(options: argparse.Namespace) -> int:
    """Take files of terms; 1 with every fault of every file on a line of its own."""
    from masterlinc.errors import Invalid, StartupError
    from policylinc.changes.importing import import_documents
    from policylinc.changes.reading import join, read_file

    try:
        read = join((str(path), read_file(path.name, path.read_bytes())) for path in options.files)
    except OSError as fault:
        raise StartupError(f"{fault.filename}: {fault.strerror}") from None

    async def work(ctx: Any) -> Any:
        payer = await _payer_of(ctx, options.payer)
        switches = {"check": options.check, "backdated": options.backdated}
        return await import_documents(ctx, payer, read, tell=_tell, **switches)

    try:
        done = asyncio.run(with_context(work))
    except Invalid as refused:
        for one in refused.errors:
            print(f"{one.path}: {one.detail} | {one.detail_ar}", file=sys.stderr)
        raise StartupError(refused.detail) from None
    for one in done:
        named = f"{one.kind} {one.subject}".strip()
        change = one.difference
        print(
            f"{named} from {one.effective_from}: {change.added} added, {change.changed} changed, {change.ended} ended"
        )
    if options.check:
        print("Nothing was changed: this was a check")
    return 0


async def _payer_of(ctx: Any, reference: str) -> Any:
    from masterlinc.errors import StartupError
    from policylinc.reach import payer_of_license

    payer = await payer_of_license(ctx, reference)
    if payer is None:
        raise StartupError(f"no payer has the licence {reference}")
    return payer


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
