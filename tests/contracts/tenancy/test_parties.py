"""A payer sees exactly the claims that are addressed to it, and a provider exactly the decisions on its own."""

import pytest_asyncio
from tables_of import insert, made_up
from test_rows_of_others import attempt, scope

from masterlinc.ids import new_id

CHILDREN = (
    "claim_line",
    "claim_diagnosis",
    "claim_supporting_info",
    "claim_care_team",
    "claim_related",
    "claim_attachment",
    "normalized_line",
    "claim_signature",
    "finding",
    "answer",
    "answer_line",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(filled):
    """Claims of two providers to either payer, by submission or by cover, and to nobody; with all that they have."""
    providers, payers = (new_id(), new_id()), (new_id(), new_id())
    tables = {table.name.removeprefix("claimlinc."): table for table in filled.tables}

    async def add(table, organization, **values):
        row = await made_up(filled.root, tables[table], organization) | values
        statement, given = insert(tables[table], row)
        await filled.root.execute(statement, *given)
        return row

    claims = {}
    for provider in providers:
        for named in (None, *payers):
            for covered in (None, *payers):
                claim = (await add("claim", provider, payer_organization_id=named))["id"]
                for child in CHILDREN:
                    await add(child, provider, claim_id=claim)
                if covered:
                    await add("claim_cover", provider, claim_id=claim, payer_organization_id=covered)
                claims[claim] = {provider, named, covered} - {None}
    decisions = {}
    for payer in payers:
        for provider in (None, *providers):
            decision = (await add("decision", payer, provider_organization_id=provider))["id"]
            await add("decision_line", payer, decision_id=decision, provider_organization_id=provider)
            await add("decision_basis", payer, decision_id=decision)
            decisions[decision] = {payer, provider} - {None}
    return providers, payers, claims, decisions


async def seen(filled, who, table, column="claim_id"):
    async with scope(filled, who) as transaction:
        return {row[0] for row in await transaction.fetch(f"SELECT {column} FROM claimlinc.{table}")}


async def test_a_claim_is_seen_by_its_provider_and_by_the_payers_that_it_names_or_that_cover_it(filled, shared):
    providers, payers, claims, _ = shared
    for who in (*providers, *payers, new_id()):
        wanted = {claim for claim, parties in claims.items() if who in parties}
        assert await seen(filled, who, "claim", "id") == wanted
        for child in CHILDREN:
            assert await seen(filled, who, child) == wanted, child
    assert len(claims) == 18


async def test_two_payers_who_cover_one_claim_do_not_see_each_other(filled, shared):
    _, payers, _, _ = shared
    for payer in payers:
        assert await seen(filled, payer, "claim_cover", "payer_organization_id") == {payer}


async def test_a_decision_is_seen_by_its_payer_and_its_provider_and_its_basis_by_the_payer_alone(filled, shared):
    providers, payers, _, decisions = shared
    for who in (*providers, *payers, new_id()):
        wanted = {decision for decision, parties in decisions.items() if who in parties}
        assert await seen(filled, who, "decision", "id") == wanted
        assert await seen(filled, who, "decision_line", "decision_id") == wanted
        own = wanted if who in payers else set()
        assert await seen(filled, who, "decision_basis", "decision_id") == own


async def test_whoever_sees_the_other_s_rows_changes_none_of_them(filled, shared):
    """Sharing is reading: a payer that sees a claim may not decide its status, nor add to it (cases 45, 52)."""
    providers, payers, claims, _ = shared
    claim = next(one for one, parties in claims.items() if parties == {providers[0], payers[0]})
    change = "UPDATE claimlinc.claim SET status = 'approved' WHERE id = $1"
    assert await attempt(filled, change, claim, organizations=[providers[0]]) == "UPDATE 1"
    assert await attempt(filled, change, claim, organizations=[payers[0]]) == "row-level security"
    assert await attempt(filled, change, claim, organizations=[payers[1]]) == "UPDATE 0"
    tables = {table.name: table for table in filled.tables}
    for child in (*CHILDREN, "claim_cover"):
        for who, told in ((providers[0], "INSERT 0 1"), (payers[0], "row-level security")):
            row = await made_up(filled.root, tables[f"claimlinc.{child}"], providers[0]) | {"claim_id": claim}
            statement, values = insert(tables[f"claimlinc.{child}"], row)
            assert await attempt(filled, statement, *values, organizations=[who]) == told, child
