"""A message says what it likes; whose it is, its sender's session says: nobody meets another's decision through it."""

import json
import random
import string
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from conftest import World, world_of
from nphies_messages import resource, sent

from masterlinc import ids
from masterlinc.testing import MakePrincipal, Running

# Text that an index cannot shorten.
LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=9000))


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(lenient: Running, make_principal: MakePrincipal) -> AsyncIterator[World]:
    async for one in world_of(lenient, make_principal):
        yield one


async def test_a_borrowed_licence_and_number_open_nobodys_decision(world: World, stranger: World) -> None:
    data = world.message()
    first = await world.decided(data)
    bundle = json.loads(data)
    bundle["id"], bundle["entry"][0]["resource"]["id"] = "another-bundle", "another-header"
    claim = resource(bundle, "Claim")
    claim["item"][0]["productOrService"]["text"] = "something else"
    for data_of_the_stranger in (sent(bundle), data):  # under the same number; and byte for byte
        taken = await stranger.post(data_of_the_stranger)
        assert taken.status_code in {200, 201}, taken.text
        theirs = await stranger.decided(data_of_the_stranger)
        assert theirs["status"] in {"approved", "partial"}, theirs
        assert await _decision(stranger, theirs["claim_id"]) != await _decision(world, first["claim_id"])


async def test_a_stranger_who_was_first_decides_nothing_for_the_owner(world: World, stranger: World) -> None:
    data = world.message()
    await stranger.decided(data)
    own = await world.decided(data.replace(b"Office visit", b"Other visit"))
    assert own["status"] in {"approved", "partial"}, own
    async with world.ctx.transaction() as tx:
        owner = await tx.fetchval(
            "SELECT provider_organization_id FROM claimlinc.decision WHERE id = $1",
            await _decision(world, own["claim_id"]),
        )
    assert owner == world.clerk.organization_id


async def _decision(world: World, claim_id: str) -> object:
    async with world.ctx.transaction() as tx:
        return await tx.fetchval(
            "SELECT payer_decision_id FROM claimlinc.answer WHERE claim_id = $1", ids.parse("CLM", claim_id)
        )


@pytest.mark.parametrize("place", ["bundle", "header", "sender", "receiver", "identifier", "system", "licence"])
async def test_what_is_too_long_to_be_found_again_is_refused(world: World, place: str) -> None:
    bundle = json.loads(world.message())
    header, claim = bundle["entry"][0]["resource"], resource(bundle, "Claim")
    holder, name = {
        "bundle": (bundle, "id"),
        "header": (header, "id"),
        "sender": (header["sender"]["identifier"], "value"),
        "receiver": (header["destination"][0]["receiver"]["identifier"], "value"),
        "identifier": (claim["identifier"][0], "value"),
        "system": (claim["identifier"][0], "system"),
        "licence": (resource(bundle, "Organization")["identifier"][0], "value"),
    }[place]
    holder[name] = LONG
    refused = await world.post(sent(bundle))
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"]
    assert len(refused.text) < 5_000
