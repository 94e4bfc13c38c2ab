"""No pattern of ours takes long over any text (case 74)."""

import importlib
import pkgutil
import re
import signal
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import masterlinc
from masterlinc.registry import discover

LONG = 50_000
SECONDS = 0.5  # of the processor, which is plenty: a pattern that backtracks needs hours
PIECES = ["a", "0", " ", "-", ".", "=", "\n", "٣", "é", "\\", '"', "(", "/a", "..", "0.", "a,", "A-", "1:", "+9"]
PIECES += ["a1", "a.", "a-", "a@", ", ", "${", "[0].", "&a=", "eyJ", "aA0 ", "Ab3/", "http://"]


def modules() -> Iterator[object]:
    for package in (masterlinc, *(importlib.import_module(agent.name) for agent in discover()[0])):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".test" not in found.name and not found.name.endswith((".__main__", ".plugin")):
                yield importlib.import_module(found.name)


@cache
def patterns() -> dict[str, re.Pattern[Any]]:
    return {
        f"{module.__name__}.{name}": value  # type: ignore[attr-defined]
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }


def takes_long(pattern: re.Pattern[Any], text: str) -> bool:
    """Say whether a match is broken off by a timer that runs only while this process does."""

    def break_off(*_: object) -> None:
        raise TimeoutError

    subject = text if isinstance(pattern.pattern, str) else text.encode()
    before = signal.signal(signal.SIGVTALRM, break_off)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        pattern.fullmatch(subject)
        pattern.match(subject)
    except TimeoutError:
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return False


@pytest.mark.parametrize("piece", PIECES)
def test_case_074_no_pattern_takes_long_over_a_long_text(piece):
    long, half = (piece * LONG)[:LONG], (piece * LONG)[: LONG // 2]
    texts = [long, long[:-1] + "!", long[:-1] + "\x01", "!" + long[:-1], f"x{half[:-1]}\n{half[:-1]}"]
    assert [name for name, pattern in patterns().items() for text in texts if takes_long(pattern, text)] == []


def test_case_074_there_are_patterns_to_try():
    assert len(patterns()) > 30


@pytest.mark.parametrize("pattern", ["(a+)+b", b"(a|a)*b"])
def test_what_takes_long_is_seen(pattern):
    assert takes_long(re.compile(pattern), "a" * LONG)
