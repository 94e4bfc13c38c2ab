"""Search the tracked files for secrets; a finding is accepted in secret_scan.toml with its reason, or it fails."""

import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from detect_secrets import SecretsCollection
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.settings import default_settings

ROOT = Path(__file__).parents[1]
ACCEPTED = ROOT / ".ci" / "secret_scan.toml"


def main(arguments: list[str]) -> int:
    """Scan the given files, or all that git tracks; return 1 for a finding, 2 for an acceptance that fits none."""
    accepted: list[dict[str, str]] = tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))["accepted"]
    used: set[int] = set()
    found = 0
    for secret in _scan(arguments or _tracked()):
        fitting = [number for number, one in enumerate(accepted) if _fits(one, secret)]
        used.update(fitting)
        if not fitting:
            found += 1
            sys.stderr.write(
                f"{_name(secret)}:{secret.line_number}: {secret.type}, {secret.secret_hash}\n"
                "  Take it out, and change it where it opens something. If it opens nothing, accept it with a\n"
                f"  reason in {ACCEPTED.relative_to(ROOT)}.\n"
            )
    if found:
        return 1
    unused = [] if arguments else [one for number, one in enumerate(accepted) if number not in used]
    for one in unused:
        sys.stderr.write(
            f"{ACCEPTED.relative_to(ROOT)}: nothing is found for {one['file']} ({one['kind']}): remove it\n"
        )
    return 2 if unused else 0


def _tracked() -> list[str]:
    names = subprocess.run(  # nosec B607 # noqa: S603 - a fixed command
        ["git", "-C", str(ROOT), "ls-files", "-z"],  # noqa: S607 - whichever git the developer has
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [name for name in names.split("\0") if name and (ROOT / name).is_file()]


def _scan(names: list[str]) -> list[PotentialSecret]:
    with default_settings():
        secrets = SecretsCollection(root=str(ROOT))
        secrets.scan_files(*names)
    return sorted((secret for _, secret in secrets), key=lambda one: (one.filename, one.line_number, one.type))


def _name(secret: PotentialSecret) -> str:
    path = Path(secret.filename)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else secret.filename


def _fits(one: dict[str, Any], secret: PotentialSecret) -> bool:
    return (
        fnmatch(_name(secret), one["file"])
        and secret.type == one["kind"]
        and one.get("hash", secret.secret_hash) == secret.secret_hash
        and bool(one["reason"].strip())
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
