"""The routes of the first system, with its shapes, and those that it lacked."""

from datetime import datetime

import httpx
import pytest
from accounts import PASSWORD, account, audits, login, me, refresh, system

from masterlinc import ids
from masterlinc.testing import Running, bearer


async def test_login_has_the_first_systems_shape(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running, "doctor", "billing")
    answer = await login(client, who)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {
        "access_token", "token_type", "expires_in", "user_id", "email", "roles", "refresh_token", "organization_id",
    }  # fmt: skip
    assert (body["token_type"], body["expires_in"], body["email"]) == ("bearer", 600, who.email)
    assert body["user_id"] == ids.show("USR", who.user_id)
    assert body["organization_id"] == ids.show("ORG", who.organization_id)
    assert body["roles"] == ["doctor", "billing"]
    assert answer.headers["cache-control"] == "no-store"
    assert await audits(running, who, "auth.login") == [("ok", {"by": "password"})]


async def test_me_shows_the_user_and_the_organization(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running, "nurse")
    body = (await me(client, (await login(client, who)).json()["access_token"])).json()
    assert (body["email"], body["name"], body["name_ar"], body["roles"]) == (who.email, "Nora", "نورة", ["nurse"])
    assert body["organization_id"] == ids.show("ORG", who.organization_id)
    assert (body["organization_name"], body["organization_name_ar"]) == ("A clinic", "عيادة")
    assert "patient:read" in body["permissions"]
    assert "claim:submit" not in body["permissions"]
    assert datetime.fromisoformat(body["expires_at"]).tzinfo is not None


async def test_me_of_a_user_that_is_not_there_is_404(
    running: Running, client: httpx.AsyncClient, make_principal
) -> None:
    assert (await client.get("/api/v1/auth/me", headers=bearer(running, make_principal("nurse")))).status_code == 404
    assert (await client.get("/api/v1/auth/me")).status_code == 401


async def test_verify_always_answers_200(running: Running, client: httpx.AsyncClient, make_principal) -> None:
    who = await account(running, "nurse")
    token = (await login(client, who)).json()["access_token"]
    body = (await client.post("/api/v1/auth/verify", json={"token": token})).json()
    assert body["valid"] is True
    assert (body["user_id"], body["email"], body["roles"]) == (ids.show("USR", who.user_id), who.email, ["nurse"])
    assert datetime.fromisoformat(body["expires_at"]).tzinfo is not None
    for other in ("", "x", token[:-2], token + " ", "a.b.c", running.token(make_principal("nurse")), "م" * 500):
        answer = await client.post("/api/v1/auth/verify", json={"token": other})
        assert (answer.status_code, answer.json()["valid"], answer.json()["roles"]) == (200, False, [])


async def test_22_logout_ends_both_tokens(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running)
    tokens = (await login(client, who)).json()
    other = (await login(client, who)).json()
    answer = await client.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code == 200
    assert set(answer.json()) == {"message", "message_ar"}
    assert (await me(client, tokens["access_token"])).status_code == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    verified = await client.post("/api/v1/auth/verify", json={"token": tokens["access_token"]})
    assert verified.json()["valid"] is False
    assert (await me(client, other["access_token"])).status_code == 200
    assert await audits(running, who, "auth.logout") == [("ok", {})]


async def test_logout_asks_for_a_token(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/auth/logout")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_refresh_gives_new_tokens_with_the_same_shape(running: Running, client: httpx.AsyncClient) -> None:
    who = await account(running, "doctor")
    first = (await login(client, who)).json()
    second = (await refresh(client, first["refresh_token"])).json()
    assert set(second) == set(first)
    assert {second[name] == first[name] for name in ("user_id", "email", "roles", "organization_id")} == {True}
    assert second["refresh_token"] != first["refresh_token"]
    assert (await me(client, second["access_token"])).status_code == 200
    assert (await me(client, first["access_token"])).status_code == 200  # until it expires


async def test_the_key_set_verifies_our_tokens(running: Running, client: httpx.AsyncClient) -> None:
    import jwt

    who = await account(running)
    token = (await login(client, who)).json()["access_token"]
    answer = await client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    keys = jwt.PyJWKSet.from_dict(answer.json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="masterlinc-api", issuer="masterlinc")
    assert claims["sub"] == str(who.user_id)
    assert all(set(one) == {"kid", "x", "kty", "crv", "alg", "use"} for one in answer.json()["keys"])


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"email": "a@b.example", "password": "12345"}, 422, "password"),
        ({"email": "not an address", "password": PASSWORD}, 422, "email"),
        ({"email": "a@b.example"}, 422, "password"),
        ({"email": "a@b.example", "password": PASSWORD, "role": "admin"}, 422, "role"),
        ({"email": ["a@b.example"], "password": PASSWORD}, 422, "email"),
        ({"email": "a@b.example", "password": None}, 422, "password"),
        ({"email": "a@b.example", "password": "x" * 4096}, 422, "password"),
        ({"email": "a@b.example", "password": "م" * 600}, 422, "password"),
        ({"email": "a" * 300 + "@b.example", "password": PASSWORD}, 422, "email"),
    ],
)
async def test_35_wrong_bodies(client: httpx.AsyncClient, body: object, status: int, path: str) -> None:
    answer = await client.post("/api/v1/auth/login", json=body)
    assert answer.status_code == status, answer.text
    assert [fault["path"] for fault in answer.json()["errors"]] == [path]
    assert all(fault["detail"] and fault["detail_ar"] for fault in answer.json()["errors"])


@pytest.mark.parametrize("route", ["login", "verify", "refresh"])
@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b'{"token":"a","token":"b"}'])
async def test_bodies_that_are_no_object(client: httpx.AsyncClient, route: str, content: bytes) -> None:
    answer = await client.post(f"/api/v1/auth/{route}", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_messages_are_bilingual(client: httpx.AsyncClient) -> None:
    body = {"email": "nobody@clinic.example", "password": "whatever it is"}
    answer = await client.post("/api/v1/auth/login", json=body, headers={"Accept-Language": "ar"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "login-refused"
    assert "كلمة المرور" in answer.json()["detail_ar"]


async def test_an_expired_hash_is_made_anew_at_login(running: Running, client: httpx.AsyncClient) -> None:
    from masterlinc.security.passwords import Passwords

    who = await account(running)
    weak = Passwords(memory_kib=64, passes=1)
    old = await weak.hash(who.password)
    weak.close()
    async with system(running).transaction(frozenset({who.organization_id})) as transaction:
        await transaction.execute("UPDATE authlinc.user_account SET password_hash = $1", old)
    assert (await login(client, who)).status_code == 200
    async with system(running).transaction(frozenset({who.organization_id})) as transaction:
        new = await transaction.fetchval("SELECT password_hash FROM authlinc.user_account")
    assert new.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (await login(client, who)).status_code == 200
