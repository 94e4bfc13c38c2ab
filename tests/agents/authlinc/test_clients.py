"""OAuth 2 for machines: clients, the token endpoint in the words of its RFCs, and the attacks on it."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest
import pytest_asyncio
from accounts import ALONE, organization, system
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from desks import SCOPES, Desk
from hypothesis import given, settings
from hypothesis import strategies as st

from authlinc.routes.oauth import read_form
from authlinc.service import client_keys
from authlinc.service.grants import GrantRefused
from masterlinc import ids
from masterlinc.settings import Settings
from masterlinc.testing import FixedClock, MakePrincipal, RunApp, Running, bearer, client_of

URL, CLIENTS, TOKEN = "https://clinic.example", "/api/v1/auth/clients", "/api/v1/auth/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = [(b"content-type", b"application/x-www-form-urlencoded")]


@dataclass
class Office(Desk):
    """An administrator who makes clients, and what those clients send."""

    path, thing = CLIENTS, "client"
    clock: FixedClock

    async def ask(self, auth: tuple[str, str] | None = None, **fields: str) -> httpx.Response:
        return await self.client.post(TOKEN, data={"grant_type": "client_credentials", **fields}, auth=auth)

    def assertion(self, key: Any, algorithm: str, client: str, **changes: Any) -> str:
        now = int(self.clock.now().timestamp())
        claims = {"iss": client, "sub": client, "aud": URL, "exp": now + 60, "iat": now, "jti": ids.new_id().hex}
        headers = changes.pop("headers", None)
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode(claims, key, algorithm, headers=headers)

    async def sign_in(self, assertion: str, **fields: str) -> httpx.Response:
        return await self.ask(client_assertion=assertion, client_assertion_type=ASSERTION, **fields)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def place(run_app: RunApp) -> AsyncIterator[tuple[Running, FixedClock, httpx.AsyncClient]]:
    clock = FixedClock(datetime.now(UTC))

    def configure(settings: Settings) -> None:
        settings.http.public_url = URL
        settings.http.allowed_hosts = ["testserver"]

    running = await run_app(clock=clock, configure=configure, **ALONE)
    async with client_of(running) as client:
        yield running, clock, client


@pytest_asyncio.fixture(loop_scope="session")
async def office(place: tuple[Running, FixedClock, httpx.AsyncClient], make_principal: MakePrincipal) -> Office:
    running, clock, client = place
    return Office(running, client, make_principal("admin", organization=await organization(running)), clock)


def refused(answer: httpx.Response, code: str) -> None:
    """Check a refusal in the RFC's words, and that it is no problem body."""
    assert answer.json()["error"] == code, answer.text
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.status_code == (401 if code == "invalid_client" else 400)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) is (code == "invalid_client")


async def test_a_secret_is_traded_for_a_token(office: Office) -> None:
    client, secret = await office.made()
    for answer in (await office.ask((client, secret)), await office.ask(client_id=client, client_secret=secret)):
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "scope"}  # no refresh token
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, " ".join(SCOPES))
        assert answer.headers["cache-control"] == "no-store"
        assert await office.use(body["access_token"]) == 200
        assert await office.use(body["access_token"], "/api/v1/auth/me") == 403
    principal = office.running.services.verifier.verify(body["access_token"])
    assert (principal.kind, ids.show("CLI", principal.user_id), principal.roles) == ("key", client, frozenset())
    assert principal.organization_id == office.boss.organization_id


async def test_less_is_given_when_less_is_asked_for(office: Office) -> None:
    client, secret = await office.made()
    token = (await office.ask((client, secret), scope="organization:read")).json()
    assert token["scope"] == "organization:read"
    assert await office.use(token["access_token"]) == 403
    for scope in ("claim:read", "agent:read claim:read", "", " ", "agent:read  organization:read"):
        refused(await office.ask((client, secret), scope=scope), "invalid_scope")


async def test_who_does_not_prove_itself_gets_one_answer(office: Office) -> None:
    client, secret = await office.made()
    other, _ = await office.made()
    bodies = set()
    for auth in (
        (client, secret + "x"),
        (client, ""),
        (other, secret),
        (ids.show("CLI", ids.new_id()), secret),
        ("x", "y"),
    ):
        answer = await office.ask(auth)
        refused(answer, "invalid_client")
        bodies.add(answer.text)
    refused(await office.ask(), "invalid_client")
    refused(await office.ask(client_id=client), "invalid_client")
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=authorization_code&code=a", "unsupported_grant_type"),
        ("grant_type=refresh_token&refresh_token=a", "unsupported_grant_type"),
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&scope=a&scope=b", "invalid_request"),
        ("grant_type=client_credentials&client_secret=%00", "invalid_request"),
        ("grant_type=client_credentials&client_secret=%ff", "invalid_request"),
        ("grant_type", "invalid_request"),
        ("&".join(f"a{n}=b" for n in range(30)), "invalid_request"),
        ("grant_type=client_credentials&x=" + "y" * 20_000, "invalid_request"),
    ],
)
async def test_75_what_cannot_be_read_is_told_as_the_rfc_says(office: Office, content: str, code: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(await office.client.post(TOKEN, content=content, headers=headers), code)


async def test_only_a_form_is_taken_and_one_proof(office: Office) -> None:
    client, secret = await office.made()
    refused(await office.client.post(TOKEN, json={"grant_type": "client_credentials"}), "invalid_request")
    refused(await office.ask((client, secret), client_id=client, client_secret=secret), "invalid_request")
    refused(await office.ask((client, secret), client_id="CLI-other"), "invalid_request")
    refused(await office.ask(client_assertion="x", client_id=client), "invalid_request")
    for header in ("Basic", "Basic !!!", "Bearer x", "Basic " + base64.b64encode(b"no colon").decode()):
        answer = await office.client.post(
            TOKEN, data={"grant_type": "client_credentials"}, headers={"Authorization": header}
        )
        refused(answer, "invalid_client")


async def test_a_revoked_client_and_its_tokens_are_out_at_once(office: Office) -> None:
    client, secret = await office.made()
    token = (await office.ask((client, secret))).json()["access_token"]
    assert (await office.client.delete(f"{CLIENTS}/{client}", headers=office.headers)).status_code == 204
    assert await office.use(token) == 401
    refused(await office.ask((client, secret)), "invalid_client")
    shown = (await office.client.get(f"{CLIENTS}/{client}", headers=office.headers)).json()
    assert shown["revoked_at"] is not None
    listed = (await office.client.get(CLIENTS, headers=office.headers)).json()
    assert listed["clients"] == [shown]


async def test_30_the_clients_of_a_disabled_organization_are_out(office: Office, make_principal: MakePrincipal) -> None:
    client, secret = await office.made()
    token = (await office.ask((client, secret))).json()["access_token"]
    operator = bearer(office.running, make_principal("operator", organization=await organization(office.running)))
    path = f"/api/v1/organizations/{ids.show('ORG', office.boss.organization_id)}"
    tag = (await office.client.get(path, headers=operator)).headers["etag"]
    changed = await office.client.patch(path, json={"enabled": False}, headers={**operator, "If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert await office.use(token) == 401
    refused(await office.ask((client, secret)), "invalid_client")


async def test_a_client_ends_and_no_token_outlives_it(office: Office) -> None:
    client, secret = await office.made(expires_in_days=1)
    office.clock.advance(timedelta(days=1) - timedelta(seconds=90))
    assert (await office.ask((client, secret))).json()["expires_in"] == 90
    office.clock.advance(timedelta(seconds=90))
    refused(await office.ask((client, secret)), "invalid_client")


def jwk_of(private: Any) -> dict[str, Any]:
    algorithms = jwt.algorithms
    if isinstance(private, rsa.RSAPrivateKey):
        return algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return algorithms.OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)


ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(("private", "algorithm"), [(ED, "EdDSA"), (EC, "ES256"), (RSA, "RS256")])
async def test_a_signed_assertion_is_traded_for_a_token(office: Office, private: Any, algorithm: str) -> None:
    client, secret = await office.made(public_key=jwk_of(private))
    assert secret is None
    for audience in (URL, URL + TOKEN):
        answer = await office.sign_in(office.assertion(private, algorithm, client, aud=audience), client_id=client)
        assert answer.status_code == 200, answer.text
    assert await office.use(answer.json()["access_token"]) == 200
    refused(await office.ask((client, "")), "invalid_client")
    refused(await office.ask((client, "anything")), "invalid_client")


async def test_an_assertion_is_taken_once(office: Office) -> None:
    client, _ = await office.made(public_key=jwk_of(ED))
    assertion = office.assertion(ED, "EdDSA", client)
    answers = await asyncio.gather(*(office.sign_in(assertion) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    office.clock.advance(timedelta(seconds=90))
    refused(await office.sign_in(assertion), "invalid_client")


async def test_1_to_10_assertions_that_are_not_good(office: Office) -> None:
    client, _ = await office.made(public_key=jwk_of(ED))
    rival, _ = await office.made(public_key=jwk_of(EC))
    now = int(office.clock.now().timestamp())
    public = ED.public_key().public_bytes_raw()
    stranger = ed25519.Ed25519PrivateKey.generate()
    whole = office.assertion(ED, "EdDSA", client)
    head, body, signature = whole.split(".")
    wrong = [
        office.assertion(ED, "EdDSA", client, **changes)
        for changes in (
            {"aud": "https://clinic.example.evil"},
            {"aud": [URL]},
            {"aud": None},
            {"exp": None},
            {"exp": now - 61},
            {"exp": now + 3600},
            {"exp": 10**30},
            {"exp": str(now + 60)},
            {"exp": True},
            {"nbf": now + 90},
            {"iat": now + 90},
            {"jti": None},
            {"jti": ""},
            {"jti": 7},
            {"jti": "x" * 300},
            {"iss": "CLI-other"},
            {"sub": rival},
            {"iss": rival, "sub": rival},
            {"headers": {"crit": ["x"], "x": 1}},
            {"headers": {"jku": "https://evil.example"}},
            {"headers": {"jwk": jwk_of(stranger)}},
        )
    ]
    wrong += [
        office.assertion(stranger, "EdDSA", client),
        office.assertion(public, "HS256", client),
        jwt.encode({"sub": client, "iss": client, "aud": URL, "exp": now + 60, "jti": "1"}, None, "none"),
        f"{head}.{body}.",
        f"{head}.{body}.{signature}AA",
        "a.b.c",
        "",
        "x" * 5000,
        "[" * 3000,
    ]
    for one in wrong:
        answer = await office.sign_in(one, client_id=client)
        assert answer.status_code in {400, 401}, one
        assert answer.json()["error"] in {"invalid_client", "invalid_request"}
    assert (await office.sign_in(whole)).status_code == 200


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": ["OKP"]},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
        {"kty": "OKP", "crv": "Ed25519", "x": 7},
        jwk_of(ED) | {"d": "A" * 43},
        jwk_of(EC) | {"crv": "P-384"},
        jwk_of(rsa.generate_private_key(65537, 1024)),
        jwk_of(ED) | {"x5u": "https://evil.example"},
    ],
)
async def test_keys_that_are_not_taken(office: Office, jwk: dict[str, Any]) -> None:
    answer = await office.make(public_key=jwk)
    assert answer.status_code == 422
    assert [fault["path"] for fault in answer.json()["errors"]] == ["public_key"]


async def test_42_another_organizations_clients_are_not_there(office: Office, make_principal: MakePrincipal) -> None:
    client, secret = await office.made()
    other = make_principal("admin", organization=await organization(office.running))
    headers = bearer(office.running, other)
    assert (await office.client.get(f"{CLIENTS}/{client}", headers=headers)).status_code == 404
    assert (await office.client.delete(f"{CLIENTS}/{client}", headers=headers)).status_code == 404
    assert (await office.client.get(CLIENTS, headers=headers)).json()["clients"] == []
    assert (await office.ask((client, secret))).status_code == 200


async def test_the_metadata_names_our_own_address(office: Office, running: Running, client: httpx.AsyncClient) -> None:
    path = "/.well-known/oauth-authorization-server"
    told = (await office.client.get(path)).json()
    assert (told["issuer"], told["token_endpoint"]) == (URL, URL + TOKEN)
    assert told["jwks_uri"] == f"{URL}/.well-known/jwks.json"
    assert told["grant_types_supported"] == ["client_credentials"]
    assert (await client.get(path)).status_code == 404  # nothing is made up from the Host header


async def test_the_database_and_the_audit_hold_no_secret(office: Office) -> None:
    client, secret = await office.made()
    await office.ask((client, secret))
    await office.ask((client, secret + "x"))
    home = office.boss.organization_id
    async with system(office.running).transaction(frozenset({home})) as transaction:
        rows = await transaction.fetch("SELECT * FROM authlinc.oauth_client")
        trail = await transaction.fetch("SELECT * FROM masterlinc.audit_event WHERE resource = 'client'")
    assert secret not in str([dict(row) for row in [*rows, *trail]])
    assert [row["action"] for row in trail] == ["client.create", "auth.token"]


@settings(max_examples=300)
@given(st.binary(max_size=200), st.binary(max_size=60))
def test_no_form_breaks_the_reader(body: bytes, header: bytes) -> None:
    code = ""
    try:
        read_form([*FORM, (b"authorization", header)], body)
    except GrantRefused as fault:
        code = fault.code
    assert code in {"invalid_request", "invalid_client", ""}


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=20))
def test_a_form_is_read_as_it_was_written(fields: dict[str, str]) -> None:
    written = {name: text for name, text in fields.items() if "\0" not in name + text}
    assert read_form(FORM, urlencode(written).encode()).fields == written


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_no_assertion_breaks_its_reader(text: str) -> None:
    assert isinstance(client_keys.claimed_client(text), str)
    with pytest.raises(client_keys.AssertionUnfit):
        client_keys.verify(text, client_keys.Key("EdDSA", ED.public_key()), "CLI-1", (URL,), datetime.now(UTC))
