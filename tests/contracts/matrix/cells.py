"""The cells of the matrix: every route, asked by everybody, for things that stand to them in every way."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from declared import ANSWERS, BEYOND, EVERYBODY, OPERATORS, THINGS, THINGS_AT, Place, Thing
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from masterlinc.security.guards import PERMISSION, PUBLIC
from masterlinc.security.permissions import Rbac

NOBODY, GARBAGE, EXPIRED, REVOKED, ROLELESS = "no token", "garbage", "an expired token", "an ended session", "no role"
STRANGERS = (NOBODY, GARBAGE, EXPIRED, REVOKED)
UNKNOWN, REFUSED, HIDDEN = frozenset({401}), frozenset({403}), frozenset({404})
UNNUMBERED = frozenset({Place.OTHER_KIND, Place.MISSHAPED})  # no number of such a thing: that tells by itself
_CHALLENGES = {who: frozenset({"unauthenticated" if who == NOBODY else "invalid-token"}) for who in STRANGERS}
_TYPED = re.compile(r"\{(\w+):\w+\}")


@dataclass(frozen=True)
class Route:
    """A route as the matrix looks at it."""

    method: str
    path: str  # with its parameters in braces
    permission: str  # '' where it is public
    status: int
    takes_body: bool

    @property
    def name(self) -> str:
        """How the tables of the matrix call it."""
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def thing(self) -> Thing | None:
        """What its path names; None for a fixed path. Raises LookupError where nobody has said it."""
        if not self.parameters:
            return None
        head = self.path[: self.path.index("}") + 1]
        found = THINGS_AT.get(head) or THINGS.get(self.parameters[0])
        if found is None or len(self.parameters) > 1:
            raise LookupError(
                f"{self.name}: say in tests/contracts/matrix/declared.py what {head!r} names, how one is made and who"
                " may see it: a Thing in THINGS or THINGS_AT"
            )
        return found


@dataclass(frozen=True)
class Cell:
    """One question: who asks for what, and what may be answered."""

    route: Route
    who: str
    place: Place | None
    statuses: frozenset[int] | None  # None: whatever lets the caller in
    codes: frozenset[str] = frozenset()  # of the problem, where it is refused

    def __str__(self) -> str:
        return f"{self.route.name} as {self.who}" + (f", {self.place}" if self.place else "")


def routes_of(app: Litestar) -> list[Route]:
    """Every route of an application; raises TypeError for a kind that the matrix cannot ask."""
    found = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            raise TypeError(f"{route.path} is no HTTP route: teach tests/contracts/matrix to ask it")
        found += [
            _route(route.path, method, handler)
            for handler in route.route_handlers
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"})
        ]
    return found


def _route(path: str, method: str, handler: HTTPRouteHandler) -> Route:
    permission = handler.opt.get(PERMISSION) or ""
    assert bool(permission) != bool(handler.opt.get(PUBLIC)), path
    body = "data" in handler.parsed_fn_signature.parameters
    return Route(method, _TYPED.sub(r"{\1}", path), permission, handler.status_code, body)


def cells(routes: list[Route], rbac: Rbac) -> Iterator[Cell]:
    """Every cell: each route by each role and by those without one."""
    for route in routes:
        places: list[Place | None] = [None] if route.thing is None else [*_places(route.thing)]
        if route.name in OPERATORS:
            places = [None, Place.RIVAL]  # the operator's own, and everybody else
        for who in (*STRANGERS, ROLELESS, *rbac.roles):
            grants = rbac.permissions_of([who])
            for place in places:
                yield _cell(route, who, place, grants)


def _places(thing: Thing) -> list[Place]:
    if thing.column:
        return [*Place]
    return [*EVERYBODY, Place.ABSENT, Place.MISSHAPED]


def _cell(route: Route, who: str, place: Place | None, grants: frozenset[str]) -> Cell:
    if route.permission and who in STRANGERS:
        return Cell(route, who, place, UNKNOWN, _CHALLENGES[who])
    if route.permission and route.permission not in grants:
        return Cell(route, who, place, REFUSED, frozenset({"forbidden"}))
    if place is not None and route.name in OPERATORS:
        return Cell(route, who, place, REFUSED, frozenset({OPERATORS[route.name]}))
    if place is not None and route.thing is not None and place not in route.thing.seen:
        codes = {route.thing.hidden} | ({"not-found"} if place in UNNUMBERED else set())
        return Cell(route, who, place, HIDDEN, frozenset(codes))
    if route.name in BEYOND and BEYOND[route.name][0] is place and BEYOND[route.name][1] not in grants:
        return Cell(route, who, place, REFUSED, frozenset({BEYOND[route.name][2]}))
    known = ANSWERS.get(route.name)
    if known is None and (route.method == "GET" or place is not None):
        known = frozenset({route.status})
    return Cell(route, who, place, known)
