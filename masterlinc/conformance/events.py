"""Rules of events: what was stored once must be read for ever, and holds ids, never health data."""

import enum
import json
import re
from collections.abc import Iterator
from inspect import iscoroutinefunction
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import Struct

from masterlinc.conformance.subject import Subject
from masterlinc.wire import dump, load

_FIRST_ID = "01920000-0000-7000-8000-000000000001"


def its_events_are_named_with_their_version(subject: Subject) -> Iterator[str]:
    """An event's tag is its name for ever: agent, what happened, version."""
    for event in subject.agent.publishes:
        if not _named(subject, event):
            yield f'event {event.__name__}: write tag="{subject.name}.something_happened.v1" in its class line'


def its_events_name_their_organization(subject: Subject) -> Iterator[str]:
    """A subscriber learns from the event itself whose it is."""
    for event in _events(subject):
        if "organization_id" not in event.__struct_fields__:
            yield f"event {event.__name__} has no field organization_id: add organization_id: UUID"


def its_events_hold_ids_and_states(subject: Subject) -> Iterator[str]:
    """Events are kept, replayed and sent on: they hold ids and states, never names, texts or amounts."""
    for event in _events(subject):
        for field in msgspec.structs.fields(event):
            place = f"{_tag(event)}/{field.name}"
            if not _is_id_or_state(field.type) and place not in subject.allowed.event_fields:
                yield (
                    f"event {event.__name__}: field {field.name} is neither a UUID nor an Enum or Literal; "
                    f'take it out, or give the reason in event_fields."{place}"'
                )


def its_events_are_read_as_they_were_stored(subject: Subject) -> Iterator[str]:
    """Every event has a stored form, which this version reads and writes as it is; none is forgotten."""
    tags = {str(_tag(event)) for event in subject.agent.publishes}
    for file in sorted(subject.golden.glob(f"{subject.name}.*.json")):
        if file.stem not in tags:
            yield f"{file.name} stores an event that is not in publishes: put it back, it is read for ever"
    for event in _events(subject):
        file = subject.golden / f"{_tag(event)}.json"
        if not file.is_file():
            yield f"event {event.__name__} has no stored form: write it once to {file}, as {_example(event)}"
            continue
        stored = file.read_text(encoding="utf-8")
        try:
            written = dump(load(stored, event))
        except msgspec.MsgspecError as fault:
            yield f"{file.name} is not read any more ({fault}): keep this event and publish a new version, as .v2"
            continue
        if json.loads(written) != json.loads(stored):
            yield (
                f"{file.name} is written as {written}: keep this event and publish a new version, as .v2; where it "
                f"only gained a field with a default, move the file to {subject.golden / 'earlier'} and store the new"
            )


def its_events_are_read_as_they_were_stored_before(subject: Subject) -> Iterator[str]:
    """A version may gain fields with defaults; what was stored before that is read for ever."""
    events = {str(_tag(event)): event for event in _events(subject)}
    for file in sorted((subject.golden / "earlier").glob(f"{subject.name}.*.json")):
        name = ".".join(file.name.split(".")[:3])  # agent, what happened, version; then whatever tells forms apart
        if name not in events:
            yield f"earlier/{file.name} stores an event that is not in publishes: put it back, it is read for ever"
            continue
        try:
            load(file.read_text(encoding="utf-8"), events[name])
        except msgspec.MsgspecError as fault:
            yield f"earlier/{file.name} is not read any more ({fault}): give the field that it lacks a default"


def its_events_bear_fields_of_later_versions(subject: Subject) -> Iterator[str]:
    """A stored event is read where it has a field more: the process that published it may be newer."""
    for event in _events(subject):
        file = subject.golden / f"{_tag(event)}.json"
        try:
            load(json.dumps(json.loads(file.read_bytes()) | {"a_later_field": {"of": ["any", "kind"]}}), event)
        except OSError:
            continue  # another rule tells
        except msgspec.MsgspecError as fault:
            if "a_later_field" in str(fault):
                yield f"event {event.__name__}: take forbid_unknown_fields out of its class line"


def it_subscribes_to_what_there_is(subject: Subject) -> Iterator[str]:
    """A subscription has a name of its own, an event that is published, and a coroutine."""
    published = {event for agent in [subject.agent, *subject.needed()] for event in agent.publishes}
    names = [one.name for one in subject.agent.subscribes]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two subscriptions are called {name}: deliveries are recorded under their name"
    for one in subject.agent.subscribes:
        if one.event not in published:
            yield f"subscription {one.name}: nobody it requires publishes {one.event.__name__}: add it to publishes"
        if not iscoroutinefunction(one.run):
            yield f"subscription {one.name}: write async def {getattr(one.run, '__name__', 'run')}(ctx, event)"


def _events(subject: Subject) -> list[type[Struct]]:
    """Return its events that are named as they should be; another rule tells of the others."""
    return [event for event in subject.agent.publishes if _named(subject, event)]


def _named(subject: Subject, event: type[Struct]) -> bool:
    return re.fullmatch(rf"{subject.name}\.[a-z]+(_[a-z0-9]+)*\.v[1-9][0-9]*", str(_tag(event))) is not None


def _tag(event: type[Struct]) -> object:
    return event.__struct_config__.tag


def _is_id_or_state(type_: object) -> bool:
    if isinstance(type_, type):
        return type_ in {UUID, NoneType} or issubclass(type_, enum.Enum)
    if get_origin(type_) in {Union, UnionType}:
        return all(_is_id_or_state(one) for one in get_args(type_))
    return get_origin(type_) is Literal


def _example(event: type[Struct]) -> str:
    """Return what a stored form may look like."""
    fields = {field.name: _FIRST_ID if field.type is UUID else "…" for field in msgspec.structs.fields(event)}
    config = event.__struct_config__
    return json.dumps({str(config.tag_field): config.tag} | fields, ensure_ascii=False)


RULES = (
    its_events_are_named_with_their_version,
    its_events_name_their_organization,
    its_events_hold_ids_and_states,
    its_events_are_read_as_they_were_stored,
    its_events_are_read_as_they_were_stored_before,
    its_events_bear_fields_of_later_versions,
    it_subscribes_to_what_there_is,
)
