"""Headers of every answer, and what neither methods, paths, cookies nor other doors open."""

import base64
import secrets

import httpx
import pytest
import pytest_asyncio

from masterlinc.secrets import Secret
from masterlinc.testing import bearer

ALWAYS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}
PRODUCTION = {"strict-transport-security": "max-age=63072000; includeSubDomains"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
OWN = "https://api.masterlinc.example"


def check_headers(answer: httpx.Response, **more: str) -> None:
    headers = answer.headers
    if answer.request.url.path == "/.well-known/jwks.json" and answer.is_success:
        more |= {"cache-control": "public, max-age=60"}  # public keys: the one thing that others may keep
    assert {name: headers.get(name) for name in ALWAYS | more} == ALWAYS | more, answer.request.url
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["trace-id"]
    assert not {"server", "x-powered-by"} & set(headers)
    assert answer.status_code < 500


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def production(run_app):
    def configure(settings):
        settings.http.production, settings.http.docs, settings.http.public_url = True, False, OWN
        settings.security.master_key = Secret(base64.b64encode(secrets.token_bytes(32)).decode())

    running = await run_app(configure=configure)
    transport = httpx.ASGITransport(app=running.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=OWN) as http:
        yield http


def paths_of(running) -> list[str]:
    return sorted({route.path.replace(":str}", "}").replace(":path}", "}") for route in running.app.routes})


async def test_case_152_every_route_and_method_has_the_headers(running, client):
    for path in paths_of(running):
        for method in METHODS:
            check_headers(await client.request(method, path))


async def test_case_152_good_answers_have_them_too(running, client, make_principal):
    token = bearer(running, make_principal("admin"))
    for path in ("/health", "/.well-known/jwks.json", "/api/v1/claims", "/api/v1/openapi.json", "/api/v1/docs"):
        answer = await client.get(path, headers=token)
        assert answer.status_code == 200
        check_headers(answer)
    answer = await client.get("/api/v1/docs/assets/swagger-ui.css", headers={"Accept": "text/css,*/*;q=0.1"})
    assert answer.status_code == 200
    check_headers(answer)


@pytest.mark.parametrize("path", ["/nowhere", "/health", "/api/v1/claims", "/%00", "/%ff", "/" + "a" * 30_000])
async def test_case_152_production_asks_for_https_everywhere(production, path):
    for method in ("GET", "POST", "OPTIONS", "TRACE"):
        check_headers(await production.request(method, httpx.URL(OWN, raw_path=path.encode())), **PRODUCTION)


@pytest.mark.parametrize(
    "path",
    [
        "/schema",
        "/docs",
        "/api/v1",
        "/api/v1/docs",
        "/api/v1/docs/assets/swagger-ui.css",
        "/api/v1/openapi.json",
        "/api/v1/openapi.yaml",
        "/api/v1/asyncapi.json",
        "/metrics",
        "/debug/pprof",
        "/.env",
        "/.git/config",
        "/admin",
        "/console",
    ],
)
async def test_case_153_production_shows_no_documents_and_no_back_doors(production, path):
    assert (await production.get(path)).status_code in {401, 404}


async def test_case_147_probes_are_bare_and_tell_no_versions(production):
    for path in ("/health/live", "/health/ready"):
        assert set((await production.get(path)).json()) == {"status"}
    text = (await production.get("/health")).text.lower()
    assert [word for word in ("postgresql", "python", "granian", "litestar", "redis/") if word in text] == []


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"])
async def test_case_053_no_header_makes_another_method_of_a_request(running, client, make_principal, name):
    token = bearer(running, make_principal("admin"))
    answer = await client.get("/api/v1/auth/logout", headers=token | {name: "POST"})
    assert answer.status_code == 405
    assert (await client.get("/api/v1/claims", headers=token)).status_code == 200  # nobody was signed out


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/claims/",
        "//api/v1/claims",
        "/api/v1//claims",
        "/api/v1/./claims",
        "/api/v1/x/../claims",
        "/api/v1%2fclaims",
        "/api/v1/claims;x=1",
        "/API/V1/CLAIMS",
        "/api/v1/claims%00",
        "/health/../api/v1/claims",
        "/health/live/../../api/v1/claims",
        "/api/v1/claims?public=1",
    ],
)
async def test_case_053_no_way_of_writing_a_path_leads_past_its_policy(client, path):
    for method in ("GET", "HEAD", "OPTIONS"):
        answer = await client.request(method, httpx.URL("http://testserver", raw_path=path.encode()))
        assert answer.status_code in {401, 404, 405}, path


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/setup.py",
        "..%5c..%5cwin.ini",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "swagger-ui.css%00.js",
        "../static-other/x",
        "%252e%252e/x",
    ],
)
async def test_case_071_no_file_beside_the_served_ones_is_reached(client, path):
    url = httpx.URL("http://testserver", raw_path=f"/api/v1/docs/assets/{path}".encode())
    answer = await client.get(url)
    assert answer.status_code in {400, 401, 404}
    assert "root:" not in answer.text


async def test_case_070_what_is_no_page_is_never_shown_as_one(client):
    evil = "<script>alert(1)</script>"
    accept = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in (f"/{evil}", f"/api/v1/claims?{evil}=1&{evil}=2", f"/api/v1/claims/{evil}"):
        answer = await client.get(path, headers=accept)
        assert answer.headers["content-type"] == "application/problem+json"
        check_headers(answer)


async def test_case_151_a_cookie_is_never_a_credential(running, client, make_principal):
    token = running.token(make_principal("admin"))
    for name in ("session", "token", "access_token", "Authorization", "__Host-session", "__Host-errand"):
        for path in ("/api/v1/claims", "/api/v1/auth/me"):
            answer = await client.get(path, headers={"Cookie": f"{name}={token}"})
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
async def test_case_151_a_form_of_another_site_is_not_taken(running, client, make_principal, kind):
    """What a page may send without asking first (a preflight) is no body of ours."""
    token = bearer(running, make_principal("admin"))
    for path in ("/api/v1/patients", "/api/v1/claims/submit", "/api/v1/auth/login", "/execute"):
        answer = await client.post(path, content=b'{"a": 1}', headers=token | {"Content-Type": kind})
        assert answer.status_code == 415


async def test_another_forwarded_host_is_in_no_answer(running, client, make_principal):
    token = bearer(running, make_principal("admin"))
    evil = {"X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test", "X-Original-URL": "/evil.test"}
    body = {"task": "masterlinc.echo", "input": {"message": "x"}, "mode": "async"}
    for answer in (
        await client.post("/execute", json=body, headers=token | evil),
        await client.get("/health", headers=evil),
        await client.get("/nowhere", headers=evil),
        await client.get("/api/v1/openapi.json", headers=evil),
    ):
        assert "evil" not in answer.text + str(answer.headers)


async def test_case_088_odd_headers_are_answered(running, client, make_principal):
    token = bearer(running, make_principal("admin"))
    for name in ("Range", "If-Match", "If-None-Match", "If-Modified-Since", "Expect", "Accept-Language", "traceparent"):
        for value in (b"bytes=0-,1-", b"*", b'"', b"\xff\xfe", b"x" * 5_000, b'W/"1", "2"', b"101-continue"):
            for path in ("/api/v1/claims", "/api/v1/docs/assets/swagger-ui.css", "/nowhere"):
                answer = await client.get(path, headers=token | {name: value})
                assert answer.status_code < 500
