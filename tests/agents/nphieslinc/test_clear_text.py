"""What a person's identity number becomes: nothing that stands in clear."""

import json

from conftest import World
from nphies_messages import resource, sent

from authlinc.contract import FindOrganization, OrganizationInfo
from masterlinc import ids

IDENTITY = "1100000254"  # of the fixture's patient


async def test_who_shows_no_card_is_enrolled_under_a_made_number(world: World) -> None:
    bundle = json.loads(world.message())
    coverage = resource(bundle, "Coverage")
    coverage.pop("identifier")
    coverage.pop("subscriberId", None)
    decided = await world.decided(sent(bundle))
    assert decided["status"] in {"approved", "partial"}, decided
    assert IDENTITY not in json.dumps(decided)
    payer = await world.ctx.call(FindOrganization(world.payer_license), OrganizationInfo)
    assert payer.organization_id is not None
    async with world.ctx.acting_for(payer.organization_id).transaction() as tx:
        member = await tx.fetchrow(
            "SELECT m.member_number, p.policy_number FROM claimlinc.decision d JOIN claimlinc.answer a"
            " ON a.payer_decision_id = d.id JOIN policylinc.member m ON m.id = d.member_id"
            " JOIN policylinc.policy p ON p.id = m.policy_id WHERE a.claim_id = $1",
            ids.parse("CLM", decided["claim_id"]),
        )
    assert member["member_number"].startswith("SIM-")
    assert IDENTITY not in member["policy_number"]
