"""An administrator's users: made without a password, changed by version, never beyond one's own rights."""

import asyncio

import httpx
import pytest
from accounts import Account, account, audits, bearer_of, change_user, login, me, organization, refresh, system

from authlinc.contract import OrganizationKind
from masterlinc import ids
from masterlinc.testing import Running

FORM = {"name": "Hind", "name_ar": "هند", "roles": ["nurse"]}


def new(**changes: object) -> dict[str, object]:
    return FORM | {"email": f"u{ids.new_id().hex}@clinic.example"} | changes


def url(who: Account) -> str:
    return f"/api/v1/users/{ids.show('USR', who.user_id)}"


async def test_an_administrator_makes_a_user_who_cannot_sign_in_yet(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    bearer, form = await bearer_of(client, boss), new()
    made = await client.post("/api/v1/users", json=form, headers=bearer)
    assert made.status_code == 201, made.text
    body = made.json()
    assert set(body) == {"user_id", "email", "name", "name_ar", "roles", "enabled", "has_password", "created_at"}
    assert (body["email"], body["roles"], body["enabled"], body["has_password"]) == (
        form["email"],
        ["nurse"],
        True,
        False,
    )
    tried = Account(str(form["email"]), boss.user_id, boss.organization_id)
    answer = await login(client, tried)
    assert (answer.status_code, answer.json()["code"]) == (401, "login-refused")
    shown = await client.get(f"/api/v1/users/{body['user_id']}", headers=bearer)
    assert shown.json() == body
    assert shown.headers["ETag"].startswith('"')
    assert await audits(running, boss, "user.create") == [("ok", {"roles": "admin"}), ("ok", {"roles": "nurse"})]


async def test_40_no_password_is_seen_or_chosen_by_others(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    bearer = await bearer_of(client, boss)
    for body in (new(password="a password of their own"), new(password_hash="x")):
        answer = await client.post("/api/v1/users", json=body, headers=bearer)
        assert answer.status_code == 422
    who = await account(running, home=boss.organization_id)
    answer = await change_user(client, bearer, who, {"password": "a password of their own"})
    assert answer.status_code == 422
    assert (await login(client, who)).status_code == 200
    assert "argon2" not in (await client.get(url(who), headers=bearer)).text


async def test_46_nothing_else_is_taken(running: Running, client: httpx.AsyncClient):
    bearer = await bearer_of(client, await account(running, "admin"))
    for extra in ("id", "user_id", "organization_id", "is_admin", "enabled", "created_at", "version", "email_index"):
        assert (await client.post("/api/v1/users", json=new(**{extra: "x"}), headers=bearer)).status_code == 422


async def test_the_list_is_paged_and_searched_by_exact_address(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    people = [await account(running, home=boss.organization_id) for _ in range(3)]
    other, bearer = await account(running), await bearer_of(client, boss)
    first = (await client.get("/api/v1/users?page_size=2", headers=bearer)).json()
    assert (first["total"], first["total_exact"], len(first["users"])) == (4, True, 2)
    rest = (await client.get("/api/v1/users?page_size=2&page=2", headers=bearer)).json()
    seen = [one["email"] for one in first["users"] + rest["users"]]
    assert seen == [boss.email, *(one.email for one in people)]

    async def found(email: str) -> list[str]:
        answer = await client.get("/api/v1/users", params={"email": email}, headers=bearer)
        return [one["email"] for one in answer.json()["users"]]

    assert await found(people[1].email.upper()) == [people[1].email]
    assert await found(other.email) == []
    assert await found("nobody@clinic.example") == []
    assert (await client.get("/api/v1/users?email=nobody", headers=bearer)).status_code == 422


async def test_42_another_organizations_user_is_not_there(running: Running, client: httpx.AsyncClient):
    bearer, other = await bearer_of(client, await account(running, "admin")), await account(running)
    token = (await login(client, other)).json()["access_token"]
    gone = "USR-01ARZ3NDEKTSV4RRFFQ69G5FAV"
    for one in (
        url(other),
        f"/api/v1/users/{gone}",
        "/api/v1/users/USR-x",
        "/api/v1/users/ORG-01ARZ3NDEKTSV4RRFFQ69G5FAV",
    ):
        answers = [
            await client.get(one, headers=bearer),
            await client.patch(one, json={"enabled": False}, headers=bearer | {"If-Match": "*"}),
            await client.get(f"{one}/sessions", headers=bearer),
            await client.delete(f"{one}/sessions", headers=bearer),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
    theirs = (await client.get("/api/v1/auth/sessions", headers={"Authorization": f"Bearer {token}"})).json()[
        "sessions"
    ]
    for session in (theirs[0]["session_id"], f"SES-{gone[4:]}", "SES-x", gone):
        assert (await client.delete(f"/api/v1/sessions/{session}", headers=bearer)).status_code == 404
    assert (await me(client, token)).status_code == 200


@pytest.mark.parametrize("role", ["doctor", "nurse", "billing", "researcher", "adjudicator", "service", "auditor"])
async def test_52_only_administrators_manage_users(running: Running, client: httpx.AsyncClient, role: str):
    who = await account(running, role)
    bearer = await bearer_of(client, who)
    assert (await client.post("/api/v1/users", json=new(), headers=bearer)).status_code == 403
    assert (await client.patch(url(who), json={"name": "X"}, headers=bearer)).status_code == 403
    assert (await client.delete(f"{url(who)}/sessions", headers=bearer)).status_code == 403
    assert (await client.get("/api/v1/users", headers=bearer)).status_code == (200 if role == "auditor" else 403)


@pytest.mark.parametrize(
    ("role", "given"),
    [
        ("admin", "operator"),
        ("admin", "adjudicator"),
        ("admin", "researcher"),
        ("payer_admin", "admin"),
        ("payer_admin", "doctor"),
        ("operator", "admin"),
        ("operator", "doctor"),
    ],
)
async def test_nobody_gives_more_than_they_may(running: Running, client: httpx.AsyncClient, role: str, given: str):
    boss = await account(running, role)
    bearer = await bearer_of(client, boss)
    made = await client.post("/api/v1/users", json=new(roles=[given]), headers=bearer)
    assert (made.status_code, made.json()["code"]) == (403, "role-not-yours")
    low = await account(running, "auditor", home=boss.organization_id)
    raised = await change_user(client, bearer, low, {"roles": ["auditor", given]})
    assert (raised.status_code, raised.json()["code"]) == (403, "role-not-yours")
    high = await account(running, given, home=boss.organization_id)
    for change in ({"enabled": False}, {"roles": ["auditor"]}, {"name": "Other"}):
        assert (await change_user(client, bearer, high, change)).status_code == 403
    assert (await login(client, high)).json()["roles"] == [given]


async def test_nobody_changes_their_own_roles_or_access(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    bearer = await bearer_of(client, boss)
    for change in ({"roles": ["admin", "doctor"]}, {"roles": ["nurse"]}, {"enabled": False}):
        answer = await change_user(client, bearer, boss, change)
        assert (answer.status_code, answer.json()["code"]) == (403, "own-account")
    assert (await change_user(client, bearer, boss, {"name": "Amal"})).json()["name"] == "Amal"


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"roles": ["wizard"]}, "roles", "unknown-role"),
        ({"roles": ["emergency"]}, "roles", "unknown-role"),
        ({"roles": []}, "roles", "required"),
        ({"roles": ["nurse", "nurse"]}, "roles", "twice"),
        ({"name": "   "}, "name", "name"),
        ({"name_ar": "ه\u202eند"}, "name_ar", "name"),
        ({"name": "x" * 201}, "name", "name"),
    ],
)
async def test_wrong_values_are_named(running: Running, client: httpx.AsyncClient, change, path: str, code: str):
    boss = await account(running, "admin")
    bearer, who = await bearer_of(client, boss), await account(running, home=boss.organization_id)
    for answer in (
        await client.post("/api/v1/users", json=new(**change), headers=bearer),
        await change_user(client, bearer, who, change),
    ):
        assert answer.status_code == 422
        assert [(fault["path"], fault["code"]) for fault in answer.json()["errors"]] == [(path, code)]
        assert all(fault["detail_ar"] for fault in answer.json()["errors"])


async def test_every_fault_is_told_at_once(running: Running, client: httpx.AsyncClient):
    bearer = await bearer_of(client, await account(running, "admin"))
    answer = await client.post("/api/v1/users", json=new(name="", name_ar="", roles=["wizard"]), headers=bearer)
    assert [fault["path"] for fault in answer.json()["errors"]] == ["roles", "name", "name_ar"]


async def test_116_a_change_names_the_version_that_it_was_made_from(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    bearer, who = await bearer_of(client, boss), await account(running, home=boss.organization_id)
    tag = (await client.get(url(who), headers=bearer)).headers["ETag"]
    assert (await client.patch(url(who), json={"name": "A"}, headers=bearer)).status_code == 428
    answers = await asyncio.gather(
        *(client.patch(url(who), json={"name": f"N{n}"}, headers=bearer | {"If-Match": tag}) for n in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    (done,) = [answer for answer in answers if answer.status_code == 200]
    assert done.headers["ETag"] == (await client.get(url(who), headers=bearer)).headers["ETag"] != tag


async def test_a_change_of_roles_holds_at_once(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    bearer, who = await bearer_of(client, boss), await account(running, "doctor", home=boss.organization_id)
    old = (await login(client, who)).json()
    assert (await change_user(client, bearer, who, {"roles": ["nurse"]})).status_code == 200
    assert (await me(client, old["access_token"])).status_code == 401
    assert (await refresh(client, old["refresh_token"])).status_code == 401
    assert (await login(client, who)).json()["roles"] == ["nurse"]
    assert await audits(running, who, "user.change") == [("ok", {"changed": "roles", "from": "doctor", "to": "nurse"})]


async def test_a_change_of_names_ends_nothing_and_an_enabled_user_is_back(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    bearer, who = await bearer_of(client, boss), await account(running, home=boss.organization_id)
    token = (await login(client, who)).json()["access_token"]
    assert (await change_user(client, bearer, who, {"name": "Noor", "name_ar": "نور"})).status_code == 200
    assert (await me(client, token)).json()["name"] == "Noor"
    assert (await change_user(client, bearer, who, {"enabled": True})).status_code == 200
    assert (await me(client, token)).status_code == 200
    assert (await change_user(client, bearer, who, {"enabled": False})).status_code == 200
    assert (await login(client, who)).status_code == 401
    assert (await change_user(client, bearer, who, {"enabled": True})).status_code == 200
    assert (await me(client, token)).status_code == 401
    assert (await login(client, who)).status_code == 200
    assert [action for action, _ in await audits(running, who, "user.disable")] == ["ok"]


async def test_an_address_belongs_to_one_user(running: Running, client: httpx.AsyncClient):
    boss, other = await account(running, "admin"), await account(running)
    bearer = await bearer_of(client, boss)
    for email in (other.email, other.email.upper(), boss.email):
        answer = await client.post("/api/v1/users", json=new(email=email), headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (409, "email-taken")


async def test_106_a_request_that_is_repeated_makes_one_user(running: Running, client: httpx.AsyncClient):
    bearer, form = await bearer_of(client, await account(running, "admin")), new()
    key = bearer | {"Idempotency-Key": ids.new_id().hex}
    first, again = [await client.post("/api/v1/users", json=form, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await client.post("/api/v1/users", json=new(), headers=key)).status_code == 422


async def test_an_administrator_sees_and_ends_sessions(running: Running, client: httpx.AsyncClient):
    boss = await account(running, "admin")
    bearer, who = await bearer_of(client, boss), await account(running, home=boss.organization_id)
    one, two, three = [(await login(client, who)).json() for _ in range(3)]
    listed = (await client.get(f"{url(who)}/sessions", headers=bearer)).json()["sessions"]
    assert len(listed) == 3
    assert {(row["opened_by"], row["address"], row["current"]) for row in listed} == {("password", "127.0.0.1", False)}
    oldest = listed[-1]["session_id"]
    assert (await client.delete(f"/api/v1/sessions/{oldest}", headers=bearer)).status_code == 204
    assert (await client.delete(f"/api/v1/sessions/{oldest}", headers=bearer)).status_code == 404
    states = [(await me(client, tokens["access_token"])).status_code for tokens in (one, two, three)]
    assert states == [401, 200, 200]
    assert (await client.delete(f"{url(who)}/sessions", headers=bearer)).json() == {"ended": 2}
    assert (await me(client, three["access_token"])).status_code == 401
    assert (await refresh(client, three["refresh_token"])).status_code == 401


async def test_the_roles_are_listed_in_two_languages(running: Running, client: httpx.AsyncClient):
    bearer = await bearer_of(client, await account(running, "admin"))
    roles = {one["role"]: one for one in (await client.get("/api/v1/roles", headers=bearer)).json()["roles"]}
    assert {"doctor", "nurse", "admin", "researcher", "billing", "adjudicator", "senior_adjudicator",
            "payer_admin", "auditor", "service", "operator"} == set(roles)  # fmt: skip
    assert roles["nurse"]["title_ar"] == "ممرض"
    assert "patient:read" in roles["nurse"]["permissions"]
    assert {name for name, one in roles.items() if one["may_give"]} == {
        "doctor", "nurse", "billing", "admin", "auditor", "service",
    }  # fmt: skip


async def test_a_payers_administrator_makes_adjudicators(running: Running, client: httpx.AsyncClient):
    home = await organization(running, OrganizationKind.PAYER)
    bearer = await bearer_of(client, await account(running, "payer_admin", home=home))
    made = await client.post("/api/v1/users", json=new(roles=["adjudicator"]), headers=bearer)
    assert (made.status_code, made.json()["roles"]) == (201, ["adjudicator"])


async def test_row_level_security_holds_users_apart(running: Running):
    who, other = await account(running), await account(running)
    async with system(running).transaction(frozenset({other.organization_id})) as transaction:
        done = await transaction.execute(
            "UPDATE authlinc.user_account SET roles = '{admin}' WHERE id = $1", who.user_id
        )
    assert done == "UPDATE 0"
