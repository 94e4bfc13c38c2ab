"""`masterlinc validate FILE`: check a message on this machine, without a server."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nphieslinc.validating import Report


def add(commands: Any) -> None:
    """Add the command to `masterlinc`."""
    parser = commands.add_parser(
        "validate",
        help="check NPHIES messages against the rules of the exchange, offline",
        description="Ends with 0 when no rule is broken, with 1 when one is, with 2 when a file cannot be read.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="a message bundle, or one resource (JSON)")
    parser.add_argument(
        "--level",
        default="business_rules",
        choices=["fhir_schema", "nphies_profile", "business_rules"],
        help="the last layer that looks (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a file, a line each")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check every file; the worst result decides the exit code."""
    return max(_check(path, options) for path in options.files)


def _check(path: Path, options: argparse.Namespace) -> int:
    from masterlinc.errors import DomainError
    from nphieslinc.validating import Layer, validate

    try:
        report = validate(path.read_bytes(), Layer(options.level))
    except OSError as fault:
        print(f"masterlinc validate: {path}: {fault.strerror}", file=sys.stderr)
        return 2
    except DomainError as fault:
        print(f"masterlinc validate: {path}: {fault.detail} / {fault.detail_ar}", file=sys.stderr)
        return 2
    if options.json:
        _print_json(path, report)
    else:
        _print(path, report)
    return 0 if report.is_valid else 1


def _print_json(path: Path, report: "Report") -> None:
    from masterlinc import wire

    print(wire.dump({"file": str(path), "report": report}))


def _print(path: Path, report: "Report") -> None:
    for layer in report.layers:
        for one in layer.findings:
            print(f"{path}: {one.rule}  {one.path}\n    {one.detail}\n    {one.detail_ar}")
        if not layer.checked:
            print(f"{path}: {layer.name}: not checked, {layer.note}\n    {layer.name_ar}: لم يُفحص، {layer.note_ar}")
    print(f"{path}: {report.summary}\n    {report.summary_ar}")
