"""Rules of tables, as PostgreSQL sees them after all migrations."""

from collections.abc import AsyncIterator
from typing import Any

from masterlinc.conformance.migrations import Stored

TABLES = """
SELECT c.relname::text AS name, c.relrowsecurity AS secured,
    EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS ruled,
    EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r') AND p.polqual IS NULL
    ) AS unbound,
    (SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
     WHERE i.indrelid = c.oid AND i.indisprimary) AS leads,
    has_table_privilege('masterlinc_app', c.oid, 'TRUNCATE') OR has_table_privilege('masterlinc_app', c.oid, 'TRIGGER')
        OR pg_has_role('masterlinc_app', c.relowner, 'MEMBER') AS changed_by_app,
    has_any_column_privilege('masterlinc_app', c.oid, 'SELECT, INSERT, UPDATE')
        OR has_table_privilege('masterlinc_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE') AS used_by_app
FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = to_regnamespace($1)
ORDER BY 1
"""

COLUMNS = """
SELECT c.relname::text AS "table", a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    NOT a.attnotnull AS empty, a.atthasdef OR a.attidentity <> '' AS filled,
    EXISTS (
        SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey @> ARRAY[a.attnum]
          AND pg_get_constraintdef(k.oid) ~ '<' AND pg_get_constraintdef(k.oid) ~ '>') AS bounded,
    EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AS in_key
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = to_regnamespace($1)
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
"""

_FOREIGN_KEYS = """
SELECT f.conname::text AS name, c.relname::text AS "table", c.relnamespace <> t.relnamespace AS crosses,
    NOT (f.confdeltype IN ('a', 'r') AND f.confupdtype IN ('a', 'r')) AS cascades,
    c.relrowsecurity AND a.attname <> 'organization_id' AS misled
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class t ON t.oid = f.confrelid
JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
WHERE f.contype = 'f' AND c.relnamespace = to_regnamespace($1)
ORDER BY 1
"""

_OWNERS_FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, has_function_privilege('public', p.oid, 'EXECUTE') AS for_all,
    EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%') AS fixed
FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = to_regnamespace($1)
ORDER BY 1
"""

_BYTES = """
SELECT c.relname || '.' || a.attname AS name,
    EXISTS (
        SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey @> ARRAY[a.attnum]
          AND pg_get_constraintdef(k.oid) ~ 'length\\(.*\\) = [0-9]+') AS fixed
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = to_regnamespace($1)
  AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'bytea'::regtype
ORDER BY 1
"""

_FLOATS = frozenset({"real", "double precision", "money"})


async def its_tables_are_secured(stored: Stored) -> AsyncIterator[str]:
    """Every table is under row-level security, or the project says why not."""
    bare = {row["name"] for row in await rows(stored, TABLES) if not (row["secured"] and row["ruled"])}
    allowed = set(stored.subject.allowed.open_tables)
    for name in sorted(bare - allowed):
        yield (
            f"table {stored.schema}.{name} shows every row to everybody: add "
            f'tenant_table_policy("{stored.schema}.{name}") to its migration, or give the reason in open_tables.{name}'
        )
    for name in sorted(allowed - bare):
        yield f"open_tables.{name} excuses a table that needs it not: take it out"


async def its_policies_bind_every_read(stored: Stored) -> AsyncIterator[str]:
    """No policy lets every row be read."""
    for row in await rows(stored, TABLES):
        if row["unbound"]:
            yield f"a policy of table {stored.schema}.{row['name']} has no USING: use tenant_table_policy"


async def its_keys_lead_with_the_organization(stored: Stored) -> AsyncIterator[str]:
    """The primary key of a tenant table begins with organization_id, as the data is spread and read."""
    allowed = stored.subject.allowed
    other = {row["name"] for row in await rows(stored, TABLES) if row["leads"] != "organization_id"}
    for name in sorted(other - {*allowed.open_tables, *allowed.own_keys}):
        yield (
            f"the key of table {stored.schema}.{name} does not begin with organization_id: "
            f"write PRIMARY KEY (organization_id, id), or give the reason in own_keys.{name}"
        )
    for name in sorted({*allowed.own_keys} - other):
        yield f"own_keys.{name} excuses a table that needs it not: take it out"


async def its_organizations_are_never_empty(stored: Stored) -> AsyncIterator[str]:
    """Every row says whose it is."""
    for row in await rows(stored, COLUMNS):
        if row["name"] == "organization_id" and row["empty"] and row["table"] not in stored.subject.allowed.own_keys:
            yield f"{stored.schema}.{row['table']}.organization_id may be empty: write NOT NULL"


async def its_keys_are_made_by_the_service(stored: Stored) -> AsyncIterator[str]:
    """No id is filled by the server: the service makes it, and knows it before the row is there."""
    for row in await rows(stored, COLUMNS):
        if row["filled"] and row["type"] == "uuid":
            yield f"{stored.schema}.{row['table']}.{row['name']} has a default: leave it to masterlinc.ids.new_id"


async def its_amounts_are_exact(stored: Stored) -> AsyncIterator[str]:
    """Numbers are never floats, but for a length of time in seconds; an amount has both bounds."""
    for row in await rows(stored, COLUMNS):
        place = f"{stored.schema}.{row['table']}.{row['name']}"
        if row["type"] in _FLOATS and not row["name"].endswith("_seconds"):
            yield f"{place} is {row['type']}: use numeric(14,2) for an amount"
        if row["type"].startswith("numeric") and not row["bounded"]:
            yield f"{place} has no bounds: write CHECK ({row['name']} >= 0 AND {row['name']} < 1e12)"


async def its_times_have_their_zone(stored: Stored) -> AsyncIterator[str]:
    """A time without its zone means something else on every server."""
    for row in await rows(stored, COLUMNS):
        if row["type"].startswith("timestamp") and row["type"].endswith("without time zone"):
            yield f"{stored.schema}.{row['table']}.{row['name']} is {row['type']}: write timestamptz"


async def its_sealed_columns_are_declared(stored: Stored) -> AsyncIterator[str]:
    """Bytes of any length are sealed values, and `masterlinc keys` knows them; a hash or a key has its length."""
    found = {row["name"]: row["fixed"] for row in await rows(stored, _BYTES)}
    declared = {f"{one.table}.{one.column}" for one in stored.subject.agent.sealed}
    for name in sorted({name for name, fixed in found.items() if not fixed} - declared):
        yield (
            f"{stored.schema}.{name} holds bytes of any length: declare it as a SealedColumn in `sealed`, "
            f"or say how long they are: CHECK (length({name.partition('.')[2]}) = 32)"
        )
    for name in sorted(declared - found.keys()):
        yield f"`sealed` names {name}, which is no column of bytes of {stored.schema}"


async def its_foreign_keys_stay_at_home(stored: Stored) -> AsyncIterator[str]:
    """A foreign key stays in its schema and in its organization, and deletes nothing."""
    for row in await rows(stored, _FOREIGN_KEYS):
        place = f"foreign key {row['name']} of table {stored.schema}.{row['table']}"
        if row["crosses"]:
            yield f"{place} points into another schema: keep the id alone, and ask the other agent"
        if row["cascades"]:
            yield f"{place} changes or deletes rows by itself: take ON DELETE and ON UPDATE out"
        if row["misled"]:
            yield f"{place} does not begin with organization_id: a row could point into another organization"


async def the_role_app_may_use_and_not_change_its_tables(stored: Stored) -> AsyncIterator[str]:
    """The role of the process reads and writes rows as granted, and never alters or empties a table."""
    for row in await rows(stored, TABLES):
        if row["changed_by_app"]:
            yield f"role masterlinc_app may change or empty table {stored.schema}.{row['name']}: revoke it"
        if not row["used_by_app"] and row["name"] not in stored.subject.allowed.open_tables:
            yield (
                f"role masterlinc_app may do nothing with table {stored.schema}.{row['name']}: "
                f'name the rights in tenant_table_policy("{stored.schema}.{row["name"]}", grants="SELECT, INSERT")'
            )


async def its_functions_of_the_owner_are_closed(stored: Stored) -> AsyncIterator[str]:
    """A SECURITY DEFINER function fixes its search path, and is granted to nobody but by name."""
    for row in await rows(stored, _OWNERS_FUNCTIONS):
        if not row["fixed"]:
            yield f"function {row['name']}: add SET search_path = pg_catalog, or it runs what a caller puts in its way"
        if row["for_all"]:
            yield f"function {row['name']}: add REVOKE ALL ON FUNCTION {row['name']} FROM PUBLIC, and grant it by name"


async def rows(stored: Stored, query: str) -> list[Any]:
    """Run one of the queries above for the agent's schema."""
    return list(await stored.owner.fetch(query, stored.schema))


RULES = (
    its_tables_are_secured,
    its_policies_bind_every_read,
    its_keys_lead_with_the_organization,
    its_organizations_are_never_empty,
    its_keys_are_made_by_the_service,
    its_amounts_are_exact,
    its_times_have_their_zone,
    its_sealed_columns_are_declared,
    its_foreign_keys_stay_at_home,
    the_role_app_may_use_and_not_change_its_tables,
    its_functions_of_the_owner_are_closed,
)
