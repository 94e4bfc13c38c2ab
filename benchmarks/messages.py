"""What it costs to build a claim's message and hold it against the rules of the exchange, beside fhir.resources.

A claim of ten lines and one of 300 are built from our own records, read again from the bytes, and checked: every
element and every business rule. `fhir.resources` reads the same bytes into its classes, in the same run; it knows FHIR
and no profile of the exchange.
"""

import argparse
import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from benchmarks.machine import machine
from claimlinc.contract import ClaimStatus, LoadedClaim
from masterlinc.clock import SystemClock
from masterlinc.money import money
from nphieslinc.envelope import open_envelope
from nphieslinc.fhir import parse
from nphieslinc.reading import read_submission
from nphieslinc.rules import check
from nphieslinc.writing import Parties, build_request

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "claim-professional.json"
PARTIES = Parties("N-F-00001", "A hospital", "7001580000", "A payer", "http://provider.example")
KEY = UUID(int=7)
GOALS = {10: 2.0, 300: 40.0}  # milliseconds


def claim_of(lines: int) -> LoadedClaim:
    """Return a claim of so many lines, all alike but for their numbers."""
    submission = read_submission(open_envelope(parse(EXAMPLE.read_bytes())))
    first = submission.lines[0]
    listed = tuple(replace(first, sequence=number) for number in range(1, lines + 1))
    return LoadedClaim(
        claim_id=KEY,
        organization_id=KEY,
        payer_organization_id=KEY,
        status=ClaimStatus.PENDING,
        normalized_lines=(),
        submission=replace(submission, lines=listed, total=money(first.net * lines)),
    )


def measure(lines: int, rounds: int) -> dict[str, Any]:
    """Measure each step of a claim of so many lines, in milliseconds of the processor."""
    claim, clock = claim_of(lines), SystemClock()

    def build() -> bytes:
        return build_request(claim, PARTIES, clock, bundle_id=KEY, header_id=KEY)

    data = build()
    envelope = open_envelope(parse(data))
    peer = importlib.import_module("fhir.resources.R4B.bundle").Bundle
    return {
        "lines": lines,
        "bytes": len(data),
        "broken_rules": sorted({one.rule for one in check(envelope)}),
        "build_ms": milliseconds(build, rounds),
        "read_ms": milliseconds(lambda: open_envelope(parse(data)), rounds),
        "check_ms": milliseconds(lambda: check(envelope), rounds),
        "build_and_check_ms": milliseconds(lambda: check(open_envelope(parse(build()))), rounds),
        "goal_build_and_check_ms": GOALS[lines],
        "fhir_resources_read_ms": milliseconds(lambda: peer.model_validate_json(data), rounds),
    }


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median of a call, after a first one that compiles what is kept."""
    work()
    gc.collect()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return round(median(taken) * 1000, 3)


def main() -> None:
    """Print JSON, and a line of it to the standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.messages", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a first impression")
    rounds = 30 if parser.parse_args().short else 300
    found = {str(lines): measure(lines, rounds) for lines in GOALS}
    print(json.dumps({"machine": machine()} | found, indent=2))
    for lines, one in found.items():
        told = f"{lines} lines: built and checked in {one['build_and_check_ms']} ms, goal {GOALS[int(lines)]:g} ms"
        print(f"{told}; fhir.resources reads them in {one['fhir_resources_read_ms']} ms", file=sys.stderr)


if __name__ == "__main__":
    main()
