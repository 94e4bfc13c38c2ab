"""Recording and deciding claims of the parties, as their agents do."""

from claim_builders import NATIONAL_ID_OF_SARA, line, submission

from claimlinc.contract import (
    ClaimType,
    Cover,
    DecidedSubmission,
    DecideSubmission,
    Identifier,
    RecordClaim,
    RecordedClaim,
    Subject,
)
from masterlinc.identity import NATIONAL_ID
from masterlinc.ids import new_id


def claim(parties, *lines, number=None, **more):
    lines = lines or (line("200", "30"),)
    values = {
        "identifier": Identifier("http://clinic.test/claim", number or f"req_{new_id().hex}"),
        "provider_license": parties.provider_license,
        "payer_license": parties.payer_license,
        "cover": Cover(member_id=parties.member_number, policy_number=parties.policy_number),
        "subject": Subject(name="Sara", identifiers=(Identifier(NATIONAL_ID, NATIONAL_ID_OF_SARA),)),
        "claim_type": ClaimType.ORAL,
    }
    return submission(*lines, **(values | more))


async def record(parties, made):
    return await parties.provider.call(RecordClaim(made), RecordedClaim)


async def decide(parties, made):
    request = DecideSubmission(parties.payer_id, parties.provider_id, made)
    return await parties.payer.acting_for(parties.payer_id).call(request, DecidedSubmission)


async def everything(parties):
    """Count the rows of every table that the parties may see, and sum up what is in them."""
    scope = frozenset({parties.payer_id, parties.provider_id})
    found = {}
    async with parties.payer.transaction(scope) as tx:
        for row in await tx.fetch(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables"
            " WHERE schemaname IN ('claimlinc', 'policylinc') AND has_table_privilege(quote_ident(schemaname) || '.' ||"
            " quote_ident(tablename), 'SELECT')"
        ):
            sums = await tx.fetchrow(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {row['name']} t")
            found[row["name"]] = tuple(sums)
    return found


async def audited(parties, actions):
    """Return the payer's audit rows of some actions."""
    async with parties.payer.transaction() as tx:
        return await tx.fetch(
            "SELECT action, resource_id, patient, actor_id, detail FROM masterlinc.audit_event"
            " WHERE organization_id = $1 AND action LIKE $2 ORDER BY id",
            parties.payer_id,
            actions,
        )
