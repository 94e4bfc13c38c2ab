"""Which hosts are served, which pages may call from a browser, and what production asks for."""

import httpx
import pytest
from litestar import Litestar, get
from litestar.config.app import AppConfig

from masterlinc.errors import StartupError
from masterlinc.http import door, install
from masterlinc.settings import HttpSettings, build

PAGE = "https://console.example"
OWN = "https://api.masterlinc.example"


@get("/thing")
async def thing() -> dict[str, int]:
    return {"a": 1}


@get("/health/live")
async def live() -> dict[str, int]:
    return {"a": 1}


@get("/broken")
async def broken() -> None:
    raise RuntimeError


def app_of(**changes):
    settings = HttpSettings(**changes)
    config = AppConfig(route_handlers=[thing, live, broken], openapi_config=None)
    app = Litestar.from_config(install(config, settings))
    door.install_door(app, settings)
    return app


def client(base="http://test", **changes):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app_of(**changes)), base_url=base)


@pytest.fixture
def shared():
    return client(cors_origins=[PAGE])


def preflight(origin, method="POST"):
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }


def allowed_headers(answer):
    return {name for name in answer.headers if name.startswith("access-control-")}


async def test_a_page_of_an_allowed_origin_may_read_answers(shared):
    for path in ("/thing", "/nowhere", "/broken"):
        answer = await shared.get(path, headers={"Origin": PAGE})
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "retry-after" in answer.headers["access-control-expose-headers"].lower()
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


async def test_its_preflight_is_answered_and_nothing_else_of_the_route(shared):
    answer = await shared.request("OPTIONS", "/thing", headers=preflight(PAGE))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert "cookie" not in answer.headers["access-control-allow-headers"].lower()
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "https://consolexexample",
        "https://console.example.evil.test",
        "https://evil.test/https://console.example",
        "https://sub.console.example",
        "http://console.example",
        "https://console.example:443",
        "https://console.example/",
        "HTTPS://CONSOLE.EXAMPLE",
        "https://console.example, https://evil.test",
        "https://console.exampl\u00e9",
    ],
)
async def test_case_150_no_other_origin_may_read_anything(shared, origin):
    for headers in ({"Origin": origin}, preflight(origin)):
        sent = {name: value.encode("latin-1") for name, value in headers.items()}
        for method in ("GET", "OPTIONS"):
            answer = await shared.request(method, "/thing", headers=sent)
            assert allowed_headers(answer) == set()
            assert answer.headers["vary"] == "Origin"


async def test_options_without_a_preflight_is_no_way_in(shared):
    answer = await shared.request("OPTIONS", "/thing", headers={"Origin": PAGE})
    assert answer.content == b""
    assert "access-control-allow-methods" not in answer.headers


async def test_without_origins_nothing_is_said(shared):
    answer = await client().get("/thing", headers={"Origin": PAGE})
    assert allowed_headers(answer) == set()
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://*.example",
        "console.example",
        "https://console.example/",
        "https://a.example/x",
        "https://A.example",
    ],
)
def test_case_150_an_origin_that_is_no_exact_one_stops_the_start(origin):
    with pytest.raises(StartupError, match="cors_origins"):
        build({"http": {"cors_origins": [origin]}})


@pytest.mark.parametrize(
    "host", ["api.masterlinc.example", "API.masterlinc.example", "api.masterlinc.example:443", "inside:8000"]
)
async def test_our_own_hosts_are_served(host):
    async with client(production=True, public_url=OWN, allowed_hosts=["inside:8000"]) as http:
        assert (await http.get("/thing", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "api.masterlinc.example.evil.test",
        "api.masterlinc.example:8443",
        "apixmasterlinc.example",
        "inside",
        "",
    ],
)
async def test_another_host_is_refused_whatever_a_proxy_header_says(host):
    async with client(production=True, public_url=OWN, allowed_hosts=["inside:8000"]) as http:
        sent = {"Host": host.encode(), "X-Forwarded-Host": b"api.masterlinc.example", "Accept-Language": b"ar"}
        answer = await http.get("/thing", headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "host-refused")
        assert answer.json()["detail"] == "هذا النظام غير متاح على هذا المضيف"
        assert answer.headers["trace-id"] == answer.json()["trace_id"]
        assert "strict-transport-security" in answer.headers
        assert (await http.get("/health/live", headers={"Host": host.encode()})).status_code == 200


@pytest.mark.parametrize("hosts", [[], [b"api.masterlinc.example", b"api.masterlinc.example"]])
async def test_case_085_no_host_and_two_hosts_are_refused(hosts):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.0",
        "method": "GET",
        "path": "/thing",
        "query_string": b"",
        "headers": [(b"host", host) for host in hosts] + [(b"x-forwarded-host", b"api.masterlinc.example")],
        "root_path": "",
    }
    await app_of(production=True, public_url=OWN)(scope, None, send)
    assert sent[0]["status"] == 400


async def test_in_development_any_host_is_served():
    assert (await client().get("/thing", headers={"Host": "whatever"})).status_code == 200
    assert (await client(allowed_hosts=["one"]).get("/thing", headers={"Host": "two"})).status_code == 400


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({}, "public_url"),
        ({"public_url": "http://api.example"}, "public_url"),
        ({"public_url": OWN, "cors_origins": [PAGE, "http://console.example"]}, "cors_origins"),
    ],
)
def test_production_starts_over_https_only(changes, named):
    with pytest.raises(StartupError, match=named):
        door.check(HttpSettings(production=True, **changes))
    door.check(HttpSettings(**changes))
    door.check(HttpSettings(production=True, public_url=OWN, cors_origins=[PAGE]))


ACCEPTED = [
    "*/*",
    "application/json",
    "",
    "text/html, */*;q=0.1",
    "application/*",
    "application/fhir+json",
    "text/xml;q=1, application/json;q=0.001",
]
REFUSED = ["application/xml", "text/html", "application/json;q=0", "application/json; q=0.000, */*", "image/*", "x"]


@pytest.mark.parametrize("accept", ACCEPTED)
async def test_who_takes_json_gets_it(accept):
    assert (await client().get("/thing", headers={"Accept": accept})).status_code == 200


@pytest.mark.parametrize("accept", REFUSED)
async def test_case_084_who_takes_no_json_is_told_so(accept):
    answer = await client().get("/thing", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")
