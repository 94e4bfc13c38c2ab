"""Functions that run as the owner, past row-level security: each is listed, and tells nothing of another's rows."""

import pytest
from tables_of import insert, made_up
from test_rows_of_others import scope

from masterlinc.ids import new_id

COUNTS = "answers how many rows it handled, and no more"
# What each answers. A new one needs its line here and in docs/tenancy.md, and a test below unless it only counts.
DEFINERS = {
    "authlinc.api_key_news": "digests, scopes and times of all API keys, which every process knows beforehand",
    "authlinc.find_client": "the one OAuth 2 client of an exact number, before anybody is known",
    "authlinc.find_identity": "the one user of a provider's exact name for them, before anybody is known",
    "authlinc.find_login": "the one account of an exact key, before anybody is known",
    "claimlinc.deciding_payers": "ids of payers, which are in the directory anyway",
    "claimlinc.publish_research": COUNTS,
    "doctorlinc.search_patients": "ids of patients in the caller's scope",
    "masterlinc.audit_after": "audit rows of every organization, for who ships them to the operator's SIEM",
    "masterlinc.audit_leaves": "places and hashes of audit rows, for the sealer",
    "masterlinc.ensure_partitions": COUNTS,
    "masterlinc.forget_aggregates": COUNTS,
    "masterlinc.forget_deliveries": COUNTS,
    "masterlinc.forget_idempotency": COUNTS,
    "masterlinc.forget_messages": COUNTS,
    "masterlinc.forget_replays": COUNTS,
    "masterlinc.forget_workflows": COUNTS,
    "masterlinc.unread": "how many messages lie unread in the inboxes of an agent, over all organizations",
    "policylinc.keep_balances": "nothing: a trigger that adds entries to the balances of the same members",
    "policylinc.payers": "ids of payers, which are in the directory anyway",
    "policylinc.payers_of_policy": "ids of payers that have a policy of an exact number",
}
FOUND = """
SELECT p.oid::regproc::text AS name, p.prorettype::regtype::text AS answers, p.proretset AS many,
    has_function_privilege('public', p.oid, 'EXECUTE') AS for_all
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname !~ '^pg_'
"""


@pytest.fixture
def add(filled):
    tables = {table.name: table for table in filled.tables}

    async def make(name, organization, **values):
        row = await made_up(filled.root, tables[name], organization) | values
        statement, given = insert(tables[name], row)
        await filled.root.execute(statement, *given)
        return row

    return make


async def test_each_is_listed_and_granted_by_name(filled):
    found = await filled.root.fetch(FOUND)
    assert {row["name"] for row in found} == set(DEFINERS)
    assert [row["name"] for row in found if row["for_all"]] == []


async def test_what_only_counts_answers_one_number(filled):
    for row in await filled.root.fetch(FOUND):
        if DEFINERS[row["name"]] is COUNTS:
            assert (row["answers"], row["many"]) in {("integer", False), ("bigint", False), ("void", False)}, row[
                "name"
            ]


async def test_a_search_finds_patients_of_the_scope_alone(filled, add):
    word = f"zz{new_id().hex[-10:]}"
    ours = await add("doctorlinc.patient_search", filled.ours, folded=f" {word}")
    await add("doctorlinc.patient_search", filled.theirs, folded=f" {word}")
    find = "SELECT total, patient_id FROM doctorlinc.search_patients(ARRAY[$1], 0, 100)"
    async with scope(filled, filled.ours) as transaction:
        assert [tuple(row) for row in await transaction.fetch(find, word)] == [(1, ours["patient_id"])]
        alike = word[:-1] + ("0" if word[-1] != "0" else "1")  # found by likeness, where no name holds the word
        assert {row["patient_id"] for row in await transaction.fetch(find, alike)} <= {ours["patient_id"]}
    async with scope(filled) as transaction:
        assert await transaction.fetch(find, word) == []
    async with scope(filled, new_id()) as transaction:
        assert await transaction.fetch(find, word) == []


async def test_an_account_is_found_by_its_exact_key_and_no_pattern(filled, add):
    account = await add("authlinc.user_account", filled.theirs)
    find = "SELECT id FROM authlinc.find_login($1)"
    async with scope(filled) as transaction:
        assert [row["id"] for row in await transaction.fetch(find, account["email_index"])] == [account["id"]]
        for other in (b"", b"%", account["email_index"][:-1], account["email_index"] + b"%"):
            assert await transaction.fetch(find, other) == []


async def test_payers_are_told_by_a_policy_s_exact_number_and_nothing_else_of_it(filled, add):
    policy = await add("policylinc.policy", filled.theirs)
    find = "SELECT * FROM policylinc.payers_of_policy($1)"
    async with scope(filled, filled.ours) as transaction:
        assert [tuple(row) for row in await transaction.fetch(find, policy["policy_number"])] == [(filled.theirs,)]
        for other in ("%", policy["policy_number"][:-1], "_" * len(policy["policy_number"])):
            assert await transaction.fetch(find, other) == []
        assert all(len(row) == 1 for row in await transaction.fetch("SELECT * FROM policylinc.payers()"))


async def test_unread_messages_are_told_as_a_number_of_each_agent_that_was_named(filled, add):
    await add("masterlinc.message", filled.theirs, receiver="matrixlinc", acknowledged_at=None, workflow_id=None)
    async with scope(filled, filled.ours) as transaction:
        rows = await transaction.fetch("SELECT * FROM masterlinc.unread(ARRAY['matrixlinc', 'nolinc'], 1000000)")
    assert [tuple(row) for row in rows] == [("matrixlinc", 1), ("nolinc", 0)]
