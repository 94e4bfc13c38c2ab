"""Which of two versions is the newer one: while one is rolled out, a process of an older one may start again."""

from collections.abc import Iterable, Mapping

from packaging.version import InvalidVersion, Version


def newer(stored: Iterable[tuple[str, str, str]], ours: Mapping[str, str]) -> set[str]:
    """Return the names of the rows (name, agent, version) that a newer version of an agent of ours has written."""
    return {name for name, agent, version in stored if agent in ours and _is_newer(version, ours[agent])}


def _is_newer(stored: str, ours: str) -> bool:
    try:
        return Version(stored) > Version(ours)
    except InvalidVersion:  # an agent from outside may number its versions as it likes
        return False
