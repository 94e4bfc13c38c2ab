"""The document of the events: AsyncAPI 3.0, complete, and true of what is stored."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from masterlinc.events.asyncapi import document, key_of
from masterlinc.events.stream import ENTRY, FIELDS
from masterlinc.events.subscriptions import event_name
from masterlinc.registry import assemble, discover
from masterlinc.settings import Settings, load
from masterlinc.testing import client_of

GOLDEN = Path(__file__).parents[1] / "events"
SETTINGS = load("testing", environment={})
REGISTRY = assemble(SETTINGS, *discover())
EVENTS = {event_name(event): agent for agent in REGISTRY.agents for event in agent.publishes}
DOCUMENT = document(REGISTRY, SETTINGS)

# What AsyncAPI 3.0.0 lets an object of each kind hold, and what it asks for.
ROOT = {"asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components"}
INFO = {"title", "version", "description", "termsOfService", "contact", "license", "tags", "externalDocs"}
COMPONENTS = {"schemas", "servers", "channels", "operations", "messages", "securitySchemes", "parameters", "tags"}
CHANNEL = {"address", "messages", "title", "summary", "description", "servers", "parameters", "tags", "bindings"}
OPERATION = {
    "action",
    "channel",
    "title",
    "summary",
    "description",
    "security",
    "tags",
    "bindings",
    "messages",
    "reply",
}
MESSAGE = {"headers", "payload", "contentType", "name", "title", "summary", "description", "tags", "traits", "examples"}


def found_at(pointer: str) -> Any:
    """What a reference inside of the document leads to."""
    node: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part]
    return node


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def payload_schema(name: str) -> dict[str, Any]:
    """The schema of an event's payload, with all that it refers to."""
    message = DOCUMENT["components"]["messages"][key_of(name)]
    return message["payload"] | {"components": DOCUMENT["components"]}


def test_its_root_and_its_parts_are_those_of_asyncapi():
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert set(DOCUMENT) <= ROOT
    assert {"title", "version"} <= set(DOCUMENT["info"]) <= INFO
    assert set(DOCUMENT["components"]) <= COMPONENTS
    for channel in DOCUMENT["channels"].values():
        assert set(channel) <= CHANNEL
        assert all(set(message) == {"$ref"} for message in channel["messages"].values())
    for operation in DOCUMENT["operations"].values():
        assert {"action", "channel"} <= set(operation) <= OPERATION
        assert operation["action"] == "send"
    for message in DOCUMENT["components"]["messages"].values():
        assert set(message) <= MESSAGE


def test_keys_are_such_as_every_tool_takes():
    parts = (DOCUMENT["channels"], DOCUMENT["operations"], *DOCUMENT["components"].values())
    assert [key for part in parts for key in part if not re.fullmatch(r"[A-Za-z0-9_-]+", key)] == []


def test_every_reference_leads_somewhere():
    found = set(references(DOCUMENT))
    assert len(found) > 3 * len(EVENTS)
    for pointer in found:
        assert found_at(pointer) is not None, pointer


def test_an_operation_sends_the_message_of_its_channel():
    for key, operation in DOCUMENT["operations"].items():
        assert operation["channel"] == {"$ref": f"#/channels/{key}"}
        assert [one["$ref"] for one in operation["messages"]] == [f"#/channels/{key}/messages/event"]


def test_every_event_has_its_channel_with_words():
    assert [one["title"] for one in DOCUMENT["channels"].values()] == list(EVENTS)
    for name, agent in EVENTS.items():
        channel = DOCUMENT["channels"][key_of(name)]
        assert channel["summary"].endswith(".")
        assert agent.title in channel["description"]
        assert [tag["name"] for tag in channel["tags"]] == [agent.name]


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_the_schema_of_an_event_fits_what_is_stored_and_tells_it_from_others(name):
    schema = payload_schema(name)
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema)
    stored = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert list(validator.iter_errors(stored)) == []
    assert list(validator.iter_errors(stored | {"a_later_field": 1})) == []
    assert not validator.is_valid(stored | {"type": "another.v1"})
    assert not validator.is_valid({key: value for key, value in stored.items() if key != "organization_id"})


def test_the_headers_are_the_fields_of_an_entry():
    assert [*ENTRY["properties"], "payload"] == list(FIELDS)
    assert DOCUMENT["components"]["schemas"]["Entry"] == ENTRY


def test_the_address_is_the_stream_where_there_is_one():
    assert {one["address"] for one in DOCUMENT["channels"].values()} == {None}
    settings = Settings()
    settings.redis.stream = "masterlinc:events"
    made = document(REGISTRY, settings)
    assert {one["address"] for one in made["channels"].values()} == {"masterlinc:events"}
    assert "`masterlinc:events`" in made["info"]["description"]


async def test_it_is_served_beside_the_other_document_and_off_with_it(running, run_app):
    async with client_of(running) as client:
        answer = await client.get("/api/v1/asyncapi.json")
    assert (answer.status_code, answer.json()) == (200, DOCUMENT)

    def without_docs(settings: Settings) -> None:
        settings.http.docs = False

    async with client_of(await run_app(configure=without_docs)) as client:
        assert (await client.get("/api/v1/asyncapi.json")).status_code == 404
