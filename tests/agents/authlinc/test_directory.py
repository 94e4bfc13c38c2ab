from uuid import uuid4

import asyncpg
import msgspec
import pytest
from accounts import ALONE, PASSWORD, account, organization, system

from authlinc.contract import DEMO_PAYERS, FindOrganization, LoadOrganization, OrganizationInfo, OrganizationKind
from authlinc.demo import demo
from authlinc.errors import LicenseTaken
from authlinc.service.directory import License, NewOrganization, create_organization
from authlinc.service.state import state_of
from authlinc.service.users import NewUser, create_user
from masterlinc import ids
from masterlinc.agent import DemoPlan
from masterlinc.errors import Invalid
from masterlinc.testing import RunApp, Running, bearer, client_of

SYSTEM = "http://nphies.sa/license/payer-license"


async def test_an_organization_is_found_by_number_licence_and_key(running: Running, make_principal) -> None:
    licence = f"T-{ids.new_id().hex[-12:]}"
    licenses = (License(SYSTEM, licence), License(SYSTEM, licence + "b"))
    new = NewOrganization(OrganizationKind.PAYER, "A payer", "شركة تأمين", licenses)
    made = await create_organization(system(running), new)
    assert made.organization_id is not None
    assert made == OrganizationInfo(
        True, made.organization_id, "A payer", "شركة تأمين", OrganizationKind.PAYER, (licence, licence + "b")
    )
    stranger = running.context("claimlinc", make_principal("nurse"))
    for reference in (licence, f" {licence} ", licence + "b", ids.show("ORG", made.organization_id)):
        assert await stranger.call(FindOrganization(reference), OrganizationInfo) == made
    assert await stranger.call(LoadOrganization(made.organization_id), OrganizationInfo) == made


@pytest.mark.parametrize("reference", ["", " ", "nowhere", "ORG-", f"ORG-{25 * '0'}U", "\x00", "a\nb", "%", "x" * 9999])
async def test_what_is_not_there_is_not_found(running: Running, reference: str) -> None:
    ctx = system(running)
    assert await ctx.call(FindOrganization(reference), OrganizationInfo) == OrganizationInfo(found=False)
    assert (await ctx.call(FindOrganization(ids.show("ORG", uuid4())), OrganizationInfo)).found is False
    assert (await ctx.call(LoadOrganization(uuid4()), OrganizationInfo)).found is False


async def test_the_directory_is_read_inside_a_transaction_and_remembered(running: Running) -> None:
    place, ctx = await organization(running), system(running)
    state_of(ctx).organizations.clear()
    async with ctx.transaction(frozenset({place})) as transaction:
        found = await ctx.call(LoadOrganization(place), OrganizationInfo)
        assert transaction.organizations == {place}
    assert found.found
    assert await ctx.call(LoadOrganization(place), OrganizationInfo) is found
    assert await ctx.call(FindOrganization(found.licenses[0]), OrganizationInfo) == found


async def test_a_licence_belongs_to_one_organization(running: Running) -> None:
    taken = License(SYSTEM, f"T-{ids.new_id().hex[-12:]}")
    new = NewOrganization(OrganizationKind.PAYER, "First", "الأولى", (taken,))
    await create_organization(system(running), new)
    with pytest.raises(LicenseTaken):
        await create_organization(system(running), new)
    async with system(running).transaction() as transaction:
        assert await transaction.fetchval("SELECT count(*) FROM authlinc.organization WHERE name = 'First'") == 1


async def test_an_organization_cannot_be_written_from_outside(running: Running) -> None:
    own, other = await organization(running), await organization(running)
    ctx = system(running)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with ctx.transaction(frozenset({own})) as transaction:
            await transaction.execute(
                "INSERT INTO authlinc.organization_license VALUES ($1, 's', $2)", other, uuid4().hex
            )
    for statement in ("UPDATE authlinc.organization SET kind = 'payer'", "DELETE FROM authlinc.organization"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with ctx.transaction(frozenset({own})) as transaction:
                await transaction.execute(statement)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"roles": ()}, "roles"),
        ({"roles": ("emperor",)}, "roles"),
        ({"password": "short"}, "password"),
        ({"email": "x"}, "email"),
    ],
)
async def test_wrong_users_are_not_made(running: Running, changes: dict[str, object], path: str) -> None:
    place = await organization(running)
    good = NewUser(place, f"u{uuid4().hex}@clinic.example", PASSWORD, "N", "ن", ("nurse",))
    with pytest.raises(Invalid) as refusal:
        await create_user(system(running), msgspec.structs.replace(good, **changes))
    assert [fault.path for fault in refusal.value.errors] == [path]


async def test_the_tasks_are_offered_with_their_permission(running: Running, make_principal) -> None:
    who = await account(running, "researcher")
    async with client_of(running) as client:
        headers = bearer(running, make_principal("admin"))
        body = {"task": "authlinc.load_organization", "input": {"organization_id": str(who.organization_id)}}
        answer = await client.post("/execute", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["result"]["name"] == "A clinic"
        nobody = bearer(running, make_principal(permissions=frozenset({"task:execute"})))
        assert (await client.post("/execute", json=body, headers=nobody)).status_code == 403


async def test_the_demo_people_can_sign_in(run_app: RunApp) -> None:
    running, told = await run_app(**ALONE), []
    plan = DemoPlan(1447, "a pass phrase of the demo", (), 0, told.append)
    for _ in range(2):  # a second time changes nothing
        await demo(system(running), plan)
    assert told == ["8 organizations, 9 users"] * 2
    async with client_of(running) as client:
        for mailbox in ("admin", "doctor", "nurse", "billing", "payer", "senior", "researcher"):
            body = {"email": f"{mailbox}@demo.masterlinc.test", "password": "a pass phrase of the demo"}
            assert (await client.post("/api/v1/auth/login", json=body)).status_code == 200
    payers = [await system(running).call(FindOrganization(licence), OrganizationInfo) for licence in DEMO_PAYERS]
    assert {payer.kind for payer in payers} == {OrganizationKind.PAYER}
