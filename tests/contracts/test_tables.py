"""Every table of every agent, as PostgreSQL sees it after all migrations."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from masterlinc.registry import discover
from masterlinc.testing import NewDatabase

# Tables without row-level security: they hold keys, counters and ids of work, never a person or a claim.
OPEN = {
    "masterlinc.aggregate",
    "masterlinc.delivery",
    "masterlinc.event",
    "masterlinc.migration",
    "masterlinc.partitioned_table",
    "masterlinc.revoked_session",
    "masterlinc.subscription",
    "masterlinc.token_key",
    "masterlinc.workflow",
    "masterlinc.workflow_step",
    "authlinc.login_attempt",  # counted before anybody is known
    "authlinc.signing_key",  # of the system; the private half is sealed
    "sbslinc.code",  # published code systems, the same for everybody
}

# Tables under row-level security whose key does not lead with the organization.
OWN_KEY = {
    "authlinc.organization",  # its id is the organization
    "masterlinc.audit_event",  # partitioned by time; sealed in that order
    "masterlinc.audit_patient",  # read by patient
}

TABLES = """
SELECT c.oid, c.oid::regclass::text AS name, n.nspname AS schema, c.relrowsecurity AS secured,
    (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
    EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r') AND p.polqual IS NULL
    ) AS unbound,
    (SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
     WHERE i.indrelid = c.oid AND i.indisprimary) AS leads
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema)'
ORDER BY 2
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owner(new_database: NewDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role `owner` to a database with every agent's tables."""
    connection = await asyncpg.connect((await new_database()).owner)
    yield connection
    await connection.close()


async def names(owner: asyncpg.Connection, query: str) -> list[str]:
    return [row[0] for row in await owner.fetch(query)]


async def test_every_table_is_under_row_level_security_with_a_policy(owner):
    bare = {row["name"] for row in await owner.fetch(TABLES) if not (row["secured"] and row["policies"])}
    assert bare == OPEN


async def test_no_policy_lets_every_row_be_read(owner):
    assert [row["name"] for row in await owner.fetch(TABLES) if row["unbound"]] == []


async def test_every_key_leads_with_the_organization(owner):
    other = {row["name"] for row in await owner.fetch(TABLES) if row["leads"] != "organization_id"}
    assert other - OPEN == OWN_KEY


async def test_every_table_is_in_the_schema_of_the_kernel_or_of_its_agent(owner):
    schemas = {row["schema"] for row in await owner.fetch(TABLES)}
    assert schemas <= {"masterlinc", *(agent.name for agent in discover()[0])}


async def test_no_key_is_filled_by_the_server(owner):
    query = """
        SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema)'
          AND (a.atthasdef OR a.attidentity <> '') AND a.atttypid = 'uuid'::regtype
    """
    assert await names(owner, query) == []


async def test_every_organization_is_named(owner):
    query = """
        SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'organization_id' AND NOT a.attnotnull
    """
    assert await names(owner, query) == ["masterlinc.audit_event"]  # what is done before anybody is known


async def test_no_foreign_key_crosses_schemas(owner):
    query = """
        SELECT f.conname FROM pg_constraint f
        JOIN pg_class a ON a.oid = f.conrelid JOIN pg_class b ON b.oid = f.confrelid
        WHERE f.contype = 'f' AND a.relnamespace <> b.relnamespace
    """
    assert await names(owner, query) == []


async def test_nothing_is_deleted_by_a_foreign_key(owner):
    query = """
        SELECT conname FROM pg_constraint
        WHERE contype = 'f' AND NOT (confdeltype IN ('a', 'r') AND confupdtype IN ('a', 'r'))
    """
    assert await names(owner, query) == []


async def test_a_foreign_key_between_tenant_tables_leads_with_the_organization(owner):
    query = """
        SELECT f.conname FROM pg_constraint f
        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
        JOIN pg_class c ON c.oid = f.conrelid
        WHERE f.contype = 'f' AND c.relrowsecurity AND a.attname <> 'organization_id'
    """
    assert await names(owner, query) == []


async def test_every_amount_has_two_places_and_both_bounds(owner):
    query = """
        SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema)'
          AND a.atttypid = 'numeric'::regtype AND NOT a.attisdropped
          AND NOT EXISTS (
            SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey @> ARRAY[a.attnum]
              AND pg_get_constraintdef(k.oid) ~ '<' AND pg_get_constraintdef(k.oid) ~ '>')
    """
    assert await names(owner, query) == []


async def test_numbers_are_never_floats(owner):
    query = """
        SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema)'
          AND a.atttypid IN ('float4'::regtype, 'float8'::regtype, 'money'::regtype)
    """
    assert await names(owner, query) == []


async def test_every_time_has_its_zone(owner):
    query = """
        SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema)'
          AND a.atttypid = 'timestamp'::regtype
    """
    assert await names(owner, query) == []


async def test_the_role_app_changes_no_table_and_truncates_none(owner):
    query = """
        SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema)'
          AND (has_table_privilege('masterlinc_app', c.oid, 'TRUNCATE')
            OR has_table_privilege('masterlinc_app', c.oid, 'TRIGGER')
            OR pg_has_role('masterlinc_app', c.relowner, 'MEMBER'))
    """
    assert await names(owner, query) == []


async def test_functions_that_run_as_the_owner_fix_their_search_path(owner):
    query = """
        SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname !~ '^(pg_|information_schema)'
          AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%')
    """
    assert await names(owner, query) == []


async def test_functions_that_run_as_the_owner_are_granted_one_by_one(owner):
    query = """
        SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prosecdef AND n.nspname !~ '^(pg_|information_schema)'
          AND has_function_privilege('public', p.oid, 'EXECUTE')
    """
    assert await names(owner, query) == []


async def test_every_piccolo_table_has_the_columns_of_its_table(owner):
    wrong = []
    for agent in discover()[0]:
        for table in agent.tables:
            meta = table._meta
            stored = await names(
                owner,
                "SELECT attname::text FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
                f" AND attrelid = to_regclass('{meta.schema}.{meta.tablename}')",
            )
            wrong += [
                f"{meta.tablename}.{column._meta.name}" for column in meta.columns if column._meta.name not in stored
            ]
    assert wrong == []


async def test_no_piccolo_column_fills_itself(owner):
    filled = [
        f"{table._meta.tablename}.{column._meta.name}"
        for agent in discover()[0]
        for table in agent.tables
        for column in table._meta.columns
        if getattr(column, "default", None) is not None
    ]
    assert filled == []
