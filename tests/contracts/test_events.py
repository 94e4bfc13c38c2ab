"""Published events: what was stored once must be read for ever, and holds ids, never health data."""

import enum
import json
import re
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from masterlinc.events.subscriptions import event_name
from masterlinc.registry import discover
from masterlinc.wire import dump, load

GOLDEN = Path(__file__).parent / "events"
EVENTS = {event_name(event): (agent.name, event) for agent in discover()[0] for event in agent.publishes}

# Fields that are neither an id nor a state, and why they may be there.
WORDS = {("nphieslinc.message_stored.v1", "event")}  # the code of a message event


def test_every_event_has_its_stored_form():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EVENTS)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_a_stored_event_is_read_and_written_as_it_was(name):
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    event = load(text, EVENTS[name][1])
    assert json.loads(dump(event)) == json.loads(text)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_a_field_of_a_later_version_is_tolerated(name):
    stored = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    later = json.dumps(stored | {"a_later_field": {"of": ["any", "kind"]}})
    assert load(later, EVENTS[name][1]) == load(json.dumps(stored), EVENTS[name][1])


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_is_named_after_its_agent_and_version(name):
    assert re.fullmatch(rf"{EVENTS[name][0]}\.[a-z]+(_[a-z]+)*\.v[1-9][0-9]*", name)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_holds_ids_and_states(name):
    other = [
        field.name
        for field in msgspec.structs.fields(EVENTS[name][1])
        if field.type is not UUID and not (isinstance(field.type, type) and issubclass(field.type, enum.Enum))
    ]
    assert {(name, field) for field in other} <= WORDS


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_names_its_organization(name):
    assert "organization_id" in EVENTS[name][1].__struct_fields__
