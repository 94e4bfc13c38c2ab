"""Every table of every agent, as PostgreSQL sees it after all migrations."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio
from piccolo.columns import Column
from piccolo.table import Table

from masterlinc.db import ENGINE
from masterlinc.registry import discover
from masterlinc.testing import NewDatabase

# Tables without row-level security: they hold keys, counters and ids of work, never a person or a claim.
OPEN = {
    "masterlinc.aggregate",
    "masterlinc.delivery",
    "masterlinc.event",
    "masterlinc.migration",
    "masterlinc.partitioned_table",
    "masterlinc.process",
    "masterlinc.replay",
    "masterlinc.revoked_session",
    "masterlinc.stream",
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


def declared() -> list[tuple[str, type[Table]]]:
    """Every Piccolo table, with the agent that declares it."""
    return [(agent.name, table) for agent in discover()[0] for table in agent.tables]


def name_of(table: type[Table]) -> str:
    return f"{table._meta.schema}.{table._meta.tablename}"


async def test_an_agent_declares_every_table_of_its_schema_or_none(owner):
    stored = {(row["schema"], row["name"]) for row in await owner.fetch(TABLES)}
    own = {(agent, name_of(table)) for agent, table in declared()}
    assert len(own) == len(declared())
    assert own == {(schema, name) for schema, name in stored if schema in {agent for agent, _ in own}}


def test_the_agents_that_query_with_piccolo_declare_their_tables():
    assert {"authlinc", "doctorlinc", "policylinc"} <= {agent for agent, _ in declared()}


async def test_every_piccolo_table_is_the_table_of_the_migrations(owner):
    """Column by column: the name, the type with its digits, and whether it may be empty."""
    query = """
        SELECT attname::text, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
    """
    for _, table in declared():
        stored = {tuple(row) for row in await owner.fetch(query, name_of(table))}
        columns = {(one._meta.db_column_name, sql_type(one), one._meta.null) for one in table._meta.columns}
        assert columns == stored, name_of(table)


def sql_type(column: Column) -> str:
    """What PostgreSQL calls the type of a Piccolo column."""
    name = column.column_type.lower().replace(", ", ",")
    return {"timestamptz": "timestamp with time zone"}.get(name, name)


async def test_what_stands_for_a_key_is_part_of_it(owner):
    query = """
        SELECT a.attname::text FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = $1::regclass AND i.indisprimary
    """
    for _, table in declared():
        key = {row[0] for row in await owner.fetch(query, name_of(table))}
        assert table._meta.primary_key._meta.name in key, name_of(table)


async def test_piccolo_fills_no_column_and_hides_no_default_of_the_server(owner):
    """Piccolo writes every column of a row: its own default, or NULL over the server's."""
    query = """
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = $1::regclass AND attnum > 0 AND (atthasdef OR attidentity <> '' OR attgenerated <> '')
    """
    for _, table in declared():
        assert [row[0] for row in await owner.fetch(query, name_of(table))] == [], name_of(table)
        filled = [one._meta.name for one in table._meta.columns if getattr(one, "default", None) is not None]
        assert filled == [], name_of(table)


def test_piccolo_tables_run_in_our_transactions_and_follow_no_foreign_key():
    for _, table in declared():
        assert table._meta.db is ENGINE, name_of(table)
        assert table._meta.foreign_key_columns == [], name_of(table)
