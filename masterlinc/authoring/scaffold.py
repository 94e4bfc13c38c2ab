"""Writes the distribution of a new agent: the files of `template/`, with its names put in."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from masterlinc import __version__
from masterlinc.authoring.names import check_name, check_title, right_of, title_of
from masterlinc.errors import Conflict

_TEMPLATE = Path(__file__).parent / "template"
_SUFFIX = ".tmpl"
_PLACE = re.compile(r"\{\{(name|NAME|right|title|title_ar|kernel)\}\}")


class FolderTaken(Conflict):
    """There is something in the folder already, or it cannot be written."""

    code = "folder-taken"


@dataclass(frozen=True)
class NewAgent:
    """What a new agent is called."""

    name: str
    title: str
    title_ar: str


def named(name: str, title: str | None = None, title_ar: str | None = None) -> NewAgent:
    """Check the names of a new agent, and fill in titles that were not given; raises NameUnfit or NameTaken."""
    check_name(name)
    english = check_title(title_of(name) if title is None else title, arabic=False)
    arabic = check_title(f"وكيل {english}" if title_ar is None else title_ar, arabic=True)
    return NewAgent(name, english, arabic)


def write(agent: NewAgent, folder: Path) -> list[Path]:
    """Write the agent's files into a folder that is empty or not there, all or none; returns their paths in it."""
    files = rendered(agent)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FolderTaken(
            f"{folder} is there and not empty: name another folder with --folder",
            f"المجلد {folder} موجود وليس فارغاً: اختر مجلداً آخر باستخدام --folder",
        )
    try:
        _write_beside(files, folder.absolute())
    except OSError as fault:
        raise FolderTaken(
            f"{folder} cannot be written: {fault.strerror}", f"تعذرت الكتابة في المجلد {folder}: {fault.strerror}"
        ) from None
    return sorted(files)


def rendered(agent: NewAgent) -> dict[Path, str]:
    """Return the text of every file of an agent, by its path in the distribution."""
    words = {
        "name": agent.name,
        "NAME": agent.name.upper(),
        "right": right_of(agent.name),
        "title": agent.title,
        "title_ar": agent.title_ar,
        "kernel": kernel_range(),
    }
    return {
        Path(_filled(path.relative_to(_TEMPLATE).as_posix().removesuffix(_SUFFIX), words)): _filled(
            path.read_text(encoding="utf-8"), words
        )
        for path in sorted(_TEMPLATE.rglob(f"*{_SUFFIX}"))
    }


def kernel_range() -> str:
    """Return the kernels that an agent made today works with: from this one to the next great change."""
    version = Version(__version__)
    return f">={version.major}.{version.minor},<{version.major + 1}"


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Put the words in; one pass, so that a title may hold anything."""
    return _PLACE.sub(lambda place: words[place[1]], template)


def _write_beside(files: Mapping[Path, str], folder: Path) -> None:
    """Write everything into a folder beside, which then takes the place of the empty one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for path, content in files.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(content, encoding="utf-8")
        made.chmod(0o777 & ~_umask())
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
