"""Work side by side in one transaction answers as it would alone, in few round trips."""

import asyncio

import asyncpg
import pytest
import pytest_asyncio

from masterlinc.db.abreast import NotAbreast, abreast
from masterlinc.db.engine import CURRENT
from masterlinc.ids import new_id


@pytest_asyncio.fixture(loop_scope="session")
async def table(services):
    """A temporary table would be gone with its connection; this one goes with the test."""
    name = f"masterlinc.t{new_id().hex}"
    owner = await asyncpg.connect(services.settings.database.owner_url.reveal())
    await owner.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, text text, n int)")
    await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO masterlinc_app")
    try:
        yield name
    finally:
        await owner.execute(f"DROP TABLE {name}")
        await owner.close()


def works(count, work):
    return [lambda tx, number=number: work(tx, number) for number in range(count)]


async def test_each_piece_is_answered_with_its_own_rows(services, table):
    async with services.db.transaction() as tx:
        await tx.executemany(f"INSERT INTO {table} VALUES ($1, $2, $3)", [(n, f"t{n}", n % 3) for n in range(10)])

        async def read(tx, number):
            several = await tx.fetch(f"SELECT id, text FROM {table} WHERE n = $1 ORDER BY id DESC", number)
            one = await tx.fetchrow(f"WITH x AS (SELECT * FROM {table}) SELECT * FROM x WHERE id = $1", number * 2)
            none = await tx.fetchrow(f"SELECT * FROM {table} WHERE id = $1", -number - 1)
            value = await tx.fetchval(f"SELECT text FROM {table} WHERE id = $1 FOR UPDATE", number)
            return [row["id"] for row in several], dict(one), none, value

        answers = await abreast(tx, works(4, read))
    for number, (several, one, none, value) in enumerate(answers):
        assert several == [n for n in range(9, -1, -1) if n % 3 == number]
        assert one == {"id": number * 2, "text": f"t{number * 2}", "n": number * 2 % 3}
        assert (none, value) == (None, f"t{number}")


async def test_a_row_is_read_in_every_way_without_the_place_in_it(services):
    async def read(tx, number):
        return await tx.fetchrow("SELECT $1::int AS a, 'x' AS b", number)

    async with services.db.transaction() as tx:
        for number, row in enumerate(await abreast(tx, works(2, read))):
            assert (row["a"], row[0], row[-1], row.get("a"), row.get("c", 1)) == (number, number, "x", number, 1)
            assert (list(row), len(row), row.values(), row.keys()) == ([number, "x"], 2, [number, "x"], ["a", "b"])
            assert dict(row.items()) == {**row} == {"a": number, "b": "x"}


@pytest.mark.parametrize("count", [1, 3, 4, 17, 90])
async def test_writes_of_all_are_there(services, table, count):
    async def write(tx, number):
        assert await tx.execute(f"INSERT INTO {table} (id, text) VALUES ($1, $2)", number, f"a{number}") == "INSERT 0 1"
        await tx.executemany(
            f"INSERT INTO {table} (id, text, n) VALUES ($1, $2, $3)",
            [(1000 + number * 3 + more, "b", more) for more in range(number % 3)],
        )
        changed = await tx.execute(f"UPDATE {table} SET n = 7 WHERE id = $1 AND $1 % 2 = 0", number)
        made = await tx.fetchval(
            f"INSERT INTO {table} (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id", 5000 + number // 2
        )
        await tx.execute(f"SELECT FROM {table} WHERE id = $1 FOR UPDATE", number)
        return changed, made

    async with services.db.transaction() as tx:
        answers = await abreast(tx, works(count, write))
        rows = await tx.fetch(f"SELECT id, text, n FROM {table} WHERE id < 5000 ORDER BY id")
    assert answers == [
        (f"UPDATE {1 - number % 2}", None if number % 2 else 5000 + number // 2) for number in range(count)
    ]
    own = [(number, f"a{number}", None if number % 2 else 7) for number in range(count)]
    more = [(1000 + number * 3 + place, "b", place) for number in range(count) for place in range(number % 3)]
    assert [tuple(row) for row in rows] == own + more


async def test_many_take_few_round_trips_and_equal_questions_one(services, table, statements):
    async def work(tx, number):
        await tx.fetchval(f"SELECT count(*) FROM {table} WHERE id = ANY ($1::int[])", [1, 2])
        await tx.execute(f"INSERT INTO {table} (id) VALUES ($1)", number)

    async with services.db.transaction() as tx:
        with statements() as sent:
            await abreast(tx, works(64, work))
    assert len(sent) <= 2


async def test_nested_transactions_audit_rows_events_and_hooks_come_in_order(services):
    told, home = [], new_id()

    async def work(tx, number):
        async with services.db.transaction(tx.organizations) as inner:
            assert inner is tx is CURRENT.get()
            await inner.fetchval("SELECT $1::int", number)
            inner.audit("test.abreast", "test", str(number), organization_id=home)
            inner.on_commit(lambda: told.append(number))
        return number

    async with services.db.transaction(frozenset({home})) as tx:
        assert await abreast(tx, works(3, work)) == [0, 1, 2]
        assert CURRENT.get() is tx
        assert told == []
    assert told == [0, 1, 2]
    async with services.db.transaction(frozenset({home})) as tx:
        rows = await tx.fetch(
            "SELECT resource_id FROM masterlinc.audit_event WHERE organization_id = $1 ORDER BY id", home
        )
    assert [row["resource_id"] for row in rows] == ["0", "1", "2"]


async def test_a_fault_of_one_is_a_fault_of_all(services, table):
    async def work(tx, number):
        await tx.execute(f"INSERT INTO {table} (id) VALUES ($1)", number)
        if number == 1:
            raise ValueError("one")
        await tx.execute(f"INSERT INTO {table} (id) VALUES ($1)", 100 + number)

    with pytest.raises(ValueError, match="one"):
        async with services.db.transaction() as tx:
            await abreast(tx, works(3, work))
    async with services.db.transaction() as tx:
        assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_what_cannot_be_done_side_by_side_is_refused(services):
    async def elsewhere(tx, number):
        async with services.db.transaction(frozenset({new_id()})):
            return number

    async def undone(tx, number):
        async with services.db.transaction(tx.organizations):
            raise ValueError(number)

    async def waits(tx, number):
        await asyncio.Event().wait()

    for work in (elsewhere, undone, waits):
        with pytest.raises(NotAbreast):
            async with services.db.transaction() as tx:
                await abreast(tx, works(2, work))


async def test_no_work_is_no_answer(services):
    async with services.db.transaction() as tx:
        assert await abreast(tx, []) == []


async def test_a_wide_row_is_written_though_no_statement_holds_many(services, table):
    text = ", ".join(f"${number}::int" for number in range(1, 400))

    async def work(tx, number):
        await tx.execute(f"INSERT INTO {table} (id) VALUES (greatest({text}))", *[number] * 399)
        await tx.execute(f"INSERT INTO {table} (id, text) VALUES ($1, '{'x' * 4000}')", number + 50)

    async with services.db.transaction() as tx:
        await abreast(tx, works(5, work))
        assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 10
