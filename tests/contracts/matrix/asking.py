"""Asks the cells of the matrix of a running application."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

import httpx
from cells import EXPIRED, GARBAGE, NOBODY, REVOKED, ROLELESS, STRANGERS, Cell, Route
from declared import BODIES, OPERATORS, Place, Thing
from peopled import CLERK, Peopled

from masterlinc.ids import new_id, parse, show

_AT_ONCE = 8
_OWN_HOUSE = frozenset({Place.OWN, Place.COLLEAGUE, Place.DELETED, Place.ABSENT, Place.OTHER_KIND, Place.MISSHAPED})
_PASSING = ("trace-id", "date", "content-length", "ratelimit")  # headers that differ each time, or tell the body
_CLERK, _OTHER, _GONE = _SHARED = (CLERK, "to be named otherwise", "gone")  # things that many ask for
_TEN_YEARS = 10 * 365 * 86400.0


@dataclass(frozen=True)
class Answer:
    """What came back, without what is different each time."""

    status: int
    code: str
    body: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass
class Asker:
    """Sends the requests of cells, and makes the things that they ask for."""

    peopled: Peopled
    http: httpx.AsyncClient
    shared: dict[tuple[Thing, str], str] = field(default_factory=dict)

    async def ask_all(self, cells: Iterable[Cell]) -> dict[Cell, Answer]:
        """Ask every cell, some at a time."""
        wanted = list(cells)
        await self.prepare({cell.route.thing: None for cell in wanted if cell.route.thing})
        waiting = iter(wanted)
        answers: dict[Cell, Answer] = {}

        async def work() -> None:
            for cell in waiting:
                answers[cell] = await self.ask(cell)

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        return answers

    async def ask(self, cell: Cell) -> Answer:
        """Ask one cell."""
        path = await self.path(cell)
        headers = await self.headers(cell.who, self.house(cell))
        answer = await self.send(cell.route.method, path, headers, BODIES.get(cell.route.name, {}))
        asked = path.rpartition("/")[2] if cell.place else ""
        return replace(answer, body=answer.body.replace(asked.encode(), b"ASKED")) if asked else answer

    async def send(self, method: str, path: str, headers: dict[str, str], body: object) -> Answer:
        """Send a request."""
        sends = method in {"POST", "PUT", "PATCH", "DELETE"}
        answer = await self.http.request(method, path, headers=headers, json=body if sends else None)
        kept = tuple(sorted(one for one in answer.headers.items() if not one[0].startswith(_PASSING)))
        problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        code = answer.json()["code"] if problem and answer.content else ""
        return Answer(answer.status_code, code, _without_trace(answer), kept)

    async def headers(self, who: str, house: UUID) -> dict[str, str]:
        """The headers of a request by somebody of an organization."""
        if who == NOBODY:
            return {}
        if who == GARBAGE:
            return {"Authorization": "Bearer e30.e30.e30"}
        ago, session = (_TEN_YEARS if who == EXPIRED else 0), new_id()
        if who == REVOKED:
            clock = self.peopled.running.services.clock
            self.peopled.running.services.revocations.add(session, clock.now().replace(year=clock.now().year + 1))
        role = {EXPIRED: "admin", REVOKED: "admin", ROLELESS: None}.get(who, who)
        token = self.peopled.token(house, role, session=session, ago=ago)
        return {"Authorization": f"Bearer {token}"}

    def house(self, cell: Cell) -> UUID:
        """The organization that the caller belongs to."""
        thing, place = cell.route.thing, cell.place
        if cell.route.name in OPERATORS and place is None:
            return self.peopled.operator
        homes, others = self.peopled.providers, self.peopled.payers
        if thing is not None and thing.payers:
            homes, others = others, homes
        if place is None or place in _OWN_HOUSE:
            return homes[0]
        return {
            Place.RIVAL: homes[1],
            Place.DELETED_RIVAL: homes[1],
            Place.COUNTERPART: others[0],
            Place.STRANGER: others[1],
        }[place]

    async def path(self, cell: Cell) -> str:
        """The path of a cell, with the number of a thing that stands so to the caller."""
        thing = cell.route.thing
        if thing is None or cell.place is None:
            return cell.route.path
        name = await self.name(thing, cell)
        return cell.route.path.replace("{" + cell.route.parameters[0] + "}", name)

    async def name(self, thing: Thing, cell: Cell) -> str:
        """The number of a thing in this place; a refused caller's question makes none of its own."""
        if cell.place is Place.MISSHAPED:
            return "none-such"
        if cell.place is Place.ABSENT:
            return show(thing.prefix, new_id()) if thing.prefix else f"X-{new_id().hex[-8:]}"
        if cell.place is Place.OTHER_KIND:
            other = self.shared[thing, _OTHER]
            return (
                show("USR" if thing.prefix == "ORG" else "ORG", parse(thing.prefix, other))
                if thing.prefix
                else f"{other}-2"
            )
        if cell.place in {Place.DELETED, Place.DELETED_RIVAL}:
            return self.shared[thing, _GONE]
        changes = cell.route.method != "GET" and bool(thing.column)
        if cell.who in STRANGERS or "forbidden" in cell.codes or (cell.place is not Place.OWN and not changes):
            return self.shared[thing, _CLERK]
        return await self.make(thing, cell.who if cell.place is Place.OWN else _CLERK)

    async def prepare(self, things: Iterable[Thing]) -> None:
        """Make what many questions share: a thing of the clerk, one to be named otherwise, and one that is gone."""
        for thing in things:
            for use in _SHARED:
                self.shared[thing, use] = await self.make(thing, _CLERK)
            if thing.column:
                gone = self.shared[thing, _GONE]
                await self.peopled.erase(thing.column, parse(thing.prefix, gone) if thing.prefix else gone)

    async def make(self, thing: Thing, role: str) -> str:
        """A new thing of a role's user, in the organization that such things belong to."""
        home = (self.peopled.payers if thing.payers else self.peopled.providers)[0]
        return await thing.make(self.peopled, self.peopled.maker(home, role))


def _without_trace(answer: httpx.Response) -> bytes:
    trace = answer.headers.get("trace-id", "").encode()
    return answer.content.replace(trace, b"TRACE") if trace else answer.content


def paths_of(routes: Iterable[Route]) -> dict[str, set[str]]:
    """The methods of each path."""
    found: dict[str, set[str]] = {}
    for route in routes:
        found.setdefault(route.path, set()).add(route.method)
    return found
