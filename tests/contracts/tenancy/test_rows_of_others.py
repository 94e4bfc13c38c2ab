"""Every table and every verb: in the scope of one organization nothing of another is read, written or moved."""

from contextlib import asynccontextmanager

import asyncpg
import pytest
from tables_of import OWN_NAME, insert, made_up

from masterlinc.db.transaction import NO_ORGANIZATIONS
from masterlinc.ids import new_id

# Whose rows others read, and why.
READ_BY_ALL = {
    "authlinc.organization": "the directory of the exchange: names and kinds of its members",
    "authlinc.organization_license": "the licences that they are addressed by",
}
# Into which a row of another organization may be written, and why.
WRITTEN_FOR_OTHERS = {
    "masterlinc.audit_event": "what was done in another's scope is told to that other",
    "masterlinc.audit_patient": "the same, by patient",
}


class Undo(Exception):
    pass


@asynccontextmanager
async def scope(filled, *organizations):
    """A transaction of the process's role in the scope of some organizations, undone at its end."""
    try:
        async with filled.app.transaction(frozenset(organizations)) as transaction:
            yield transaction
            raise Undo
    except Undo:
        pass


async def attempt(filled, statement, *values, organizations=None):
    """Run a statement in our scope: its command tag, or why it was refused."""
    try:
        async with scope(filled, *([filled.ours] if organizations is None else organizations)) as transaction:
            return await transaction.execute(statement, *values)
    except asyncpg.InsufficientPrivilegeError as refused:
        return "row-level security" if "row-level security" in str(refused) else "no right"


async def test_there_is_a_row_of_either_in_every_table_under_row_level_security(filled):
    assert len(filled.secured) >= 40
    for table in filled.secured:
        rows = await filled.root.fetch(f"SELECT {table.key} FROM {table.name}")
        assert {row[0] for row in rows} >= {filled.ours, filled.theirs}, table.name


async def test_a_table_with_organizations_is_secured_or_is_a_queue_of_the_kernel(filled):
    """The kernel's queues hold ids, states and words of our own; whoever serves an agent takes work of everybody."""
    open_ones = {table.name for table in filled.tables if table.tenant and not table.secured}
    queues = {"masterlinc.event", "masterlinc.delivery", "masterlinc.workflow"}
    assert open_ones <= queues | {"masterlinc.data_key"}  # wrapped: whoever has the master key needs no table


async def test_select(filled):
    for table in filled.secured:
        if table.key not in table.selects:
            assert await attempt(filled, f"SELECT {table.key} FROM {table.name}") == "no right"
            continue
        async with scope(filled, filled.ours) as transaction:
            seen = {row[0] for row in await transaction.fetch(f"SELECT {table.key} FROM {table.name}")}
        wanted = {filled.ours, filled.theirs} if table.name in READ_BY_ALL else {filled.ours}
        assert seen == wanted, table.name
        async with scope(filled) as transaction:
            seen = {row[0] for row in await transaction.fetch(f"SELECT {table.key} FROM {table.name}")}
        assert seen == (wanted if table.name in READ_BY_ALL else set()), table.name


async def test_insert(filled):
    for table in filled.secured:
        for more in ("", "ON CONFLICT DO NOTHING"):
            ours, theirs = (new_id(), new_id()) if table.name in OWN_NAME else (filled.ours, filled.theirs)
            own = insert(table, await made_up(filled.root, table, ours), more)
            foreign = insert(table, await made_up(filled.root, table, theirs), more)
            got = (
                await attempt(filled, own[0], *own[1], organizations=[ours]),
                await attempt(filled, foreign[0], *foreign[1], organizations=[ours]),
            )
            if not table.inserts:
                assert got == ("no right", "no right"), table.name
            elif "SELECT" not in table.rights and more:
                assert got[1] in {"no right", "row-level security"}, table.name
            elif table.name in WRITTEN_FOR_OTHERS:
                assert got == ("INSERT 0 1", "INSERT 0 1"), table.name
            else:
                assert got == ("INSERT 0 1", "row-level security"), table.name


async def test_an_insert_tells_nothing_of_the_row_that_another_has(filled):
    """The policy is asked before the keys: a key that another has and one that nobody has are refused alike."""
    for table in filled.secured:
        if not table.inserts or table.name in WRITTEN_FOR_OTHERS:
            continue
        theirs = await filled.root.fetchrow(f"SELECT * FROM {table.name} WHERE {table.key} = $1", filled.theirs)
        statement, values = insert(
            table, {name: theirs[name] for name in await made_up(filled.root, table, filled.ours)}
        )
        assert await attempt(filled, statement, *values) == "row-level security", table.name


async def test_update_and_move(filled):
    for table in filled.secured:
        assert table.key not in table.updates, table.name  # whose a row is, nobody who serves changes
        for column in table.updates:
            change = f"UPDATE {table.name} SET {column} = {column} WHERE {table.key} = $1"
            if table.key not in table.selects:
                continue
            assert await attempt(filled, change, filled.theirs) == "UPDATE 0", (table.name, column)
            assert await attempt(filled, change, filled.ours) == "UPDATE 1", (table.name, column)
        move = f"UPDATE {table.name} SET {table.key} = $2 WHERE {table.key} = $1"
        given = await attempt(filled, move, filled.ours, filled.theirs)
        taken = await attempt(filled, move, filled.theirs, filled.ours)
        assert (given, taken) == ("no right", "no right"), table.name


async def test_delete_lock_and_empty(filled):
    for table in filled.secured:
        gone = await attempt(filled, f"DELETE FROM {table.name} WHERE {table.key} = $1", filled.theirs)
        assert gone == ("DELETE 0" if "DELETE" in table.rights else "no right"), table.name
        everything = await attempt(filled, f"DELETE FROM {table.name}")
        assert everything == ("DELETE 1" if "DELETE" in table.rights else "no right"), table.name
        held = await attempt(filled, f"SELECT 1 FROM {table.name} WHERE {table.key} = $1 FOR UPDATE", filled.theirs)
        assert held in {"SELECT 0", "no right"}, table.name
        assert await attempt(filled, f"TRUNCATE {table.name}") == "no right", table.name


async def test_no_scope_at_all_writes_nothing(filled):
    for table in filled.secured:
        if table.inserts and table.name not in WRITTEN_FOR_OTHERS:
            statement, values = insert(table, await made_up(filled.root, table, filled.ours))
            assert await attempt(filled, statement, *values, organizations=NO_ORGANIZATIONS) == "row-level security"


async def test_a_scope_that_is_no_set_of_organizations_is_a_fault_and_not_everything(filled):
    for words in ("", "{}", "{NULL}", "NULL"):
        async with scope(filled) as transaction:
            await transaction.execute("SELECT set_config('masterlinc.orgs', $1, true)", words)
            if words == "NULL":
                with pytest.raises(asyncpg.InvalidTextRepresentationError):
                    await transaction.fetch("SELECT 1 FROM claimlinc.claim")
                break
            assert await transaction.fetch("SELECT 1 FROM claimlinc.claim") == [], words


PARTITIONS = """
SELECT c.oid::regclass::text FROM pg_class c WHERE c.relispartition AND c.relkind = 'r'
    AND (has_table_privilege('masterlinc_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
        OR has_any_column_privilege('masterlinc_app', c.oid, 'SELECT, INSERT, UPDATE'))
"""
ROLE = """
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS mighty,
    EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid) AS member,
    (SELECT count(*)::int FROM pg_class c WHERE c.relowner = r.oid) AS owns,
    has_database_privilege('masterlinc_app', current_database(), 'CREATE') AS makes_schemas,
    (SELECT count(*)::int FROM pg_namespace n WHERE has_schema_privilege('masterlinc_app', n.oid, 'CREATE')
        AND n.nspname !~ '^pg_') AS makes_tables
FROM pg_roles r WHERE rolname = 'masterlinc_app'
"""


async def test_the_role_of_the_process_is_nobody_special(filled):
    assert dict(await filled.root.fetchrow(ROLE)) == {
        "mighty": False,
        "member": False,
        "owns": 0,
        "makes_schemas": False,
        "makes_tables": 0,
    }


async def test_a_partition_is_reached_through_its_table_alone(filled):
    """A partition has no policy of its own, so nothing of it is granted."""
    assert await filled.root.fetchval("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'") >= 12
    assert [row[0] for row in await filled.root.fetch(PARTITIONS)] == []
