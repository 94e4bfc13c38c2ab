"""The operator's upkeep of organizations, and the first administrator of each."""

import httpx
import pytest
from accounts import account, audits, bearer_of, login, me, organization, refresh, system

from authlinc.contract import FindOrganization, OrganizationKind
from authlinc.service.directory import find_organization
from masterlinc import ids
from masterlinc.testing import Running

ALL = "/api/v1/organizations"


def new(**changes: object) -> dict[str, object]:
    form = {"kind": "provider", "name": "A new clinic", "name_ar": "عيادة جديدة", "licenses": [license_()]}
    return form | changes


def license_() -> str:
    return f"T-{ids.new_id().hex[-12:].upper()}"


async def operator(running: Running, client: httpx.AsyncClient) -> dict[str, str]:
    home = await organization(running, OrganizationKind.OPERATOR)
    return await bearer_of(client, await account(running, "operator", home=home))


async def change(client: httpx.AsyncClient, bearer: dict[str, str], url: str, body: object) -> httpx.Response:
    tag = (await client.get(url, headers=bearer)).headers.get("ETag", "*")
    return await client.patch(url, json=body, headers=bearer | {"If-Match": tag})


async def test_the_operator_makes_an_organization_and_its_first_administrator(
    running: Running, client: httpx.AsyncClient
):
    bearer, form = await operator(running, client), new()
    made = await client.post(ALL, json=form, headers=bearer)
    assert made.status_code == 201, made.text
    body = made.json()
    assert body == form | {"organization_id": body["organization_id"], "enabled": True}
    url = f"{ALL}/{body['organization_id']}"
    assert (await client.get(url, headers=bearer)).json() == body
    person = {"email": f"u{ids.new_id().hex}@clinic.example", "name": "Amal", "name_ar": "أمل"}
    boss = await client.post(f"{url}/administrators", json=person, headers=bearer)
    assert (boss.status_code, boss.json()["roles"], boss.json()["has_password"]) == (201, ["admin"], False)
    assert (await client.get(f"/api/v1/users/{boss.json()['user_id']}", headers=bearer)).status_code == 404


@pytest.mark.parametrize(("kind", "role"), [("provider", "admin"), ("payer", "payer_admin"), ("operator", "operator")])
async def test_the_first_administrator_fits_the_kind_and_is_the_only_one(
    running: Running, client: httpx.AsyncClient, kind: str, role: str
):
    bearer = await operator(running, client)
    url = f"{ALL}/{(await client.post(ALL, json=new(kind=kind), headers=bearer)).json()['organization_id']}"
    person = {"email": f"u{ids.new_id().hex}@clinic.example", "name": "Amal", "name_ar": "أمل"}
    assert (await client.post(f"{url}/administrators", json=person, headers=bearer)).json()["roles"] == [role]
    assert (
        await client.post(f"{url}/administrators", json=person | {"roles": ["operator"]}, headers=bearer)
    ).status_code == 422
    home = ids.parse("ORG", url.rpartition("/")[2])
    await account(running, role, home=home)  # one who can sign in
    again = person | {"email": f"u{ids.new_id().hex}@clinic.example"}
    answer = await client.post(f"{url}/administrators", json=again, headers=bearer)
    assert (answer.status_code, answer.json()["code"]) == (409, "has-administrator")


async def test_the_directory_is_paged_by_kind(running: Running, client: httpx.AsyncClient):
    bearer = await bearer_of(client, await account(running, "nurse"))
    body = (await client.get(f"{ALL}?kind=operator&page_size=1", headers=bearer)).json()
    assert {one["kind"] for one in body["organizations"]} == {"operator"}
    assert len(body["organizations"]) == 1
    assert (await client.get(f"{ALL}?kind=bank", headers=bearer)).status_code in {400, 422}
    for one in ("ORG-01ARZ3NDEKTSV4RRFFQ69G5FAV", "ORG-x", "USR-01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        assert (await client.get(f"{ALL}/{one}", headers=bearer)).status_code == 404


@pytest.mark.parametrize("role", ["admin", "payer_admin", "auditor", "doctor"])
async def test_52_only_the_operator_manages_organizations(running: Running, client: httpx.AsyncClient, role: str):
    who = await account(running, role)
    bearer, url = await bearer_of(client, who), f"{ALL}/{ids.show('ORG', who.organization_id)}"
    assert (await client.post(ALL, json=new(), headers=bearer)).status_code == 403
    assert (await change(client, bearer, url, {"name": "Mine"})).status_code == 403
    assert (await client.post(f"{url}/administrators", json={}, headers=bearer)).status_code == 403


async def test_names_and_licences_change_by_version(running: Running, client: httpx.AsyncClient):
    bearer, form = await operator(running, client), new()
    url = f"{ALL}/{(await client.post(ALL, json=form, headers=bearer)).json()['organization_id']}"
    old, more = form["licenses"][0], sorted([license_(), license_()])
    ctx = system(running)
    assert (await find_organization(ctx, FindOrganization(old))).found
    assert (await client.patch(url, json={"name": "X"}, headers=bearer)).status_code == 428
    stale = bearer | {"If-Match": '"old"'}
    assert (await client.patch(url, json={"name": "X"}, headers=stale)).status_code == 412
    answer = await change(client, bearer, url, {"name": "Renamed", "licenses": more})
    assert (answer.status_code, answer.json()["name"], answer.json()["licenses"]) == (200, "Renamed", more)
    assert not (await find_organization(ctx, FindOrganization(old))).found
    assert (await find_organization(ctx, FindOrganization(more[1]))).name == "Renamed"
    taken = await change(client, bearer, url, {"licenses": [more[0], license_()]})
    assert taken.status_code == 200
    other = f"{ALL}/{(await client.post(ALL, json=new(), headers=bearer)).json()['organization_id']}"
    answer = await change(client, bearer, other, {"licenses": [more[0]]})
    assert (answer.status_code, answer.json()["code"]) == (409, "license-taken")
    wrong = await change(client, bearer, other, {"licenses": ["a", " ", "a"], "name": ""})
    assert [fault["path"] for fault in wrong.json()["errors"]] == ["name", "licenses[1]", "licenses"]


async def test_13_a_disabled_organization_is_out_at_once(running: Running, client: httpx.AsyncClient):
    bearer, who = await operator(running, client), await account(running)
    url, tokens = f"{ALL}/{ids.show('ORG', who.organization_id)}", (await login(client, who)).json()
    assert (await change(client, bearer, url, {"enabled": False})).json()["enabled"] is False
    assert (await me(client, tokens["access_token"])).status_code == 401
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    verified = await client.post("/api/v1/auth/verify", json={"token": tokens["access_token"]})
    assert verified.json()["valid"] is False
    answer = await login(client, who)
    assert (answer.status_code, answer.json()["code"]) == (401, "login-refused")
    assert ("refused", {"reason": "organization disabled"}) in await audits(running, who, "auth.login")
    assert (await change(client, bearer, url, {"enabled": True})).status_code == 200
    assert (await login(client, who)).status_code == 200


async def test_the_operator_does_not_lock_itself_out(running: Running, client: httpx.AsyncClient):
    home = await organization(running, OrganizationKind.OPERATOR)
    bearer = await bearer_of(client, await account(running, "operator", home=home))
    answer = await change(client, bearer, f"{ALL}/{ids.show('ORG', home)}", {"enabled": False})
    assert (answer.status_code, answer.json()["code"]) == (403, "own-organization")


async def test_row_level_security_holds_the_directory(running: Running):
    who, other = await account(running), await account(running)
    async with system(running).transaction(frozenset({other.organization_id})) as transaction:
        for statement in (
            "UPDATE authlinc.organization SET name = 'Mine' WHERE id = $1",
            "DELETE FROM authlinc.organization_license WHERE organization_id = $1",
        ):
            assert (await transaction.execute(statement, who.organization_id)).endswith(" 0")
