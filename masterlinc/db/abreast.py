"""Pieces of work side by side in one transaction: where all of them wait for the same statement, it is sent once.

Each piece is ordinary code on a transaction, as if it were alone. When every piece waits for the database, equal
statements go together over the one connection: reads are pipelined with the place of each piece in their rows,
writes become one `executemany`. So a hundred claims take about as many round trips as one.

Savepoints of a piece cannot be told apart on one connection, so a fault of one piece is a fault of all: the caller
rolls back and does them one by one. What waits for anything else than a statement is refused.
"""

import re
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from contextvars import Context, copy_context
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from masterlinc.db.engine import CURRENT
from masterlinc.db.transaction import Transaction

R = TypeVar("R")
_PLACE = "abreast_place"
_VALUES = re.compile(r"(?P<head>\s*INSERT INTO [\w.]+ \([^()]*\) VALUES )(?P<tuple>\([^()]*\))\s*", re.IGNORECASE)
_PARAMETER = re.compile(r"\$([0-9]+)")
_ROWS = (64, 16, 4)  # at once: few sizes, so that each is prepared once
_LONGEST = 15_000  # asyncpg keeps no longer statement
_READS = ("SELECT", "WITH")
_CHANGES = ("INSERT", "UPDATE", "DELETE")


class NotAbreast(Exception):
    """A piece of work does what cannot be done side by side."""


async def abreast(tx: Transaction, works: Sequence[Callable[[Transaction], Awaitable[R]]]) -> list[R]:
    """Run pieces of work in an open transaction, and return their answers; audit rows and events come in their order.

    No piece may lean on what another one writes: they all read before any of them writes.
    """
    runs = [_Run(tx, work) for work in works]
    try:
        waiting = [run for run in runs if run.step()]
        while waiting:
            asked: dict[tuple[str, str], list[_Run[R]]] = {}
            for run in waiting:
                asked.setdefault((run.ask.kind, run.ask.query), []).append(run)
            for (kind, query), group in asked.items():
                answers = await _answers(tx.connection, kind, query, [run.ask.arguments for run in group])
                for run, answer in zip(group, answers, strict=True):
                    run.answer = answer
            waiting = [run for run in waiting if run.step()]
    finally:
        for run in runs:
            run.close()
    for run in runs:
        _take_over(tx, run.transaction)
    return [run.result for run in runs]


def _take_over(tx: Transaction, part: Transaction) -> None:
    """Take over what a part will publish and audit."""
    tx._events += part._events  # noqa: SLF001
    tx._audits += part._audits  # noqa: SLF001
    tx._hooks += part._hooks  # noqa: SLF001


class Row:
    """A row without the column that says whose it is."""

    __slots__ = ("_record",)

    def __init__(self, record: Any) -> None:
        self._record = record

    def __getitem__(self, key: Any) -> Any:
        return self._record[key] if isinstance(key, str) else tuple(self)[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(tuple(self._record)[:-1])

    def __len__(self) -> int:
        return len(self._record) - 1

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(self._record.keys())[:-1]

    def values(self) -> list[Any]:
        """Return the values in the order of the columns."""
        return list(self)

    def items(self) -> list[tuple[str, Any]]:
        """Return names and values."""
        return list(zip(self.keys(), self, strict=True))

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default where there is no such column."""
        return self._record.get(key, default)


class _Ask(NamedTuple):
    """A statement that a piece of work waits for."""

    kind: str
    query: str
    arguments: tuple[Any, ...]

    def __await__(self) -> Generator["_Ask", Any, Any]:
        return (yield self)


class _Line:
    """What a piece of work takes for its connection."""

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        return list(await _Ask("fetch", query, arguments))

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        rows = await _Ask("fetch", query, arguments)
        return rows[0] if rows else None

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        rows = await _Ask("fetch", query, arguments)
        return rows[0][0] if rows else None

    async def execute(self, query: str, *arguments: Any) -> str:
        if query.startswith(("SAVEPOINT ", "RELEASE SAVEPOINT ")) and ";" not in query:
            return ""
        if query.startswith(("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK ")):
            raise NotAbreast("work in another scope, or a fault that was to be undone alone")
        return str(await _Ask("execute", query, arguments))

    async def executemany(self, query: str, arguments: Iterable[Any]) -> None:
        await _Ask("executemany", query, tuple(arguments))


class _Run(Generic[R]):
    """One piece of work: its own transaction object, its own context, and where it stands."""

    __slots__ = ("_context", "_coroutine", "answer", "ask", "result", "transaction")

    def __init__(self, tx: Transaction, work: Callable[[Transaction], Awaitable[R]]) -> None:
        self.transaction = Transaction(_Line(), tx.organizations, tx._actor)  # noqa: SLF001 - a part of it
        self._context: Context = copy_context()
        self._context.run(CURRENT.set, self.transaction)
        self._coroutine: Any = self._context.run(work, self.transaction)
        self.answer: Any = None
        self.ask: _Ask
        self.result: R

    def step(self) -> bool:
        """Go on to the next statement; False at the end."""
        answer, self.answer = self.answer, None
        try:
            asked = self._context.run(self._coroutine.send, answer)
        except StopIteration as end:
            self.result = end.value
            return False
        if not isinstance(asked, _Ask):
            raise NotAbreast("work that waits for something else than a statement")
        self.ask = asked
        return True

    def close(self) -> None:
        self._context.run(self._coroutine.close)


async def _answers(connection: Any, kind: str, query: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
    word = query.split(None, 1)[0].upper()
    if kind == "executemany":
        await _write(connection, query, [row for rows in arguments for row in rows])
        return [None] * len(arguments)
    if kind == "execute":
        tag = _tag(word, query)
        if len(arguments) == 1 or tag is None:
            return [await connection.execute(query, *one) for one in arguments]
        await _write(connection, query, arguments)
        return [tag] * len(arguments)
    tagged = _tagged(word, query, len(arguments[0])) if len(arguments) > 1 else None
    if tagged is None:
        return [await connection.fetch(query, *one) for one in arguments]
    places, distinct = _distinct(arguments) if word in _READS else (range(len(arguments)), arguments)
    found: list[list[Any]] = [[] for _ in distinct]
    for row in await connection.fetchmany(tagged, [(*one, place) for place, one in enumerate(distinct)]):
        found[row[_PLACE]].append(Row(row))
    return [found[place] for place in places]


async def _write(connection: Any, query: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run a statement for each row; an INSERT of values takes several rows at once, so triggers and rules run once."""
    values = _VALUES.fullmatch(query)
    left = list(rows)
    if values is not None:
        for count in _ROWS:
            while len(left) >= count:
                several = _several(values["head"], values["tuple"], count)
                if several is None:
                    break
                await connection.execute(several, *(value for row in left[:count] for value in row))
                del left[:count]
    if left:
        await connection.executemany(query, left)


@lru_cache(maxsize=256)
def _several(head: str, one: str, count: int) -> str | None:
    """Return an INSERT of so many rows; None where it is too long to be prepared once and kept."""
    width = max(map(int, _PARAMETER.findall(one)), default=0)

    def shifted(by: int) -> str:
        return _PARAMETER.sub(lambda match: f"${int(match[1]) + by}", one)

    text = head + ", ".join(shifted(place * width) for place in range(count))
    return text if width and len(text) <= _LONGEST else None


def _tag(word: str, query: str) -> str | None:
    """Return the command tag of a statement that has but one, None where it may tell something."""
    if word == "INSERT" and "VALUES" in query.upper() and "ON CONFLICT" not in query.upper():
        return "INSERT 0 1"
    return "SELECT" if word == "SELECT" else None  # a lock: how many rows it found is asked by fetching them


def _tagged(word: str, query: str, count: int) -> str | None:
    """Return a query whose rows say whose they are; None where its kind is not known to allow that."""
    place = f"${count + 1}::int AS {_PLACE}"
    if word == "SELECT" or (word == "WITH" and not any(change in query.upper() for change in _CHANGES)):
        return f"SELECT abreast.*, {place} FROM (\n{query}\n) AS abreast"  # noqa: S608 - the caller's own statement
    if word in _CHANGES and "RETURNING" in query.upper():
        return f"WITH abreast AS (\n{query}\n) SELECT abreast.*, {place} FROM abreast"  # noqa: S608 - the same
    return None


def _distinct(arguments: list[tuple[Any, ...]]) -> tuple[list[int], list[tuple[Any, ...]]]:
    """Ask equal questions once: return the place of each question among those that differ."""
    known: dict[Any, int] = {}
    distinct: list[tuple[Any, ...]] = []
    places = []
    for one in arguments:
        key = tuple(tuple(value) if isinstance(value, list) else value for value in one)
        if key not in known:
            known[key] = len(distinct)
            distinct.append(one)
        places.append(known[key])
    return places, distinct
