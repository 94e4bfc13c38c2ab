"""Whatever is sent to any operation of the API's own document, the answer is never a fault of ours."""

import asyncio
import json
from collections import Counter
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from masterlinc.app import declared_permissions
from masterlinc.registry import discover
from masterlinc.testing import bearer, client_of

ODD_TEXTS = [
    "",
    " ",
    "0",
    "-0",
    "NaN",
    "1e999",
    "null",
    "\u0000",
    "\ud800",
    "\u202e",
    "\ufeff",
    "é" * 300,
    "سلمى",
    "١٢٣",
    "🧑‍⚕️",
    "' OR 1=1 --",
    "%",
    "_%\\",
    "../../etc/passwd",
    "<script>",
    "=1+1",
    "${jndi}",
    "%s%n",
    "{0}",
    "\r\nX: y",
    "1447-05-02",
    "9999-12-31",
    "0001-01-01",
    "2026-02-30",
    "24:00",
    "infinity",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+23:59",
    "CLM-00000000000000000000000000",
    "PAT-ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "00000000-0000-0000-0000-000000000000",
    "N-F-00001",
    "x" * 10_000,
]
ODD_HEADERS = ["a key", "another", "a third", "", "*", '"1"', "W/x", "\x7f", "k" * 300, "bytes=0-", "100-continue"]
ODD_NUMBERS = [0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.1, -0.0, 1e308, 10.005, 999_999_999_999.99]
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=20)
LEAVES = st.none() | st.booleans() | st.sampled_from(ODD_NUMBERS) | TEXTS
MANY = 40
EXAMPLES = settings(
    deadline=None,
    max_examples=MANY,
    phases=[Phase.generate],  # what breaks is shown as it came
    suppress_health_check=list(HealthCheck),
)


def anything(fields: list[str]) -> st.SearchStrategy[Any]:
    """JSON of any shape that likes the names that the API knows."""
    keys = st.sampled_from(fields) | TEXTS
    return st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=8))


def fitting(schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """What a schema asks for, with an odd value here and there."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if depth > 6:
        return LEAVES
    chances = [fitting(one, schemas, depth + 1) for key in ("oneOf", "anyOf", "allOf") for one in schema.get(key, [])]
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    for kind in kinds:
        if kind == "object":
            own = {name: fitting(one, schemas, depth + 1) for name, one in schema.get("properties", {}).items()}
            needed = {name: own.pop(name) for name in schema.get("required", []) if name in own}
            chances.append(st.fixed_dictionaries(needed, optional=own))
        elif kind == "array":
            items = schema.get("items")
            chances.append(st.lists(fitting(items, schemas, depth + 1) if items else LEAVES, max_size=3))
        else:
            chances.append(_scalar(kind, schema))
    usual = st.one_of(chances) if chances else LEAVES
    return st.integers(0, 15).flatmap(lambda chance: LEAVES if chance == 0 else usual)


def _scalar(kind: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    formats = {"date": "2026-03-01", "date-time": "2026-03-01T09:00:00Z", "uuid": str(UUID(int=7))}
    usual = {"integer": st.integers(0, 9), "number": st.sampled_from([1, 250.5]), "boolean": st.booleans()}
    return usual.get(kind, st.just(formats.get(schema.get("format", ""), "x")) | TEXTS)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


@st.composite
def requests(draw: Any, operation: dict[str, Any], path: str, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    for one in parameters:
        if one["in"] == "path":
            path = path.replace("{" + one["name"] + "}", quote(draw(TEXTS).encode("utf-8", "replace"), safe=""))
    asked = [one["name"] for one in parameters if one["in"] == "query" and draw(st.booleans())]
    names = draw(st.sets(st.sampled_from(["If-Match", "Idempotency-Key", "Range", "Expect", "Accept-Language"])))
    sent: dict[str, Any] = {
        "url": path or "/",
        "params": {name: draw(TEXTS).encode("utf-8", "replace") for name in asked},
        "headers": {name: draw(st.sampled_from(ODD_HEADERS)).encode("latin-1") for name in names},
    }
    if "requestBody" in operation:
        kind, content = draw(st.sampled_from(sorted(operation["requestBody"]["content"].items())))
        known = sorted({name for schema in schemas.values() for name in schema.get("properties", {})})
        described = content["schema"].keys() - {"type", "description"}  # FHIR is not
        body = draw(fitting(content["schema"], schemas) if described and draw(st.integers(0, 3)) else anything(known))
        text = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
        sent["content"] = text if draw(st.integers(0, 19)) else text[: draw(st.integers(0, len(text)))]
        sent["headers"]["Content-Type"] = kind if kind.endswith("json") else "application/json"
    return sent


async def test_no_request_to_any_operation_is_a_fault_of_ours(running, make_principal):
    permissions = frozenset(one.name for one in declared_permissions(discover()[0]))
    document = running.app.openapi_schema.to_schema()
    schemas = document["components"]["schemas"]
    loop, broken, seen = asyncio.get_running_loop(), [], Counter[str]()

    def run(http: httpx.AsyncClient, method: str, path: str, operation: dict[str, Any]) -> None:
        token = bearer(running, make_principal("admin", permissions=permissions))  # one of them ends its session

        @EXAMPLES
        @given(requests(operation, path, schemas))
        def ask(sent: dict[str, Any]) -> None:
            asked = http.request(method, **sent | {"headers": token | sent["headers"]})
            status = asyncio.run_coroutine_threadsafe(asked, loop).result(30).status_code
            seen[f"{method} {path} {status}"] += 1
            if status >= 500 and status != 501:
                broken.append(f"{method} {path}: {status} for {sent!r}"[:2_000])

        ask()

    async with client_of(running) as http:
        for method, path, operation in operations(document):
            await asyncio.to_thread(run, http, method, path, operation)
    assert not broken, "\n".join(broken)
    assert [line for line in seen if "logout" not in line and line.endswith(" 401") and seen[line] == MANY] == []
    assert {line.rpartition(" ")[2] for line in seen} >= {"200", "400", "404", "422"}
