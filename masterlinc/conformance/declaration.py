"""Rules of what an agent declares: words in both languages, rights, routes, settings."""

import importlib
import re
from collections.abc import Iterator

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, inspect
from packaging.version import InvalidVersion, Version

from masterlinc.app import API, declared_permissions
from masterlinc.conformance.subject import Subject
from masterlinc.errors import DomainError, StartupError
from masterlinc.security.guards import check_routes
from masterlinc.text import has_arabic

_PERMISSION = re.compile(r"[a-z][a-z_]*:[a-z][a-z_]*", re.ASCII)
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


def its_version_is_one(subject: Subject) -> Iterator[str]:
    """The version is one of PEP 440, so that two can be compared."""
    try:
        Version(subject.agent.version)
    except InvalidVersion:
        yield f"Agent(version={subject.agent.version!r}) is no version: write one as 1.0.0"


def its_words_are_in_both_languages(subject: Subject) -> Iterator[str]:
    """Its title and description, and the words of its permissions and tasks, are there in English and Arabic."""
    agent = subject.agent
    pairs = [
        ("Agent title, title_ar", agent.title, agent.title_ar),
        ("Agent description, description_ar", agent.description, agent.description_ar),
    ]
    pairs += [(f"Permission {one.name}: title, title_ar", one.title, one.title_ar) for one in agent.permissions]
    pairs += [(f"Task {one.label}: summary, summary_ar", one.summary, one.summary_ar) for one in agent.tasks]
    for where, english, arabic in pairs:
        if not english.strip() or has_arabic(english):
            yield f"{where}: {english!r} is not English"
        if not has_arabic(arabic):
            yield f"{where}: {arabic!r} is not Arabic"


def its_errors_are_in_both_languages(subject: Subject) -> Iterator[str]:
    """Every error has a code of its own, and words in English and Arabic."""
    codes: dict[str, str] = {}
    for error in _errors(subject):
        where = f"{error.__module__}.{error.__qualname__}"
        if not error.title.strip() or has_arabic(error.title) or not has_arabic(error.title_ar):
            yield f"{where}: set title in English and title_ar in Arabic"
        for given, other in (("title", "title_ar"), ("title_ar", "title")):
            if given in vars(error) and other not in vars(error):
                yield f"{where} sets {given} and inherits {other}: set both"
        if not _CODE.fullmatch(error.code):
            yield f"{where}: code {error.code!r} is not as patient-unknown"
        if "code" in vars(error) and codes.setdefault(error.code, where) != where:
            yield f"{where} and {codes[error.code]} have the same code {error.code!r}"


def its_permissions_are_its_own(subject: Subject) -> Iterator[str]:
    """Permissions are named as claim:read, and no other agent declares them."""
    others = [agent for name, agent in subject.installed.items() if name != subject.name]
    taken = {one.name for one in declared_permissions(others)}
    names = [one.name for one in subject.agent.permissions]
    for name in names:
        if not _PERMISSION.fullmatch(name):
            yield f"Permission {name!r} is not as claim:read: letters and underscores around one colon"
        if name in taken or names.count(name) > 1:
            yield f"Permission {name!r} is declared twice: give it another name, or ask for that of the other agent"


def its_routes_say_who_may(subject: Subject) -> Iterator[str]:
    """Every route carries a declared permission, or the reason why it is public."""
    try:
        check_routes(_routes(subject), _known_permissions(subject))
    except StartupError as fault:
        for one in str(fault).split("; "):
            yield f'{one}: write opt={{"permission": "…"}} or opt={{"public": "the reason"}}'


def its_routes_say_what_they_do(subject: Subject) -> Iterator[str]:
    """Every route has a summary for the API document."""
    for path, handler in _handlers(_routes(subject)):
        if handler.include_in_schema is not False and not handler.summary:
            yield f'route {path} has no summary: write summary="List the notes"'


def its_routes_take_no_unknown_fields(subject: Subject) -> Iterator[str]:
    """A body is a Struct that refuses unknown fields, so that a misspelled one is told."""
    for path, handler in _handlers(_routes(subject)):
        body = handler.parsed_fn_signature.parameters.get("data")
        if body is None or not (isinstance(body.annotation, type) and issubclass(body.annotation, Struct)):
            continue
        for type_ in _structs(body.annotation):
            if not type_.__struct_config__.forbid_unknown_fields:
                yield f"route {path} takes {type_.__name__}: write forbid_unknown_fields=True in its class line"


def its_tasks_ask_for_what_is_declared(subject: Subject) -> Iterator[str]:
    """A task that /execute offers asks for a declared permission."""
    known = _known_permissions(subject)
    for task in subject.agent.tasks:
        if task.permission and task.permission not in known:
            yield f"Task {task.label} asks for {task.permission!r}, which neither it nor an agent it requires declares"


def its_settings_refuse_unknown_keys(subject: Subject) -> Iterator[str]:
    """Its settings refuse a misspelled key, also in a section of a section."""
    if subject.agent.config is not None:
        for type_ in _structs(subject.agent.config):
            if not type_.__struct_config__.forbid_unknown_fields:
                yield f"settings {type_.__name__}: write forbid_unknown_fields=True in its class line"


def _known_permissions(subject: Subject) -> frozenset[str]:
    return frozenset(one.name for one in declared_permissions([subject.agent, *subject.needed()]))


def _routes(subject: Subject) -> Litestar:
    """Mount the agent's routes where the kernel mounts them."""
    given = {"ctx": Provide(lambda: None, sync_to_thread=False)}
    agent = subject.agent
    routers = [
        Router(API, route_handlers=list(agent.routers), dependencies=given),
        Router("/", route_handlers=list(agent.root_routers), dependencies=given),
    ]
    return Litestar(routers, openapi_config=None)


def _handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if not handler.fn.__module__.startswith("litestar."):
                yield f"{' '.join(sorted(handler.http_methods))} {route.path}", handler


def _structs(type_: type[Struct]) -> list[type[Struct]]:
    """Return a Struct and those that it is made of."""
    found: dict[type[Struct], None] = {}
    left: list[object] = [inspect.type_info(type_)]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, inspect.StructType):
            found[one.cls] = None
            left += [field.type for field in one.fields]
        elif isinstance(one, Struct):
            values = [getattr(one, name) for name in one.__struct_fields__]
            left += [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    return list(found)


def _errors(subject: Subject) -> list[type[DomainError]]:
    """Return the errors that the agent's modules define."""
    found: dict[type[DomainError], None] = {}
    for name, _ in subject.modules():
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and issubclass(value, DomainError) and value.__module__ == name:
                found[value] = None
    return list(found)


RULES = (
    its_version_is_one,
    its_words_are_in_both_languages,
    its_errors_are_in_both_languages,
    its_permissions_are_its_own,
    its_routes_say_who_may,
    its_routes_say_what_they_do,
    its_routes_take_no_unknown_fields,
    its_tasks_ask_for_what_is_declared,
    its_settings_refuse_unknown_keys,
)
