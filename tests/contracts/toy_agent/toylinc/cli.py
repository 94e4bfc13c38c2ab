"""The command `masterlinc toy-greet`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    command = commands.add_parser("toy-greet", help="greet somebody")
    command.add_argument("name")
    command.set_defaults(run=_greet)


def _greet(options: argparse.Namespace) -> int:
    print(f"hello, {options.name}")
    return 0
