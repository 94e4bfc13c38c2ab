import asyncio
import contextlib
from uuid import UUID

import asyncpg
import pytest
from msgspec import Struct
from piccolo.columns import Integer
from piccolo.table import Table

from masterlinc.db import ENGINE, Actor, Database, OutsideOfTransaction, Transaction
from masterlinc.errors import DomainError, Unavailable
from masterlinc.http.problems import as_domain_error
from masterlinc.ids import new_id, show
from masterlinc.secrets import Secret

HERE, THERE = new_id(), new_id()
BOTH = frozenset({HERE, THERE})


class ThingMade(Struct, frozen=True, tag="toy.thing_made.v1"):
    number: int


class Counter(Table, tablename="counter", schema="toy", db=ENGINE):
    id = Integer(primary_key=True, default=None)
    value = Integer(default=None)


async def put(transaction: Transaction, number: int, organization=HERE) -> None:
    await transaction.execute("INSERT INTO toy.thing (organization_id, id) VALUES ($1, $2)", organization, number)


async def things(database: Database, *organizations) -> list[int]:
    async with database.transaction(frozenset(organizations or {HERE})) as transaction:
        rows = await transaction.fetch("SELECT id FROM toy.thing ORDER BY id")
    return [row["id"] for row in rows]


async def audited(database: Database) -> list[str]:
    async with database.transaction(frozenset({HERE})) as transaction:
        rows = await transaction.fetch("SELECT action FROM masterlinc.audit_event ORDER BY id")
    return [row["action"] for row in rows]


async def published(database: Database) -> list[str]:
    async with database.transaction() as transaction:
        rows = await transaction.fetch("SELECT payload ->> 'number' AS number FROM masterlinc.event ORDER BY id")
    return [row["number"] for row in rows]


async def backend(database: Database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT pg_backend_pid()")


class TestSavepoints:
    async def test_what_a_failed_inner_block_wrote_is_gone_and_the_outer_is_committed(self, open_database):
        database = await open_database()
        async with database.transaction(frozenset({HERE})) as outer:
            await put(outer, 1)
            with pytest.raises(ZeroDivisionError):
                async with database.transaction(frozenset({HERE})) as inner:
                    await put(inner, 2)
                    raise ZeroDivisionError
            await put(outer, 3)
        assert await things(database) == [1, 3]

    async def test_a_database_error_inside_does_not_poison_the_outer(self, open_database):
        database = await open_database()
        async with database.transaction(frozenset({HERE})) as outer:
            await put(outer, 1)
            with pytest.raises(asyncpg.UniqueViolationError):
                async with database.transaction(frozenset({HERE})):
                    await put(outer, 1)
            assert await outer.fetchval("SELECT count(*) FROM toy.thing") == 1
        assert await things(database) == [1]

    async def test_an_outer_rollback_takes_the_finished_inner_with_it(self, open_database):
        database = await open_database()
        with pytest.raises(ZeroDivisionError):
            async with database.transaction(frozenset({HERE})):
                async with database.transaction(frozenset({HERE})) as inner:
                    await put(inner, 1)
                raise ZeroDivisionError
        assert await things(database) == []

    async def test_three_levels_roll_back_alone(self, open_database):
        database = await open_database()
        scope = frozenset({HERE})
        async with database.transaction(scope) as one:
            await put(one, 1)
            async with database.transaction(scope) as two:
                await put(two, 2)
                with pytest.raises(ZeroDivisionError):
                    async with database.transaction(scope) as three:
                        await put(three, 3)
                        raise ZeroDivisionError
                await put(two, 4)
        assert await things(database) == [1, 2, 4]

    async def test_events_audits_and_hooks_of_a_failed_block_are_forgotten(self, open_database):
        database = await open_database()
        called: list[str] = []
        async with database.transaction(frozenset({HERE})) as outer:
            say(outer, "first", 1, called)
            with pytest.raises(ZeroDivisionError):
                async with database.transaction(frozenset({HERE})) as inner:
                    say(inner, "forgotten", 2, called)
                    raise ZeroDivisionError
            say(outer, "last", 3, called)
        assert await audited(database) == ["toy.first", "toy.last"]
        assert await published(database) == ["1", "3"]
        assert called == ["first", "last"]

    async def test_a_failed_transaction_leaves_no_event_audit_or_hook(self, open_database):
        database = await open_database()
        woken: list[str] = []
        database.after_commit = lambda: woken.append("woken")
        with pytest.raises(ZeroDivisionError):
            async with database.transaction(frozenset({HERE})) as transaction:
                say(transaction, "never", 1, woken)
                raise ZeroDivisionError
        assert (await audited(database), await published(database), woken) == ([], [], [])

    async def test_the_dispatcher_is_woken_once_and_only_after_the_outermost_commit(self, open_database):
        database = await open_database()
        woken: list[bool] = []
        database.after_commit = lambda: woken.append(True)
        async with database.transaction(frozenset({HERE})):
            async with database.transaction(frozenset({HERE})) as inner:
                inner.publish(ThingMade(1), aggregate=new_id(), organization_id=HERE)
            assert woken == []
        assert woken == [True]


def say(transaction: Transaction, word: str, number: int, called: list[str]) -> None:
    transaction.publish(ThingMade(number), aggregate=new_id(), organization_id=HERE)
    transaction.audit(f"toy.{word}", "thing", str(number), organization_id=HERE)
    transaction.on_commit(lambda: called.append(word))


class TestScope:
    async def test_rows_of_another_organization_are_not_there(self, open_database):
        database = await open_database()
        async with database.transaction(BOTH) as transaction:
            await put(transaction, 1, HERE)
            await put(transaction, 2, THERE)
        assert await things(database, HERE) == [1]
        assert await things(database, THERE) == [2]
        assert await things(database, HERE, THERE) == [1, 2]

    async def test_without_organizations_no_row_is_there(self, open_database):
        database = await open_database()
        async with database.transaction(frozenset({HERE})) as transaction:
            await put(transaction, 1)
        async with database.transaction() as transaction:
            assert await transaction.fetch("SELECT * FROM toy.thing") == []

    async def test_a_row_of_another_organization_cannot_be_written(self, open_database):
        database = await open_database()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(frozenset({HERE})) as transaction:
                await put(transaction, 1, THERE)

    async def test_a_row_cannot_be_moved_to_another_organization(self, open_database):
        database = await open_database()
        async with database.transaction(frozenset({HERE})) as transaction:
            await put(transaction, 1)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(frozenset({HERE})) as transaction:
                await transaction.execute("UPDATE toy.thing SET organization_id = $1", THERE)

    async def test_a_nested_scope_holds_inside_and_the_outer_one_returns(self, open_database):
        database = await open_database()
        async with database.transaction(frozenset({HERE})) as outer:
            await put(outer, 1, HERE)
            async with database.transaction(frozenset({THERE})) as inner:
                await put(inner, 2, THERE)
                assert await scope_of(inner) == {THERE} == inner.organizations
                assert await inner.fetchval("SELECT count(*) FROM toy.thing WHERE id = 1") == 0
            assert await scope_of(outer) == {HERE} == outer.organizations
        assert await things(database, HERE, THERE) == [1, 2]

    async def test_the_outer_scope_returns_after_a_failed_inner_block_too(self, open_database):
        database = await open_database()
        async with database.transaction(frozenset({HERE})) as outer:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with database.transaction(frozenset({THERE})) as inner:
                    await put(inner, 2, HERE)
            assert await scope_of(outer) == {HERE} == outer.organizations
            await put(outer, 1, HERE)
        assert await things(database) == [1]

    async def test_after_a_commit_the_setting_is_an_empty_string_and_no_scope(self, open_database):
        database = await open_database(pool_size=1)
        async with database.transaction(frozenset({HERE})) as transaction:
            await put(transaction, 1)
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT current_setting('masterlinc.orgs', true)") == ""
            assert await connection.fetchval("SELECT masterlinc.orgs()") is None
            assert await connection.fetch("SELECT * FROM toy.thing") == []


class TestCalls:
    """Statements that set their scope themselves."""

    _SCOPED = (
        "SELECT CASE WHEN $1::text IS NOT NULL THEN set_config('masterlinc.orgs', $1, true) END AS given,"
        " current_setting('masterlinc.orgs') AS scope, $2::int AS number"
    )

    async def test_a_call_is_a_transaction_of_its_own_in_the_scope_that_it_is_given(self, open_database):
        database = await open_database(pool_size=1)
        row = await database.call(self._SCOPED, {HERE}, 7)
        assert (row["scope"], row["number"]) == (f"{{{HERE}}}", 7)
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT current_setting('masterlinc.orgs', true)") == ""
        assert await database.call("SELECT 1 WHERE $1::text = ''", {HERE}) is None

    async def test_in_an_open_transaction_it_keeps_to_the_scope_that_is_set(self, open_database):
        database = await open_database(pool_size=1)
        async with database.transaction(frozenset({THERE})):
            row = await database.call(self._SCOPED, {HERE}, 7)
        assert (row["given"], row["scope"]) == (None, f"{{{THERE}}}")

    async def test_the_database_shows_keys_as_we_do(self, open_database):
        database = await open_database()
        keys = [new_id(), UUID(int=0), UUID(int=2**128 - 1), UUID(int=31), UUID("0190a000-0000-7000-8000-0123456789ab")]
        async with database.connection() as connection:
            shown = await connection.fetchval(
                "SELECT array_agg(masterlinc.show_id('PAT', key) ORDER BY place)"
                " FROM unnest($1::uuid[]) WITH ORDINALITY AS one (key, place)",
                keys,
            )
        assert shown == [show("PAT", key) for key in keys]


async def scope_of(transaction: Transaction) -> set:
    return set(await transaction.fetchval("SELECT masterlinc.orgs()"))


class TestConnections:
    async def test_a_commit_that_fails_gives_its_connection_back(self, open_database):
        database = await open_database(pool_size=2, acquire_seconds=0.5)
        for _ in range(5):
            with pytest.raises(asyncpg.ForeignKeyViolationError):
                async with database.transaction() as transaction:
                    await transaction.execute("INSERT INTO toy.child VALUES (404)")
        async with database.connection(), database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM toy.child") == 0

    async def test_a_commit_that_fails_calls_no_hook(self, open_database):
        database = await open_database()
        called: list[str] = []
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with database.transaction(frozenset({HERE})) as transaction:
                say(transaction, "never", 1, called)
                await transaction.execute("INSERT INTO toy.child VALUES (404)")
        assert called == []
        assert await published(database) == []

    async def test_a_swallowed_database_error_is_not_taken_for_a_commit(self, open_database):
        database = await open_database()
        called: list[str] = []
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            async with database.transaction(frozenset({HERE})) as transaction:
                await put(transaction, 1)
                transaction.on_commit(lambda: called.append("hook"))
                with contextlib.suppress(asyncpg.UniqueViolationError):
                    await put(transaction, 1)
        assert called == []
        assert await things(database) == []

    async def test_a_cancelled_query_discards_its_connection(self, open_database):
        database = await open_database(pool_size=1)
        before = await backend(database)
        started = asyncio.Event()

        async def slow() -> None:
            async with database.transaction(frozenset({HERE})) as transaction:
                await put(transaction, 1)
                started.set()
                await transaction.execute("SELECT pg_sleep(60)")

        task = asyncio.create_task(slow())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await backend(database) != before
        assert await things(database) == []

    async def test_a_full_pool_is_unavailable_and_says_when_to_come_again(self, open_database):
        database = await open_database(pool_size=1, acquire_seconds=0.05)
        async with database.connection():
            with pytest.raises(Unavailable) as refused:
                await backend(database)
        assert int(refused.value.headers["Retry-After"]) >= 1
        assert await backend(database)

    async def test_a_database_that_does_not_answer_is_unavailable(self, urls):
        from masterlinc.settings import DatabaseSettings

        nowhere = Database(DatabaseSettings(url=Secret("postgresql://app@/nothing?host=/nonexistent")))
        with pytest.raises(Unavailable):
            await nowhere.open()

    async def test_an_address_that_became_none_is_unavailable_and_its_password_is_not_told(self, open_database):
        database = await open_database(pool_size=1)
        database._url.take("postgresql://app:Secr3t/1@localhost/x")  # a slash that was not quoted
        await database._expiry
        with pytest.raises(Unavailable) as refused:
            await backend(database)
        assert "Secr3t" not in f"{refused.value!r} {refused.value.__cause__!r}"

    async def test_a_query_on_a_connection_of_its_own_has_an_end(self, open_database):
        database = await open_database(acquire_seconds=0.5)
        with pytest.raises(TimeoutError):
            await database.alone("SELECT pg_sleep(600)")

    async def test_a_closed_database_is_unavailable(self, open_database):
        database = await open_database()
        await database.close()
        with pytest.raises(Unavailable):
            await backend(database)

    async def test_a_read_only_transaction_refuses_to_write(self, open_database):
        database = await open_database()
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with database.transaction(frozenset({HERE}), read_only=True) as transaction:
                await put(transaction, 1)


class TestRun:
    async def test_a_deadlock_is_done_again(self, open_database):
        database = await open_database()
        meet, ended = asyncio.Barrier(2), asyncio.Event()
        tries: list[int] = []

        def crossing(first: int, second: int):
            async def work(transaction: Transaction) -> None:
                tries.append(first)
                if len(tries) > 2:  # who starts again could overtake the one that waits, and meet it once more
                    await ended.wait()
                await raise_by_one(transaction, first)
                if len(tries) <= 2:  # both hold their first row before either asks for the other's
                    await meet.wait()
                await raise_by_one(transaction, second)

            return work

        async def run(first: int, second: int) -> None:
            await database.run(crossing(first, second))
            ended.set()

        await asyncio.gather(run(1, 2), run(2, 1))
        assert len(tries) == 3
        async with database.transaction() as transaction:
            rows = await transaction.fetch("SELECT value FROM toy.counter")
        assert [row["value"] for row in rows] == [2, 2]

    async def test_the_third_failure_is_the_last(self, open_database):
        database = await open_database()
        tries: list[int] = []

        async def work(transaction: Transaction) -> None:
            tries.append(1)
            await transaction.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")

        with pytest.raises(asyncpg.SerializationError):
            await database.run(work)
        assert len(tries) == 3

    async def test_inside_of_a_transaction_it_is_not_done_again(self, open_database):
        database = await open_database()
        tries: list[int] = []

        async def work(transaction: Transaction) -> None:
            tries.append(1)
            await transaction.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")

        with pytest.raises(asyncpg.SerializationError):
            async with database.transaction():
                await database.run(work)
        assert len(tries) == 1

    async def test_another_fault_is_not_done_again(self, open_database):
        database = await open_database()
        tries: list[int] = []

        async def work(transaction: Transaction) -> None:
            tries.append(1)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await database.run(work)
        assert len(tries) == 1


async def raise_by_one(transaction: Transaction, counter: int) -> None:
    await transaction.execute("UPDATE toy.counter SET value = value + 1 WHERE id = $1", counter)


class TestPiccolo:
    async def test_a_query_outside_of_a_transaction_is_refused(self, open_database):
        await open_database()
        with pytest.raises(OutsideOfTransaction):
            await Counter.select(Counter.value)

    async def test_a_query_runs_on_the_open_transaction(self, open_database):
        database = await open_database()
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE toy.counter SET value = 41 WHERE id = 1")
            assert await Counter.select(Counter.value).where(Counter.id == 1).first() == {"value": 41}
            pid = await Counter.raw("SELECT pg_backend_pid() AS pid")
            assert pid[0]["pid"] == await transaction.fetchval("SELECT pg_backend_pid()")

    async def test_what_it_wrote_is_rolled_back_with_the_transaction(self, open_database):
        database = await open_database()
        with pytest.raises(ZeroDivisionError):
            async with database.transaction():
                await Counter.update({Counter.value: 7}).where(Counter.id == 1)
                raise ZeroDivisionError
        async with database.transaction():
            assert await Counter.select(Counter.value).where(Counter.id == 1).first() == {"value": 0}

    async def test_its_own_transactions_and_batches_are_refused(self, open_database):
        database = await open_database()
        async with database.transaction():
            with pytest.raises(OutsideOfTransaction):
                ENGINE.transaction()
            with pytest.raises(OutsideOfTransaction):
                await Counter.select().batch()


class TestRights:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE masterlinc.audit_event SET outcome = 'other'",
            "DELETE FROM masterlinc.audit_event",
            "TRUNCATE masterlinc.audit_event",
            "DELETE FROM masterlinc.audit_patient",
            "INSERT INTO masterlinc.audit_event (id, xid) VALUES (gen_random_uuid(), '1')",
            "INSERT INTO masterlinc.audit_event (id, at) VALUES (gen_random_uuid(), '2020-01-01')",
            "INSERT INTO masterlinc.audit_event (id, erased) VALUES (gen_random_uuid(), '')",
            "UPDATE masterlinc.idempotency SET organization_id = organization_id",
            "UPDATE masterlinc.idempotency SET principal_id = principal_id",
            "UPDATE masterlinc.event SET payload = '{}'",
            "DELETE FROM masterlinc.event",
            "DELETE FROM masterlinc.workflow",
            "INSERT INTO masterlinc.migration (app, name) VALUES ('toy', '0001')",
            "DROP TABLE toy.thing",
            "CREATE TABLE toy.other (id int)",
            "CREATE TABLE public.other (id int)",
            "CREATE SCHEMA other",
            "ALTER TABLE toy.thing DISABLE ROW LEVEL SECURITY",
            "DROP POLICY toy_thing_tenant ON toy.thing",
            "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "SET ROLE masterlinc_owner",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/passwd')",
        ],
    )
    async def test_the_role_app_may_not(self, open_database, statement):
        database = await open_database()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(frozenset({HERE})) as transaction:
                await transaction.execute(statement)

    async def test_a_partition_of_the_audit_cannot_be_changed_either(self, open_database):
        database = await open_database()
        async with database.transaction() as transaction:
            parts = await transaction.fetch(
                "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
                " WHERE inhparent = 'masterlinc.audit_event'::regclass"
            )
        assert parts
        for part in parts:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with database.transaction(frozenset({HERE})) as transaction:
                    await transaction.execute(f"SELECT * FROM {part['name']}")

    async def test_audit_rows_carry_who_did_it(self, open_database):
        database = await open_database()
        actor = Actor(id=new_id(), kind="user", session_id=new_id(), trace_id="trace")
        patient = new_id()
        async with database.transaction(frozenset({HERE}), actor=actor) as transaction:
            transaction.audit("toy.read", "thing", "1", organization_id=HERE, patient=patient, detail={"why": "care"})
        async with database.transaction(frozenset({HERE})) as transaction:
            row = await transaction.fetchrow("SELECT * FROM masterlinc.audit_event")
            assert (
                await transaction.fetchval("SELECT event_id FROM masterlinc.audit_patient WHERE patient = $1", patient)
                == row["id"]
            )
        assert (row["actor_id"], row["actor_kind"], row["session_id"], row["trace_id"]) == (
            actor.id,
            "user",
            actor.session_id,
            "trace",
        )

    async def test_audit_rows_of_another_organization_are_not_there(self, open_database):
        database = await open_database()
        async with database.transaction(frozenset({HERE})) as transaction:
            transaction.audit("toy.read", "thing", "1", organization_id=THERE, patient=new_id())
        assert await audited(database) == []


@pytest.mark.parametrize("told_before", [False, True])
async def test_a_connection_that_is_lost_is_answered_with_503_and_the_next_one_works(open_database, told_before):
    database = await open_database()
    with pytest.raises((DomainError, asyncpg.PostgresError)) as told:
        async with database.transaction(frozenset({HERE})) as transaction:
            await put(transaction, 901)
            pid = await transaction.fetchval("SELECT pg_backend_pid()")
            async with database.connection() as other:
                await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            if told_before:
                with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError):
                    await transaction.execute("SELECT 1")
            await transaction.execute("SELECT 1")
    assert as_domain_error(told.value).status == 503
    assert 901 not in await things(database)
