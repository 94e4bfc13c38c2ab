"""The command `masterlinc new`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from masterlinc.errors import DomainError

_WHAT = (
    "Write an agent into a folder of its own: a distribution with a route, a table with its migration, an event with a"
    " subscriber, a task, a workflow, settings, a health check, a command, and tests that pass."
)


def add(commands: Any) -> None:
    """Add the command to `masterlinc`."""
    new = commands.add_parser("new", help="write a new agent, with tests that pass", description=_WHAT)
    new.add_argument("name", help="a-z, 0-9 and underscores: the name of its package, schema and settings")
    new.add_argument("--folder", type=Path, help="where to write it (default: a folder of its name, here)")
    new.add_argument("--title", help="its title in English (default: made of its name)")
    new.add_argument("--title-ar", help="its title in Arabic")
    new.set_defaults(run=_new)


def _new(options: argparse.Namespace) -> int:
    from masterlinc.authoring.scaffold import named, write

    folder = options.folder or Path(options.name)
    try:
        agent = named(options.name, options.title, options.title_ar)
        files = write(agent, folder)
    except DomainError as fault:
        print(f"masterlinc: {fault.detail}\nmasterlinc: {fault.detail_ar}", file=sys.stderr)
        return 1
    print(f"{agent.title} is written: {len(files)} files in {folder}")
    print(f"تمت كتابة {agent.title_ar}: عدد الملفات {len(files)} في {folder}")
    print(f"\n  cd {folder}\n  pip install --editable '.[dev]'\n  pytest\n")
    return 0
