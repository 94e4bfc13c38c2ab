"""Every benchmark, or those that are named, one after the other; prints one JSON document.

`make bench` runs all of it, `make bench-short` a first impression. Each question has a module that can be run alone:
`python -m benchmarks.workflows --help`.
"""

import argparse
import json
import subprocess
import sys
from typing import Any

QUESTIONS = (
    "load",
    "signing_in",
    "workflows",
    "events",
    "timers",
    "limits",
    "messages",
    "audit",
    "adjudication",
    "batch",
    "what_if",
)


def main() -> int:
    """Run them, each in a process of its own; returns 1 where one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a first impression, in about three minutes")
    parser.add_argument("--only", choices=QUESTIONS, action="append", help="this question only")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    failed = False
    for question in options.only or QUESTIONS:
        words = [sys.executable, "-m", f"benchmarks.{question}", *(["--short"] if options.short else [])]
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
        failed = failed or done.returncode != 0
        found[question] = json.loads(done.stdout) if done.stdout else None
    print(json.dumps(found, indent=2))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
