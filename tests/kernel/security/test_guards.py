"""Attack cases at the door; the numbers are those of the security rules."""

from typing import Any

import httpx
import pytest
from gates import Gate
from litestar import Litestar, Request, Response, Router, WebSocket, asgi, get, websocket
from litestar.types import Receive, Scope, Send

from masterlinc.errors import DomainError, StartupError
from masterlinc.security.guards import check_routes, guard

DECLARED = {"patient:read", "claim:submit"}


@get("/open", opt={"public": "health checks carry no token"}, sync_to_thread=False)
def open_route() -> str:
    return "open"


@get("/patients", opt={"permission": "patient:read"}, sync_to_thread=False)
def patients(request: Request[Any, Any, Any]) -> str:
    return str(request.scope["user"].user_id)


@get("/claims", opt={"permission": "claim:submit"}, sync_to_thread=False)
def claims() -> str:
    return "claims"


@get("/forgotten", sync_to_thread=False)
def forgotten() -> str:
    return "forgotten"


def _problem(_: Any, fault: DomainError) -> Response[str]:
    return Response(fault.code, status_code=fault.status, headers=fault.headers)


def _app(gate: Gate, *routes: Any) -> Litestar:
    return Litestar(
        list(routes) or [open_route, patients, claims, forgotten],
        guards=[guard(gate.verifier)],
        exception_handlers={DomainError: _problem},
        openapi_config=None,
    )


async def _get(
    gate: Gate, path: str, headers: list[tuple[str, str]] | None = None, method: str = "GET"
) -> httpx.Response:
    transport = httpx.ASGITransport(app=_app(gate))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.request(method, path, headers=headers or [])


def _bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


async def test_a_public_route_asks_for_nothing(gate: Gate) -> None:
    assert (await _get(gate, "/open")).text == "open"
    assert (await _get(gate, "/open", _bearer("rubbish"))).status_code == 200


async def test_a_token_with_the_permission_opens(gate: Gate) -> None:
    answer = await _get(gate, "/patients", _bearer(gate.token()))
    assert (answer.status_code, answer.text) == (200, str(gate.user))
    assert (await _get(gate, "/patients", [("authorization", f"bearer {gate.token()}")])).status_code == 200


async def test_no_token_is_asked_for_one(gate: Gate) -> None:
    answer = await _get(gate, "/patients")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_52_a_token_without_the_permission_is_forbidden(gate: Gate) -> None:
    assert (await _get(gate, "/claims", _bearer(gate.token()))).status_code == 403


async def test_54_a_route_without_a_policy_refuses_everyone(gate: Gate) -> None:
    assert (await _get(gate, "/forgotten")).status_code == 401
    assert (await _get(gate, "/forgotten", _bearer(gate.token()))).status_code == 403


@pytest.mark.parametrize("name", ["access_token", "token", "TOKEN", "jwt", "bearer", "authorization"])
@pytest.mark.parametrize("with_header", [True, False])
async def test_16_a_token_in_the_query(gate: Gate, name: str, with_header: bool) -> None:
    token = gate.token()
    headers = _bearer(token) if with_header else None
    assert (await _get(gate, f"/patients?page=1&{name}={token}", headers)).status_code == 401
    assert (await _get(gate, "/patients?page=1&next_token=2", _bearer(token))).status_code == 200


async def test_16_two_headers_or_a_cookie(gate: Gate) -> None:
    token = gate.token()
    assert (await _get(gate, "/patients", _bearer(token) + _bearer(token))).status_code == 401
    assert (await _get(gate, "/patients", _bearer(token) + _bearer("x"))).status_code == 401
    assert (
        await _get(gate, "/patients", [("Cookie", f"access_token={token}; Authorization=Bearer {token}")])
    ).status_code == 401


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "Basic {}",
        "Bearer",
        "Bearer ",
        "Bearer  {}",
        "Bearer {},",
        "Bearer {}, Bearer {}",
        "Bearer\t{}",
        "BearerX {}",
        "Token {}",
        "Bearer {} x",
    ],
)
async def test_16_other_forms_of_the_header(gate: Gate, form: str) -> None:
    assert (await _get(gate, "/patients", [("Authorization", form.replace("{}", gate.token()))])).status_code == 401


async def test_other_bytes_in_the_header(gate: Gate) -> None:
    transport = httpx.ASGITransport(app=_app(gate))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        for value in (b"Bearer \xff\xfe", b"Bearer \xd9\xa1", b"Bearer a\x00b"):
            request = client.build_request("GET", "/patients")
            request.headers = httpx.Headers([(b"host", b"here"), (b"authorization", value)])
            assert (await client.send(request)).status_code == 401


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE"])
async def test_53_other_methods_open_nothing(gate: Gate, method: str) -> None:
    assert (await _get(gate, "/patients", method=method)).status_code in {401, 404, 405}
    assert (await _get(gate, "/claims", _bearer(gate.token()), method=method)).status_code in {403, 404, 405}


@pytest.mark.parametrize(
    "path", ["/patients/", "//patients", "/Patients", "/patients;x", "/%70atients", "/open/../patients"]
)
async def test_53_other_spellings_of_the_path(gate: Gate, path: str) -> None:
    assert (await _get(gate, path)).status_code in {401, 404, 405}


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-User", "X-User"]
)
async def test_53_headers_that_pretend(gate: Gate, header: str) -> None:
    assert (await _get(gate, "/patients", [(header, "/open")])).status_code == 401


def test_routes_with_a_policy_start(gate: Gate) -> None:
    app = Litestar([open_route, patients, claims], openapi_config=None)
    check_routes(app, DECLARED)
    under_router = Litestar(
        [Router("/x", route_handlers=[forgotten], opt={"permission": "patient:read"})], openapi_config=None
    )
    check_routes(under_router, DECLARED)


def test_54_routes_without_a_policy_do_not_start(gate: Gate) -> None:
    @websocket("/live")
    async def live(socket: WebSocket[Any, Any, Any]) -> None: ...

    @asgi("/raw", copy_scope=True)
    async def bare(scope: Scope, receive: Receive, send: Send) -> None: ...

    @get("/both", opt={"permission": "patient:read", "public": "why"}, sync_to_thread=False)
    def both() -> None: ...

    @get("/reasonless", opt={"public": True}, sync_to_thread=False)
    def reasonless() -> None: ...

    @get("/typo", opt={"permission": "patient:raed"}, sync_to_thread=False)
    def typo() -> None: ...

    app = Litestar([forgotten, live, bare, both, reasonless, typo, patients], openapi_config=None)
    with pytest.raises(StartupError) as stop:
        check_routes(app, DECLARED)
    line = str(stop.value)
    for path in ("/forgotten", "/live", "/raw", "/both", "/reasonless", "/typo"):
        assert path in line
    assert "/patients" not in line


def test_54_the_pages_of_the_documentation_need_a_policy_too(gate: Gate) -> None:
    with pytest.raises(StartupError, match="/schema"):
        check_routes(Litestar([patients]), DECLARED)
