"""The published events as an AsyncAPI 3.0 document, made from their types."""

from inspect import getdoc
from typing import Any

import msgspec
from msgspec import Struct

from masterlinc import __version__
from masterlinc.agent import Agent
from masterlinc.events.stream import ENTRY
from masterlinc.events.subscriptions import event_name
from masterlinc.registry import Registry
from masterlinc.settings import Settings

_REF = "#/components/schemas/{name}"
_ENTRY = "Entry"


def document(registry: Registry, settings: Settings) -> dict[str, Any]:
    """Return what every enabled agent publishes: a channel an event, with its schema and who subscribes here."""
    published = [(agent, event) for agent in registry.agents for event in agent.publishes]
    schemas, components = msgspec.json.schema_components([event for _, event in published], ref_template=_REF)
    stream = settings.redis.stream or None
    heard = subscribers(registry)
    names = [event_name(event) for _, event in published]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "MASTERLINC events",
            "version": __version__,
            "description": _description(stream),
            "tags": [{"name": agent.name, "description": agent.title} for agent in registry.agents if agent.publishes],
        },
        "defaultContentType": "application/json",
        "channels": {
            key_of(name): _channel(agent, event, stream, heard.get(name, ()))
            for name, (agent, event) in zip(names, published, strict=True)
        },
        "operations": {
            key_of(name): _operation(key_of(name), event) for name, (_, event) in zip(names, published, strict=True)
        },
        "components": {
            "messages": {
                key_of(name): _message(name, agent, event, schema)
                for name, (agent, event), schema in zip(names, published, schemas, strict=True)
            },
            "schemas": {_ENTRY: ENTRY, **components},
        },
    }


def key_of(name: str) -> str:
    """Return the key of an event in the document: tools take no dots in keys."""
    return name.replace(".", "_")


def subscribers(registry: Registry) -> dict[str, tuple[str, ...]]:
    """Return the subscriptions of the enabled agents by the event that they take."""
    heard: dict[str, tuple[str, ...]] = {}
    for agent in registry.agents:
        for one in agent.subscribes:
            name = event_name(one.event)
            heard[name] = (*heard.get(name, ()), f"{agent.name}.{one.name}")
    return heard


def _description(stream: str | None) -> str:
    place = (
        f"Every event is an entry of the Redis stream `{stream}`; its fields are the message's headers, and `payload` "
        "is the JSON that the schema describes."
        if stream
        else "The stream for outside consumers is off (`[redis] stream`); inside, agents subscribe to these events."
    )
    return (
        f"{place} At least once, in the order of commits: take `id` to know what came twice. Events hold ids and "
        "states, never health data; fields may be added within a version."
    )


def _channel(agent: Agent, event: type[Struct], stream: str | None, heard: tuple[str, ...]) -> dict[str, Any]:
    name = event_name(event)
    told = f" Subscriptions here: {', '.join(heard)}." if heard else ""
    return {
        "address": stream,
        "title": name,
        "summary": _summary(event),
        "description": f"Published by {agent.title}.{told}",
        "messages": {"event": {"$ref": f"#/components/messages/{key_of(name)}"}},
        "tags": [{"name": agent.name}],
    }


def _operation(key: str, event: type[Struct]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{key}"},
        "summary": _summary(event),
        "messages": [{"$ref": f"#/channels/{key}/messages/event"}],
    }


def _message(name: str, agent: Agent, event: type[Struct], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "title": event.__name__,
        "summary": _summary(event),
        "contentType": "application/json",
        "headers": {"$ref": _REF.format(name=_ENTRY)},
        "payload": schema,
        "tags": [{"name": agent.name}],
    }


def _summary(event: type[Struct]) -> str:
    return (getdoc(event) or event.__name__).partition("\n\n")[0]
