"""Signing in with a provider: the whole way over HTTPS to a real one, and the attacks on it."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
import pytest_asyncio
import trustme
from accounts import ALONE, Account, account, audits, disable, login, me, system
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from identity_provider import CLIENT, SECRET, IdentityProvider, serving

from authlinc.config import Provider
from authlinc.service import id_tokens
from authlinc.service.id_tokens import Expected, IdTokenUnfit
from authlinc.service.provider_client import ProviderClient
from authlinc.service.state import state_of
from masterlinc import ids
from masterlinc.clock import SystemClock
from masterlinc.http.cookies import Cookie
from masterlinc.secrets import Secret
from masterlinc.settings import Settings
from masterlinc.testing import FixedClock, MakePrincipal, RunApp, Running, bearer, client_of

URL = "https://clinic.example"
PATH = "/api/v1/auth/providers/hospital"
BACK = f"{URL}{PATH}/callback"
STRANGER = rsa.generate_private_key(65537, 2048)


@dataclass
class Door:
    """An application, the provider that it trusts, and a browser that visits both."""

    running: Running
    client: httpx.AsyncClient
    provider: IdentityProvider
    browser: httpx.Client
    make_principal: MakePrincipal

    async def begin(self, name: str = "hospital") -> tuple[str, str]:
        """Where the browser is sent, and the cookie that it keeps."""
        answer = await self.client.get(f"/api/v1/auth/providers/{name}/start")
        assert answer.status_code == 302, answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-sign-in=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        self.client.cookies.clear()
        return answer.headers["location"], cookie.partition(";")[0]

    async def visit(self, url: str) -> dict[str, str]:
        return await asyncio.to_thread(self.provider.visit, url, self.browser)

    async def back(self, cookie: str, name: str = "hospital", **query: str) -> httpx.Response:
        headers = {"Cookie": cookie} if cookie else {}
        answer = await self.client.get(f"/api/v1/auth/providers/{name}/callback", params=query, headers=headers)
        self.client.cookies.clear()
        return answer

    async def whole_way(self, name: str = "hospital", **changes: str) -> httpx.Response:
        url, cookie = await self.begin(name)
        return await self.back(cookie, name, **{**await self.visit(url), **changes})

    async def linked(self, *roles: str) -> Account:
        """A user who is linked to whom the provider has signed in by now: a new subject."""
        who = await account(self.running, *(roles or ("nurse",)))
        self.provider.subject = f"subject-{ids.new_id().hex}"
        answer = await self.link(who, self.provider.subject)
        assert answer.status_code == 204, answer.text
        return who

    async def link(self, who: Account, subject: str, role: str = "admin", provider: str = "hospital") -> httpx.Response:
        boss = self.make_principal(role, organization=who.organization_id)
        path = f"/api/v1/users/{ids.show('USR', who.user_id)}/identity"
        body = {"provider": provider, "subject": subject}
        return await self.client.post(path, json=body, headers=bearer(self.running, boss))


def refused(answer: httpx.Response) -> None:
    """Check that nothing tells why."""
    assert (answer.status_code, answer.json()["code"]) == (401, "provider-refused"), answer.text
    assert answer.json()["detail"] == "Signing in with this provider failed; begin again"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(
    run_app: RunApp, tmp_path_factory: pytest.TempPathFactory, make_principal: MakePrincipal
) -> AsyncIterator[Door]:
    authority = trustme.CA()
    file = tmp_path_factory.mktemp("provider") / "authority.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def configure(settings: Settings) -> None:
        settings.http.public_url = URL
        settings.http.allowed_hosts = ["testserver"]

    with serving(authority, BACK) as provider, httpx.Client(verify=context, trust_env=False) as browser:
        own = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "title": "The hospital"}
        own |= {"title_ar": "المستشفى", "authorities": str(file)}
        named = {"hospital": own, "other": {**own, "second_factor": True}}
        named["gone"] = {**own, "issuer": "https://localhost:1"}
        running = await run_app(configure=configure, **ALONE, authlinc={"providers": named})
        async with client_of(running) as client:
            yield Door(running, client, provider, browser, make_principal)


@pytest.fixture
def door(served: Door) -> Door:
    """The provider as it is when nobody bends it."""
    provider = served.provider
    provider.bend, provider.sign, provider.answers_with_issuer = lambda claims: claims, None, True
    provider.token_answer, provider.client.redirect_uri = None, BACK
    return served


async def test_a_linked_user_signs_in(door: Door) -> None:
    who = await door.linked("doctor")
    url, cookie = await door.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{door.provider.issuer}/authorize?")
    assert (asked["redirect_uri"], asked["response_type"], asked["code_challenge_method"]) == (BACK, "code", "S256")
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    answer = await door.back(cookie, **await door.visit(url))
    assert answer.status_code == 200, answer.text
    assert answer.json()["user_id"] == ids.show("USR", who.user_id)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["cache-control"] == "no-store"
    assert (await me(door.client, answer.json()["access_token"])).status_code == 200
    assert await audits(door.running, who, "auth.login") == [("ok", {"by": "provider"})]


async def test_the_providers_are_listed(door: Door, client: httpx.AsyncClient) -> None:
    listed = (await door.client.get("/api/v1/auth/providers")).json()["providers"]
    assert [one["name"] for one in listed] == ["hospital", "other", "gone"]
    assert listed[0] == {
        "name": "hospital", "title": "The hospital", "title_ar": "المستشفى", "start": f"{PATH}/start",
    }  # fmt: skip
    assert (await client.get("/api/v1/auth/providers")).json() == {"providers": []}
    for path in ("start", "callback"):
        answer = await client.get(f"{PATH}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "provider-unknown")


async def test_nobody_is_linked_by_an_address(door: Door) -> None:
    """The provider says the verified e-mail address of a user here: that links nothing."""
    who = await account(door.running)
    door.provider.subject = f"subject-{ids.new_id().hex}"
    door.provider.bend = lambda claims: claims | {"email": who.email, "email_verified": True}
    refused(await door.whole_way())


async def test_37_no_header_moves_the_way_back(door: Door) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Proto": "http"}
    answer = await door.client.get(f"{PATH}/start", headers=headers)
    door.client.cookies.clear()
    assert parse_qs(urlsplit(answer.headers["location"]).query)["redirect_uri"] == [BACK]


async def test_a_state_is_taken_once_and_by_its_browser_alone(door: Door) -> None:
    await door.linked()
    url, cookie = await door.begin()
    answer = await door.visit(url)
    other_url, other_cookie = await door.begin()
    for wrong in (
        "",
        other_cookie,
        cookie[:-1] + "0" if cookie[-1] != "0" else cookie[:-1] + "1",
        cookie + "; " + cookie,
    ):
        refused(await door.back(wrong, **answer))
    refused(await door.back(cookie, **{**answer, "state": "x"}))
    refused(await door.back(cookie, code=answer["code"], iss=answer["iss"]))
    assert (await door.back(cookie, **answer)).status_code == 200
    refused(await door.back(cookie, **answer))  # replayed
    fresh = await door.visit(other_url)
    refused(await door.back(cookie, **{**fresh, "state": answer["state"]}))  # the old state with a new code


async def test_parallel_replays_open_one_session(door: Door) -> None:
    await door.linked()
    url, cookie = await door.begin()
    answer = await door.visit(url)
    statuses = [one.status_code for one in await asyncio.gather(*(door.back(cookie, **answer) for _ in range(5)))]
    assert sorted(statuses) == [200] + [401] * 4


async def test_a_code_of_another_sign_in_is_not_taken(door: Door) -> None:
    """An attacker slips their own code into the victim's browser: PKCE and nonce bind it to theirs."""
    await door.linked()
    attacker_url, _ = await door.begin()
    stolen = await door.visit(attacker_url)
    url, cookie = await door.begin()
    answer = await door.visit(url)
    refused(await door.back(cookie, **{**answer, "code": stolen["code"]}))


async def test_an_errand_of_one_provider_is_not_taken_by_another(door: Door) -> None:
    await door.linked()
    url, cookie = await door.begin("hospital")
    answer = await door.visit(url)
    refused(await door.back(cookie, name="other", **answer))


@pytest.mark.parametrize("issuer", ["https://evil.example", "", None])
async def test_the_issuer_of_the_answer_is_checked(door: Door, issuer: str | None) -> None:
    """RFC 9207: an answer that another provider mixed in."""
    await door.linked()
    url, cookie = await door.begin()
    answer = await door.visit(url)
    answer.pop("iss")
    refused(await door.back(cookie, **answer, **({} if issuer is None else {"iss": issuer})))


async def test_what_the_provider_refuses_is_refused(door: Door) -> None:
    await door.linked()
    for changes in ({"error": "access_denied"}, {"code": "made up"}, {"code": ""}):
        refused(await door.whole_way(**changes))


def now() -> int:
    return int(time.time())


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["a"]},
        {"iss": "https://localhost:1"},
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": 10**30},
        {"exp": True},
        {"iat": 1},
        {"iat": 2**33},
        {"iat": None},
        {"nbf": 2**33},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
)
async def test_claims_that_do_not_fit(door: Door, changes: dict[str, Any]) -> None:
    await door.linked()
    door.provider.bend = lambda claims: {k: v for k, v in (claims | changes).items() if v is not None}
    refused(await door.whole_way())


async def test_tokens_that_are_not_signed_as_they_should_be(door: Door) -> None:
    await door.linked()
    public = door.provider.key.public_key()
    pem = public_pem(public)
    kid = {"kid": door.provider.kid}
    signers: list[Any] = [
        lambda claims: jwt.encode(claims, None, "none"),
        lambda claims: jwt.encode(claims, None, "none", headers=kid),
        lambda claims: hs256(claims, pem, kid),
        lambda claims: jwt.encode(claims, STRANGER, "RS256", headers=kid),
        lambda claims: jwt.encode(claims, STRANGER, "RS256", headers={"kid": "another"}),
        lambda claims: jwt.encode(claims, STRANGER, "RS256", headers={**kid, "jwk": {}}),
        lambda claims: jwt.encode(claims, door.provider.key, "RS256", headers={**kid, "jku": "https://evil.example"}),
        lambda claims: jwt.encode(claims, door.provider.key, "RS256", headers={**kid, "x5u": "https://evil.example"}),
        lambda claims: jwt.encode(claims, door.provider.key, "RS512", headers=kid),
        lambda _: "a.b.c",
        lambda _: "",
        lambda _: "x" * 20_000,
    ]
    for sign in signers:
        door.provider.sign = sign
        refused(await door.whole_way())
    door.provider.sign = None
    assert (await door.whole_way()).status_code == 200


def public_pem(key: rsa.RSAPublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def msgspec_json(claims: dict[str, Any]) -> bytes:
    import msgspec

    return msgspec.json.encode(claims)


def hs256(claims: dict[str, Any], secret: bytes, header: dict[str, str]) -> str:
    """A token signed with the public key as if it were a shared secret; PyJWT itself refuses to make one."""
    import base64
    import hmac

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    head = part(msgspec_json({"alg": "HS256", "typ": "JWT", **header}))
    body = part(msgspec_json(claims))
    return f"{head}.{body}.{part(hmac.digest(secret, f'{head}.{body}'.encode(), 'sha256'))}"


async def test_4_unknown_keys_empty_nothing_and_ask_once_a_minute(door: Door) -> None:
    """A flood of random key numbers neither empties what is known nor reaches the provider (CVE-2026-48524)."""
    await door.linked()
    client = state_of(system(door.running)).providers["hospital"]
    known, reads = dict(client.keys), door.provider.key_reads
    door.provider.sign = lambda claims: jwt.encode(claims, STRANGER, "RS256", headers={"kid": ids.new_id().hex})
    for _ in range(8):
        refused(await door.whole_way())
    assert dict(client.keys).keys() == known.keys()
    assert door.provider.key_reads <= reads + 1
    door.provider.sign = None
    assert (await door.whole_way()).status_code == 200


@pytest.mark.parametrize("reason", ["disabled", "organization disabled"])
async def test_30_what_is_disabled_is_refused_here_too(door: Door, reason: str) -> None:
    who = await door.linked()
    if reason == "disabled":
        await disable(door.running, who)
    else:
        async with system(door.running).transaction(frozenset({who.organization_id})) as transaction:
            change = "UPDATE authlinc.organization SET disabled_at = now() WHERE id = $1"
            await transaction.execute(change, who.organization_id)
    answer = await door.whole_way()
    assert (answer.status_code, answer.json()["code"]) == (401, "login-refused")
    assert ("refused", {"by": "provider", "reason": reason}) in await audits(door.running, who, "auth.login")


async def test_a_role_that_asks_for_a_factor_gets_one_unless_the_provider_asks(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await door.linked()
    assert (await door.link(who, door.provider.subject, provider="other")).status_code == 204
    monkeypatch.setattr(system(door.running).config, "second_factor_by_role", True)
    asked = await door.whole_way()
    assert (asked.status_code, asked.json()["code"]) == (401, "second-factor-enrolment-required")
    door.provider.client.redirect_uri = BACK.replace("hospital", "other")
    answer = await door.whole_way("other")
    assert (answer.status_code, answer.json()["user_id"]) == (200, ids.show("USR", who.user_id))
    assert await audits(door.running, who, "auth.login") == [("ok", {"by": "code,provider"})]


async def test_the_second_factor_is_asked_for_here_too(door: Door) -> None:
    import pyotp

    who = await door.linked()
    tokens = (await login(door.client, who)).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    factor = "/api/v1/auth/second-factor"
    shown = (await door.client.post(factor, json={"password": who.password}, headers=headers)).json()
    code = pyotp.TOTP(shown["secret"]).now()
    confirmed = await door.client.post(f"{factor}/confirm", json={"code": code}, headers=headers)
    assert confirmed.status_code == 204
    asked = await door.whole_way()
    assert (asked.status_code, asked.json()["code"]) == (401, "second-factor-required")
    body = {"challenge": asked.json()["challenge"], "code": shown["recovery_codes"][0]}
    assert (await door.client.post("/api/v1/auth/login/second-factor", json=body)).status_code == 200
    assert ("ok", {"by": "code,provider"}) in await audits(door.running, who, "auth.login")


async def test_who_may_link_whom(door: Door) -> None:
    who, boss = await door.linked(), await account(door.running, "admin")
    taken = await door.link(await account(door.running), door.provider.subject)
    assert (taken.status_code, taken.json()["code"]) == (409, "identity-taken")
    assert (await door.link(who, "x", role="doctor")).status_code == 403
    adjudicator = await account(door.running, "adjudicator")
    higher = await door.link(adjudicator, "y")  # a provider's administrator gives no payer's role
    assert (higher.status_code, higher.json()["code"]) == (403, "role-not-yours")
    stranger = door.make_principal("admin", organization=boss.organization_id)
    path = f"/api/v1/users/{ids.show('USR', who.user_id)}/identity"
    headers = bearer(door.running, stranger)
    body = {"provider": "hospital", "subject": "z"}
    assert (await door.client.post(path, json=body, headers=headers)).status_code == 404
    assert (await door.client.delete(path, headers=headers)).status_code == 404
    own = bearer(door.running, door.make_principal("admin", organization=who.organization_id))
    unknown = await door.client.post(path, json={"provider": "none", "subject": "z"}, headers=own)
    assert [fault["path"] for fault in unknown.json()["errors"]] == ["provider"]
    assert (await door.whole_way()).status_code == 200
    assert (await door.client.delete(path, headers=own)).status_code == 204
    refused(await door.whole_way())
    assert await audits(door.running, who, "user.link_identity") == [("ok", {"provider": "hospital"})]


async def test_who_is_unlinked_is_out(door: Door) -> None:
    """An identity that was the wrong person's: whoever the provider let in is signed out at once."""
    who = await door.linked()
    token = (await door.whole_way()).json()["access_token"]
    boss = bearer(door.running, door.make_principal("admin", organization=who.organization_id))
    path = f"/api/v1/users/{ids.show('USR', who.user_id)}/identity"
    for _ in range(2):  # the second time there is nothing, and nothing to write down
        assert (await door.client.delete(path, headers=boss)).status_code == 204
    assert (await me(door.client, token)).status_code == 401
    assert await audits(door.running, who, "user.unlink_identity") == [("ok", {})]


async def test_nobody_unlinks_somebody_above_them(door: Door) -> None:
    who = await account(door.running, "adjudicator")
    boss = door.make_principal("admin", organization=who.organization_id)
    path = f"/api/v1/users/{ids.show('USR', who.user_id)}/identity"
    answer = await door.client.delete(path, headers=bearer(door.running, boss))
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-yours")


async def test_nobody_links_themselves(door: Door) -> None:
    boss = await account(door.running, "admin")
    tokens = (await login(door.client, boss)).json()
    path = f"/api/v1/users/{ids.show('USR', boss.user_id)}/identity"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = await door.client.post(path, json={"provider": "hospital", "subject": "me"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "own-account")


async def test_the_provider_is_read_over_verified_tls_only(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    file = tmp_path / "stranger.pem"
    stranger.cert_pem.write_to_path(file)
    with serving(authority, BACK) as provider:
        settings_ = Provider(
            issuer=provider.issuer, client_id=CLIENT, client_secret=Secret(SECRET), title="T", title_ar="ت",
            authorities=str(file),
        )  # fmt: skip
        client = ProviderClient(settings_, SystemClock())
        assert not await client.refresh()
        assert provider.key_reads == 0


async def test_metadata_of_another_issuer_are_not_taken_and_old_keys_stay(tmp_path: Path) -> None:
    authority, clock = trustme.CA(), FixedClock(datetime.now(UTC))
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    with serving(authority, BACK) as provider:
        right = provider.issuer
        settings_ = Provider(issuer=right, client_id=CLIENT, title="T", title_ar="ت", authorities=str(file))
        client = ProviderClient(settings_, clock)
        assert await client.refresh()
        assert not await client.refresh()  # too soon
        provider.issuer = "https://evil.example"
        clock.advance(timedelta(minutes=2))
        assert not await client.refresh()
        assert client.keys.keys() == {"key-1"}
        provider.issuer, provider.kid = right, "key-2"
        clock.advance(timedelta(minutes=2))
        assert await client.refresh()
        assert client.keys.keys() == {"key-2"}
    clock.advance(timedelta(hours=2))
    assert (await client.metadata()).issuer == right  # it is away: what was known stays
    assert client.keys.keys() == {"key-2"}


async def test_a_provider_that_is_away_is_said_to_be(door: Door) -> None:
    answer = await door.client.get("/api/v1/auth/providers/gone/start")
    assert (answer.status_code, answer.json()["code"]) == (503, "provider-away")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("answered", "status"),
    [
        ((500, ""), 503),
        ((200, "x" * 300_000), 503),
        ((200, "[" * 200_000), 401),
        ((200, '{"id_token": "", "more": ' + "[" * 100_000), 401),
        ((200, "{}"), 401),
        ((200, '{"id_token": 7}'), 401),
        ((200, "<html>"), 401),
        ((400, '{"error": "invalid_grant"}'), 401),
    ],
    ids=["fault", "large", "deep", "deep beside", "no token", "number", "page", "refusal"],
)
async def test_odd_answers_for_a_code(door: Door, answered: tuple[int, str], status: int) -> None:
    await door.linked()
    door.provider.token_answer = answered
    assert (await door.whole_way()).status_code == status


async def test_an_errand_that_another_version_wrote_is_refused(door: Door) -> None:
    ctx = system(door.running)
    url, _ = await door.begin()
    answer = await door.visit(url)
    for text in ("{}", "", '{"provider": "hospital", "state": 7}'):
        baked = Cookie(ctx.vault, ctx.clock, "sign-in", seconds=600, same_site="Lax").bake(text)
        refused(await door.back(baked.partition(";")[0], **answer))


ODD_SETS = [
    "[]",
    "7",
    "null",
    "{}",
    "<html>",
    "[" * 200_000,
    "x" * 300_000,
    '{"keys": 7}',
    '{"keys": [1]}',
    '{"keys": []}',
]
ODD_SETS += ['{"keys": [{"kty": []}]}', '{"keys": [{"kty": "RSA", "n": 7, "e": "!"}]}']


async def test_odd_sets_of_keys_change_nothing(tmp_path: Path) -> None:
    authority, clock = trustme.CA(), FixedClock(datetime.now(UTC))
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    with serving(authority, BACK) as provider:
        own = Provider(issuer=provider.issuer, client_id=CLIENT, title="T", title_ar="ت", authorities=str(file))
        client = ProviderClient(own, clock)
        assert await client.refresh()
        for odd in ODD_SETS:
            provider.key_set = odd
            clock.advance(timedelta(minutes=2))
            assert not await client.refresh(), odd[:60]
            assert client.keys.keys() == {"key-1"}


@settings(max_examples=200)
@given(st.text(max_size=300) | st.text("eyJhbGciOiJub25lIn0.", max_size=80))
def test_no_text_breaks_the_reader_of_tokens(token: str) -> None:
    expected = Expected("https://a.example", CLIENT, "n", ("RS256",), datetime.now(UTC))
    with pytest.raises(IdTokenUnfit):
        id_tokens.subject_of(token, {}, expected)


SIGNER = Ed25519PrivateKey.generate()
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SECOND = int(NOW.timestamp())
EXPECTED = Expected("https://a.example", CLIENT, "a nonce", ("EdDSA",), NOW)
GOOD: dict[str, Any] = {"iss": "https://a.example", "aud": CLIENT, "nonce": "a nonce", "sub": "somebody"}
GOOD |= {"iat": SECOND, "exp": SECOND + 300}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from([CLIENT, "another", "", 7])
SECONDS = st.integers(SECOND - 700, SECOND + 700)
NEAR = {
    "aud": NAMES | st.lists(NAMES, max_size=3),
    "azp": NAMES,
    "exp": SECONDS,
    "iat": SECONDS,
    "nbf": SECONDS,
    "sub": st.text(max_size=300),
}


def fits(claims: dict[str, Any]) -> bool:
    """OpenID Connect Core 3.1.3.7, written down a second time."""
    audience = claims.get("aud") if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    times = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    if any(type(one) is not int or one < 0 for one in times):
        return False
    return (
        claims.get("iss") == "https://a.example"
        and claims.get("nonce") == "a nonce"
        and all(isinstance(one, str) for one in audience)
        and CLIENT in audience
        and claims.get("azp", CLIENT) == CLIENT
        and ("azp" in claims or len(audience) == 1)
        and isinstance(claims.get("sub"), str)
        and 1 <= len(claims["sub"]) <= 255
        and claims["sub"].isascii()
        and SECOND - 60 < times[0] < 2**40
        and SECOND - 600 < times[1] <= SECOND + 60
        and times[2] <= SECOND + 60
    )


@settings(max_examples=300)
@given(
    st.fixed_dictionaries({}, optional=NEAR) | st.fixed_dictionaries({}, optional=dict.fromkeys([*GOOD, "azp"], ODD)),
    st.sets(st.sampled_from(sorted(GOOD)), max_size=1),
)
def test_a_token_is_believed_when_every_claim_fits_and_only_then(changes: dict[str, Any], gone: set[str]) -> None:
    claims = {name: value for name, value in (GOOD | changes).items() if name not in gone}
    body = json.dumps(claims).encode()
    token = jwt.PyJWS().encode(body, SIGNER, "EdDSA", headers={"kid": "k"})
    public = jwt.algorithms.OKPAlgorithm.to_jwk(SIGNER.public_key(), as_dict=True)
    keys = {"k": jwt.PyJWK({**public, "alg": "EdDSA"})}
    if fits(claims):
        assert id_tokens.subject_of(token, keys, EXPECTED) == claims["sub"]
    else:
        with pytest.raises(IdTokenUnfit):
            id_tokens.subject_of(token, keys, EXPECTED)
