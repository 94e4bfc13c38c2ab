"""What stands in front of the SDK: tokens, origins, sizes, shapes; and what the SDK does with the rest."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from masterlinc.security.tokens import Realm, Subject, issue
from masterlinc.testing import bearer
from masterlinc.tools import calls
from masterlinc.tools.catalogue import catalogue
from masterlinc.tools.server import ToolServer

JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
MODERN = "2026-07-28"


def message(method, params=None, **more):
    return {"jsonrpc": "2.0", "id": 1, "method": method} | ({} if params is None else {"params": params}) | more


def modern(method, params=None, name=None):
    """A message of the protocol without sessions, and its headers."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method} | ({"Mcp-Name": name} if name else {})
    return message(method, {**(params or {}), "_meta": meta}), headers


CALL = message("tools/call", {"name": "probelinc_pay", "arguments": {"amount": 1}})


@pytest.fixture
def send(client, running, make_principal):
    """Send a message as a doctor, or with other headers."""

    async def post(body, principal=None, **headers):
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        sent = JSON | bearer(running, principal or make_principal("doctor")) | headers
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post("/mcp", content=content, headers=sent)

    return post


def check_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail_ar"]
    return answer.json()


async def test_a_call_needs_no_handshake(send):
    answer = await send(CALL)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["structuredContent"] == {"amount": 1.0, "note": ""}


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (b"19.99", b"19.99"),
        (b"999999999999.99", b"999999999999.99"),
        (b"7", b"7.00"),
        (b"0.10000000000000000001", None),
        (b"99999999999.990000001", None),
        (b"1e2", None),
        (b"-0.0", None),
        (b"NaN", None),
    ],
)
async def test_a_number_is_read_as_it_is_written_and_as_over_rest(client, running, make_principal, number, kept):
    headers = JSON | bearer(running, make_principal("doctor"))
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"probelinc_pay","arguments":{"amount":%s}}}'
    answer = await client.post("/mcp", content=body % number, headers=headers)
    rest = await client.post(
        "/execute", content=b'{"task":"probelinc.pay","input":{"amount":%s}}' % number, headers=headers
    )
    if kept is None:
        assert answer.status_code >= 400 or answer.json()["result"]["isError"] is True
        assert rest.status_code >= 400
    else:
        assert b'{\\"amount\\":' + kept in answer.content
        assert b'"amount":' + kept in rest.content


@pytest.mark.parametrize(
    ("value", "error"),
    [(b'{"a": [1, null, "\xd8\xa3"]}', ""), (b"9" * 400, ""), (b"1e400", "invalid"), (b"-1e999", "invalid")],
)
async def test_any_value_comes_back_or_is_refused_in_words(client, running, make_principal, rows, value, error):
    who = make_principal("doctor")
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"probelinc_say","arguments":{"anything":%s}}}'
    )
    answer = await client.post("/mcp", content=body % value, headers=JSON | bearer(running, who))
    result = answer.json()["result"]
    assert result["isError"] is bool(error)
    if not error:
        assert result["structuredContent"]["anything"] == json.loads(value)
        (row,) = await rows(who)
        assert row["outcome"] == "ok"


async def test_without_a_token_nothing_is_answered(client):
    answer = await client.post("/mcp", json=CALL, headers=JSON)
    check_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/.well-known/agent-card.json", "/api/v1/agents/claimlinc/card"):
        check_problem(await client.get(path), 401)


async def test_a_token_that_is_over_is_no_token(client, running, make_principal):
    who, security = make_principal("doctor"), running.services.settings.security
    token = issue(
        running.signing_key,
        Realm(security.issuer, security.audience),
        Subject(who.user_id, who.organization_id, who.session_id, ("doctor",)),
        now=running.services.clock.now() - timedelta(hours=2),
        life=timedelta(minutes=10),
    )
    answer = await client.post("/mcp", json=CALL, headers=JSON | {"Authorization": f"Bearer {token}"})
    assert check_problem(answer, 401)["code"] == "invalid-token"


async def test_a_session_that_ended_may_call_no_more(send, running, make_principal):
    who = make_principal("doctor")
    assert (await send(CALL, who)).status_code == 200
    running.services.revocations.add(who.session_id, who.expires_at)
    check_problem(await send(CALL, who), 401)


async def test_a_token_counts_in_its_header_only(client, running, make_principal):
    token = running.token(make_principal("doctor"))
    check_problem(await client.post(f"/mcp?access_token={token}", json=CALL, headers=JSON), 401)
    check_problem(await client.post("/mcp", json=CALL, headers=JSON | {"Cookie": f"token={token}"}), 401)
    twice = [*JSON.items(), ("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    check_problem(await client.post("/mcp", json=CALL, headers=twice), 401)


@pytest.mark.parametrize("role", ["auditor", "researcher"])
async def test_who_may_run_no_task_may_use_no_tool(send, make_principal, role):
    check_problem(await send(CALL, make_principal(role)), 403)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://assistant.example.evil",
        "https://assistant.example:444",
        "http://assistant.example",
        "https://ASSISTANT.example",
        "http://127.0.0.1:8001",
        "http://localhost:8000",
        "",
    ],
)
async def test_pages_of_other_sites_are_refused(send, origin):
    assert check_problem(await send(CALL, Origin=origin), 403)["code"] == "origin-refused"


@pytest.mark.parametrize("origin", ["https://assistant.example", "http://127.0.0.1:8000"])
async def test_listed_pages_and_our_own_may_call(send, origin):
    assert (await send(CALL, Origin=origin)).status_code == 200


async def test_a_host_that_is_rebound_changes_no_address(send, client, running, make_principal):
    assert (await send(CALL, Host="evil.example")).status_code == 200  # with a token, and no page sent it
    check_problem(await send(CALL, Host="evil.example", Origin="http://evil.example"), 403)
    headers = bearer(running, make_principal("doctor")) | {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    card = await client.get("/.well-known/agent-card.json", headers=headers)
    assert "evil" not in card.text


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "HEAD"])
async def test_there_is_no_stream_and_no_session_to_open(client, running, make_principal, method):
    headers = JSON | bearer(running, make_principal("doctor")) | {"Accept": "text/event-stream"}
    assert (await client.request(method, "/mcp", headers=headers)).status_code == 405


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 40 + b"]" * 40, 400),
        (b"[" * 100_000, 400),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}', 400),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"probelinc_pay","name":"probelinc_peek"}}',
            400,
        ),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"\\u0000"}}', 422),
        (b'"' + b"x" * 1_048_576 + b'"', 413),
        (b"[" + b"1," * 500_000 + b"1]", 413),
    ],
)
async def test_bodies_that_no_parser_should_see_are_refused(send, body, status):
    check_problem(await send(body), status)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-7", ""]
)
async def test_only_json_is_read(send, kind):
    check_problem(await send(CALL, Content_Type=kind), 415)


@pytest.mark.parametrize(
    "body",
    [
        [CALL, CALL],
        [],
        7,
        None,
        "tools/list",
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 1, "method": 7},
        message("tools/call", []),
        message("tools/call", "x"),
    ],
)
@pytest.mark.parametrize("version", [{}, {"MCP_Protocol_Version": MODERN}])
async def test_what_is_no_message_is_refused_without_a_fault_of_ours(send, body, version):
    answer = await send(body, **version)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in {-32700, -32600, -32602}
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("arguments", [None, {}, [], "x", 7, [{"amount": 1}]])
async def test_arguments_that_are_no_object_pay_nothing(send, arguments):
    answer = await send(message("tools/call", {"name": "probelinc_pay", "arguments": arguments}))
    body = answer.json()
    assert "error" in body or body["result"]["isError"] is True
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "method",
    ["resources/list", "resources/read", "prompts/list", "completion/complete", "logging/setLevel", "tasks/get", "x"],
)
@pytest.mark.parametrize("new", [True, False])
async def test_there_are_tools_and_nothing_else(send, method, new):
    params = {"uri": "litestar://openapi", "level": "debug", "taskId": "1"}
    body, headers = modern(method, params) if new else (message(method, params), {})
    answer = await send(body, **headers)
    assert answer.json()["error"]["code"] in {
        -32601,
        -32602,
        -32020,
    }  # -32020: a header that should name it is not there


async def test_a_subscription_is_refused_and_does_not_hang(send):
    body, headers = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    answer = await asyncio.wait_for(send(body, **headers), 5)
    assert answer.json()["error"]["code"] == -32601


async def test_a_notification_is_taken_without_an_answer(send):
    answer = await send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert answer.status_code == 202


@pytest.mark.parametrize("number", [None, {}, [], True])
async def test_a_call_that_wants_no_answer_is_not_run(send, make_principal, rows, number):
    who = make_principal("doctor")
    answer = await send(CALL | {"id": number}, who)
    assert answer.status_code in {202, 400}
    assert "structuredContent" not in answer.text
    assert await rows(who) == []


async def test_the_header_cannot_name_another_tool_than_the_body(send, make_principal, rows):
    who = make_principal("doctor")
    body, headers = modern("tools/call", {"name": "probelinc_peek", "arguments": {}}, name="probelinc_pay")
    answer = await send(body, who, **headers)
    assert answer.status_code == 400
    assert await rows(who) == []


@pytest.mark.parametrize("version", ["1999-01-01", "not-a-version", "2026-07-28, 2025-11-25", "' OR 1=1--"])
async def test_an_unknown_version_is_refused(send, version):
    body, headers = modern("tools/list")
    answer = await send(body, **(headers | {"MCP-Protocol-Version": version}))
    assert answer.status_code == 400


async def test_a_session_id_opens_nothing(send):
    answer = await send(CALL, Mcp_Session_Id="11111111-1111-1111-1111-111111111111")
    assert "mcp-session-id" not in answer.headers


async def test_the_token_stays_with_us(running, make_principal, monkeypatch):
    seen = []

    async def watched(_, scope, receive, send):
        seen.extend(name for name, _ in scope["headers"])

    monkeypatch.setattr(StreamableHTTPSessionManager, "handle_request", watched)
    server = ToolServer(catalogue(running.services.registry))
    sent = [(name, b"x") for name in (b"authorization", b"cookie", b"host", b"mcp-name", b"accept", b"content-type")]
    await server.answer(running.context("masterlinc", make_principal("doctor")), sent, json.dumps(CALL).encode())
    assert seen == [b"mcp-name", b"accept", b"content-type"]


async def test_callers_at_the_same_time_stay_apart(send, make_principal):
    people = [make_principal("doctor") for _ in range(40)]
    body = message("tools/call", {"name": "probelinc_reach", "arguments": {}})
    answers = await asyncio.gather(*(send(body, who) for who in people))
    for who, answer in zip(people, answers, strict=True):
        assert answer.json()["result"]["structuredContent"] == {
            "user_id": str(who.user_id),
            "organizations": [str(who.organization_id)],
        }


async def test_what_cannot_be_audited_is_not_answered(running, make_principal, monkeypatch):
    async def broken(ctx, name, error):
        raise OSError("the audit is away")

    monkeypatch.setattr(calls, "_audit", broken)
    tool = catalogue(running.services.registry).find("probelinc_pay")
    called = await calls.call(running.context("masterlinc", make_principal("doctor")), tool, b'{"amount": 12.34}')
    assert called.error == "internal-error"
    assert "12.34" not in called.text


async def test_a_permission_that_is_gone_is_gone_at_the_next_call(running, make_principal):
    who = make_principal("doctor")
    tool = catalogue(running.services.registry).find("probelinc_pay")
    less = replace(who, permissions=frozenset({"task:execute"}))
    assert (await calls.call(running.context("masterlinc", who), tool, b'{"amount": 1}')).error == ""
    assert (await calls.call(running.context("masterlinc", less), tool, b'{"amount": 1}')).error == "forbidden"
