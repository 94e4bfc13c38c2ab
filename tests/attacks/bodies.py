"""Bodies of every operation that takes one: made from the OpenAPI document, better ones where a route has rules."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Litestar

from masterlinc.security import permissions
from masterlinc.settings import config_folder

Path = tuple[str | int, ...]

EVERYBODY = tuple(permissions.load(config_folder() / "rbac.toml").roles)  # somebody with all of them may ask everything
WRITES = {"post", "put", "patch", "delete"}
_DEEPEST = 6
_BY_NAME = {
    "email": "nobody@clinic.example",
    "password": "a long pass phrase",
    "date_of_birth": "1990-01-01",
    "sender_id": "claimlinc",
    "receiver_id": "policylinc",
    "message_type": "note",
}


def shapes(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return json.loads(json.dumps(app.openapi_schema.to_schema(), default=str))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and schema of each operation with a JSON body."""
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            content = (operation.get("requestBody") or {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if method in WRITES and schema:
                yield method.upper(), path, schema


class Maker:
    """Makes bodies, and finds where in them a text may stand."""

    def __init__(self, document: dict[str, Any], known: dict[str, list[Any]]) -> None:
        self._schemas = document.get("components", {}).get("schemas", {})
        self._known = known

    def bodies(self, operation: str, schema: dict[str, Any]) -> list[Any]:
        """Return the bodies that an operation takes: those that are known, or one of its schema."""
        return self._known.get(operation) or schema.get("examples") or [self.example(schema)]

    def plain(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return a schema without references, and of several forms the first that is not null."""
        while True:
            if "$ref" in schema:
                schema = self._schemas[schema["$ref"].rpartition("/")[2]]
            elif "allOf" in schema:
                schema = schema["allOf"][0]
            elif forms := schema.get("oneOf") or schema.get("anyOf"):
                schema = next(one for one in forms if one.get("type") != "null")
            else:
                return schema

    def example(self, schema: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        """Return a small value of a schema: what is required, and no more."""
        schema = self.plain(schema)
        if "enum" in schema:
            return next(one for one in schema["enum"] if one is not None)
        kind = _kind(schema)
        if kind == "object":
            required = schema.get("required", ()) if depth < _DEEPEST else ()
            return {one: self.example(schema["properties"][one], one, depth + 1) for one in required}
        if kind == "array":
            return [self.example(schema.get("items", {}), name, depth + 1)] if schema.get("minItems") else []
        if kind == "string":
            return _text(schema, name)
        plain = {"integer": max(1, int(schema.get("minimum", 1))), "number": 1, "boolean": True}
        return plain.get(kind, {})

    def texts(self, schema: dict[str, Any], path: Path = ()) -> Iterator[Path]:
        """Yield the path of every text of a body, those inside of lists and of what takes anything included."""
        schema = self.plain(schema)
        if len(path) > _DEEPEST:
            return
        match _kind(schema):
            case "string":
                yield path
            case "array":
                yield from self.texts(schema.get("items", {}), (*path, 0))
            case "object" if schema.get("properties"):
                for name, one in schema["properties"].items():
                    yield from self.texts(one, (*path, name))
            case "object" | "":
                yield (*path, "text")

    def objects(self, schema: dict[str, Any], path: Path = ()) -> Iterator[Path]:
        """Yield the path of every object whose fields are known, the body itself included."""
        schema = self.plain(schema)
        if _kind(schema) == "object" and schema.get("properties") and len(path) <= _DEEPEST:
            yield path
            for name, one in schema["properties"].items():
                yield from self.objects(one, (*path, name))
        elif _kind(schema) == "array":
            yield from self.objects(schema.get("items", {}), (*path, 0))

    def filled(self, schema: dict[str, Any], path: Path) -> Any:
        """Return an example of what stands at a path."""
        return self.example(self.at(schema, path), str(path[-1]) if path else "")

    def at(self, schema: dict[str, Any], path: Path) -> dict[str, Any]:
        """Return the schema of what stands at a path."""
        for step in path:
            schema = self.plain(schema)
            schema = schema["items"] if isinstance(step, int) else schema.get("properties", {}).get(step, {})
        return self.plain(schema)


def put(body: Any, path: Path, value: Any, maker: Maker, schema: dict[str, Any]) -> Any:
    """Return a copy of a body with a value at a path; what is missing on the way is filled in."""
    made = copy.deepcopy(body)
    if not path:
        return value
    at = made
    for place, step in enumerate(path[:-1]):
        held = at[step] if isinstance(step, int) and len(at) > step else at.get(step) if isinstance(at, dict) else None
        if not isinstance(held, dict | list):
            held = [] if isinstance(path[place + 1], int) else maker.filled(schema, path[: place + 1])
            _set(at, step, held)
        at = held
    _set(at, path[-1], value)
    return made


def _set(at: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int) and len(at) <= step:
        at.append(value)
    else:
        at[step] = value


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "")
    return next((one for one in kind if one != "null"), "") if isinstance(kind, list) else kind


def _text(schema: dict[str, Any], name: str) -> str:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if schema.get("format") == "date":
        return datetime.now(UTC).date().isoformat()
    if schema.get("format") == "date-time":
        return (datetime.now(UTC) + timedelta(days=21)).isoformat()
    if schema.get("format") == "uuid":
        return "018f0000-0000-7000-8000-000000000000"
    return ("text-of-a-test" * 20)[: max(14, int(schema.get("minLength", 1)))][: int(schema.get("maxLength", 400))]
