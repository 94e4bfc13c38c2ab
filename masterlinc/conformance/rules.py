"""The rules, by what they look at."""

from collections.abc import AsyncIterator, Callable, Iterator

from masterlinc.conformance import declaration, events, migrations, piccolo_tables, running, source, tables, work
from masterlinc.conformance.migrations import Stored
from masterlinc.conformance.running import System
from masterlinc.conformance.subject import Subject

StaticRule = Callable[[Subject], Iterator[str]]
DatabaseRule = Callable[[Stored], AsyncIterator[str]]
RunningRule = Callable[[System], AsyncIterator[str]]

STATIC: tuple[StaticRule, ...] = (
    *declaration.RULES,
    *source.RULES,
    *events.RULES,
    *work.RULES,
    *migrations.STATIC_RULES,
)
DATABASE: tuple[DatabaseRule, ...] = (*migrations.RULES, *tables.RULES, *piccolo_tables.RULES)
RUNNING: tuple[RunningRule, ...] = running.RULES


def broken(subject: Subject) -> list[str]:
    """Return what is wrong with an agent as it is written, by every rule."""
    return [fault for rule in STATIC for fault in rule(subject)]
