"""`masterlinc audit`: verify the chain, keep a checkpoint elsewhere, change the sealing key, take personal data out."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from masterlinc.context import Services
from masterlinc.errors import StartupError
from masterlinc.ids import looks_like, parse

CHANGED = 3  # the exit code where something is not as it was sealed
Run = Callable[[Callable[[Services], Awaitable[None]]], int]


def add(commands: Any, with_services: Run) -> None:
    """Add the command; `with_services` runs work over the configured database."""
    audit = commands.add_parser("audit", help="verify the audit, keep checkpoints, change its key, erase what rows say")
    what = audit.add_subparsers(required=True, metavar="WHAT")

    verify = what.add_parser("verify", help="compare every audit row with its seal; exit code 3 where one differs")
    verify.add_argument("--url", default="", help="the database (default: database.owner_url)")
    verify.add_argument(
        "--checkpoint", type=Path, action="append", default=[], help="a checkpoint that was kept elsewhere; repeatable"
    )
    verify.add_argument("--public-key", type=Path, help="the sealing key's public half: PEM, base64, or a checkpoint")
    verify.set_defaults(run=_verify)

    checkpoint = what.add_parser("checkpoint", help="seal what is committed, and write a signed checkpoint")
    checkpoint.add_argument("--out", type=Path, help="the file to write (default: standard output)")
    checkpoint.set_defaults(run=lambda options: with_services(lambda services: _checkpoint(services, options.out)))

    rotate = what.add_parser("rotate-key", help="have a new key sign from now on; the old one endorses it")
    rotate.set_defaults(run=lambda _: with_services(_rotate))

    erase = what.add_parser("erase", help="take out what rows say of persons; their seals still hold")
    erase.add_argument("rows", nargs="+", type=_row, metavar="ROW", help="the number of an audit row, as AUD-…")
    erase.add_argument("--reason", required=True, help="why, for the row that tells of it: no personal data")
    erase.set_defaults(run=_erase)


def _verify(options: argparse.Namespace) -> int:
    from masterlinc.audit.verification import Anchors, BadAnchor, Report, read_checkpoint, read_public_key

    try:
        kept = tuple(read_checkpoint(path) for path in options.checkpoint)
        public = read_public_key(options.public_key) if options.public_key else None
    except BadAnchor as fault:
        raise StartupError(str(fault)) from None
    is_terminal = sys.stderr.isatty()

    def tell(report: Report) -> None:
        if is_terminal:
            print(f"\r{report.rows} rows in {report.seals} seals", end="", file=sys.stderr, flush=True)

    report = asyncio.run(_verified(options.url or _owner_url(), Anchors(kept, public), tell))
    if is_terminal:
        print("\r", end="", file=sys.stderr)
    for found in report.faults:
        print(found)
    if report.more:
        print(f"and {report.more} more")
    state = "as sealed" if report.ok else "NOT AS SEALED"
    extra = f", {report.erased} erased, {report.unsealed} not sealed yet"
    print(f"{state}: {report.rows} rows in {report.seals} seals{extra}")
    if not (kept or public):
        print("without --checkpoint, what was cut off at the end or written anew as a whole is not seen")
    return 0 if report.ok else CHANGED


async def _verified(url: str, anchors: Any, tell: Any) -> Any:
    import asyncpg

    from masterlinc.audit.verification import verify
    from masterlinc.db.connecting import connect_to

    try:
        connection = await connect_to(url, server_settings={"application_name": "masterlinc audit", "jit": "off"})
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        raise StartupError(f"PostgreSQL does not answer: {fault}") from None
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await verify(connection, anchors, tell)
    finally:
        await connection.close()


async def _checkpoint(services: Services, out: Path | None) -> None:
    from masterlinc.audit import checkpoint
    from masterlinc.audit.sealer import seal_all

    await seal_all(services)
    made = await checkpoint.make(services)
    if made is None:
        raise StartupError("there is no audit row yet")
    if out is None:
        print(checkpoint.text(made).decode(), end="")
    else:
        await asyncio.to_thread(checkpoint.write, made, out)
        print(f"{out}: {made.total} rows in {made.number} seals")


async def _rotate(services: Services) -> None:
    from masterlinc.audit import keys

    async with services.db.transaction() as transaction:
        kid = await keys.rotate(transaction, services.vault, services.clock.now())
    print(f"{kid} signs from now on")


def _row(text: str) -> UUID:
    """Read a row's number, as a search shows it or as `verify` does."""
    try:
        return parse("AUD", text) if looks_like("AUD", text) else UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number of an audit row, as AUD-…") from None


def _erase(options: argparse.Namespace) -> int:
    from masterlinc.audit.erasing import erase

    gone = asyncio.run(erase(_owner_url(), options.rows, options.reason))
    print(f"{gone} rows erased")
    return 0


def _owner_url() -> str:
    from masterlinc.settings import load

    url = load().database.owner_url.reveal()
    if not url:
        raise StartupError("database.owner_url is not set: the whole audit is read as the role `owner`, not as `app`")
    return url
