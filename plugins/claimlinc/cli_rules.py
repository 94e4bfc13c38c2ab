"""`masterlinc rules`: the rules that claims are decided by, listed, or written as pages."""

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to `masterlinc`."""
    parser = commands.add_parser("rules", help="list the rules that claims are decided by, or write their pages")
    parser.set_defaults(run=_list)
    kinds = parser.add_subparsers(metavar="COMMAND")
    docs = kinds.add_parser("docs", help="write the pages of the rules, and remove those of rules that are gone")
    docs.add_argument("folder", type=Path, nargs="?", default=Path("docs/rules"), help="default: %(default)s")
    docs.set_defaults(run=_docs)


def _list(_: argparse.Namespace) -> int:
    from claimlinc.adjudication.rules import RULES

    for place, rule in enumerate(RULES, start=1):
        print(f"{place:>3}  {rule.stage.value:<12} {rule.id}@{rule.version}: {rule.title}")
    return 0


def _docs(options: argparse.Namespace) -> int:
    from claimlinc.adjudication.pages import pages

    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    written = pages()
    for page in folder.glob("*.md"):
        if page.name not in written:
            page.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0
