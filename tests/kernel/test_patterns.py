"""No pattern of ours takes long over any text (case 74)."""

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import masterlinc
from masterlinc.registry import discover

LONG = 50_000
PIECES = ["a", "1", " ", "-", ".", "=", "&a=", "a1", "a.", "a-", "٣", "\n", "eyJ", "${", "http://", "Ab3/", "a@", ", "]
HANG_SECONDS = 10


def modules() -> Iterator[object]:
    for package in (masterlinc, *(importlib.import_module(agent.name) for agent in discover()[0])):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".test" not in found.name and not found.name.endswith((".__main__", ".test_agent", ".plugin")):
                yield importlib.import_module(found.name)


def patterns() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    return {
        f"{module.__name__}.{name}": value  # type: ignore[attr-defined]
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }


@contextmanager
def no_hang(what: str) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise AssertionError(f"{what} hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_case_074_no_pattern_hangs_over_a_long_text():
    found = patterns()
    assert len(found) > 20
    for name, pattern in found.items():
        for piece in PIECES:
            text = piece * (LONG // len(piece)) + "\x01"
            with no_hang(f"{name} over {piece!r}"):
                pattern.fullmatch(text if isinstance(pattern.pattern, str) else text.encode())


def test_the_guard_sees_what_hangs():
    with pytest.raises(AssertionError, match="hangs"), no_hang("it"):
        signal.raise_signal(signal.SIGALRM)
