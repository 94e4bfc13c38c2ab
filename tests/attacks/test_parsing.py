"""Attack cases of parsing: what no body, path or header can make the application do."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from bodies import EVERYBODY, Maker, operations, put, shapes
from corpus import CORPUS

ROOT = Path(__file__).parents[2]
NOT_THEIRS = {
    "id": "CLM-00000000000000000000000000",
    "tenant_id": "other",
    "organization_id": "018f0000-0000-7000-8000-000000000000",
    "status": "approved",
    "approved_amount": 1,
    "role": "admin",
    "roles": ["admin"],
    "is_admin": True,
    "email_verified": True,
    "created_at": "2020-01-01T00:00:00Z",
    "submitted_by": "USR-00000000000000000000000000",
    "version": 9,
    "audit_hash": "00",
    "__class__": "x",
    "resourceType": "Claim",
}
READERS_OF_OTHER_FORMS = {"xml", "lxml", "defusedxml", "pickle", "marshal", "shelve", "dill", "yaml", "jsonpickle"}


def key_of_nobody(path: str) -> str:
    return re.sub(r"\{\w+\}", "WFL-" + "0" * 26, path)


async def test_case_046_fields_that_are_not_the_callers_to_set_are_unknown(house):
    document, caller = shapes(house.running.app), house.caller(*EVERYBODY)
    maker, taken = Maker(document, {}), []
    for method, path, schema in operations(document):
        [body, *_] = maker.bodies(f"{method} {path}", schema)
        for place in maker.objects(schema):
            fields = maker.at(schema, place)["properties"]
            for name, value in NOT_THEIRS.items():
                if name in fields:
                    continue
                answer = await caller.send(method, key_of_nobody(path), put(body, (*place, name), value, maker, schema))
                if answer.status_code != 422 or "unknown" not in {one["code"] for one in answer.json()["errors"]}:
                    taken.append((method, path, place, name, answer.status_code, answer.text[:200]))
    assert taken == []


def test_case_043_no_body_repeats_a_key_of_its_path(house):
    document = shapes(house.running.app)
    maker = Maker(document, {})
    both = [
        (path, name)
        for _, path, schema in operations(document)
        for name in re.findall(r"\{(\w+)\}", path)
        if {name, f"{name}_id"} & set(maker.plain(schema).get("properties", {}))
    ]
    assert both == []


async def test_case_048_what_is_no_filter_filters_nothing(house):
    caller = house.caller(*EVERYBODY)
    await caller.send("POST", "/api/v1/patients", {"name": "A", "date_of_birth": "1990-01-01", "gender": "male"})
    for path in ("/api/v1/patients", "/api/v1/claims", "/api/v1/workflows", "/api/v1/messages"):
        plain = await caller.send("GET", path)
        assert plain.status_code == 200
        for extra in (
            "sort=password",
            "order_by=id;--",
            "diagnosis=C50",
            "organization_id=x",
            "national_id=1",
            "_has=x",
        ):
            other = await caller.send("GET", f"{path}?{extra}")
            assert (other.status_code, other.content) == (200, plain.content), (path, extra)


async def test_case_065_what_a_caller_sends_stays_out_of_headers(house):
    caller = house.caller(*EVERYBODY)
    for text in (one for one in CORPUS[::3] if one.isascii() and one and len(one) < 300):
        for name in ("traceparent", "Accept-Language", "Accept", "User-Agent", "Origin", "X-Request-Id"):
            try:
                answer = await caller.send("GET", "/api/v1/claims", **{name: text})
            except (UnicodeEncodeError, ValueError):
                continue
            assert answer.status_code < 500
            assert not any("\r" in value or "\n" in value for value in answer.headers.values())
            assert "set-cookie" not in answer.headers


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def sources() -> list[Path]:
    return [*(ROOT / "masterlinc").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]


def test_cases_067_and_069_nothing_reads_xml_or_makes_objects_of_bytes():
    found = {path.name: used for path in sources() if (used := imports(path) & READERS_OF_OTHER_FORMS)}
    assert found == {}


def test_case_069_nothing_runs_a_text_as_code():
    runs = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"eval", "exec", "__import__"}
    ]
    assert runs == []


async def test_case_067_xml_is_no_body(house):
    caller = house.caller(*EVERYBODY)
    bomb = b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    for path in ("/api/v1/claims/submit", "/api/v1/nphies/messages", "/execute"):
        for kind in ("application/xml", "text/xml", "application/fhir+xml"):
            answer = await caller.send("POST", path, bomb, Content_Type=kind)
            assert answer.status_code == 415
        assert (await caller.send("POST", path, bomb)).status_code == 400


async def raw(app: Any, path: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """Ask for a path as its bytes are: no client tidies it up."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "server": ("test", 80),
        "client": ("192.0.2.1", 1),
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])


@pytest.mark.parametrize(
    "turn",
    ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "....//", "%00/", "/", "\x00", "..;/", "%252e%252e/"],
)
async def test_case_071_no_path_leads_to_a_file(house, turn):
    caller = house.caller(*EVERYBODY)
    headers = [(name.lower().encode(), value.encode()) for name, value in caller.headers.items()]
    for base in ("/api/v1/docs/", "/api/v1/docs/static/", "/api/v1/claims/", "/api/v1/agents/", "/"):
        for file in ("etc/passwd", "config/rbac.toml", "docs_extra/x", "secrets.json"):
            status, body = await raw(house.running.app, (base + turn * 6 + file).encode(), headers)
            assert status in {400, 401, 404}, (base, turn, file)
            assert b"root:" not in body
            assert b"grants" not in body


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "image/png", "*/*;q=0", "x", ""])
async def test_case_084_an_answer_is_json_or_none(house, accept):
    answer = await house.caller(*EVERYBODY).send("GET", "/api/v1/claims", Accept=accept)
    assert answer.status_code in {200, 406}
    assert answer.headers["content-type"].partition(";")[0] in {"application/json", "application/problem+json"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Range", "bytes=0-1,2-3,999999999999-"),
        ("Range", "bytes=" + ",".join(["0-"] * 500)),
        ("If-Match", '"'),
        ("If-Match", "*"),
        ("If-None-Match", 'W/"' + "x" * 5_000),
        ("If-Modified-Since", "yesterday"),
        ("Expect", "the-impossible"),
        ("TE", "trailers, deflate;q=9"),
        ("Content-Length", "0"),
        ("X-HTTP-Method-Override", "DELETE"),
    ],
)
async def test_case_088_odd_headers_change_nothing(house, name, value):
    caller = house.caller(*EVERYBODY)
    plain = await caller.send("GET", "/api/v1/claims")
    answer = await caller.send("GET", "/api/v1/claims", **{name: value})
    assert answer.status_code in {200, 400, 412, 417}
    if answer.status_code == 200:
        assert answer.content == plain.content
