"""Searches are led by an index, also under row-level security: planned as the role `app`, over enough rows."""

import re

import asyncpg
import pytest
import pytest_asyncio

from auditlinc import queries
from auditlinc.queries import Wanted
from masterlinc.db import Database
from masterlinc.ids import new_id
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings

HOME, PATIENT, ACTOR = new_id(), new_id(), new_id()
SCOPE = frozenset({HOME})
_FILL = """
WITH rows AS (
    INSERT INTO masterlinc.audit_event (id, organization_id, actor_id, actor_kind, trace_id, action, resource,
        resource_id, patient, outcome, detail)
    SELECT (substr(masterlinc.lowest_id(now() - interval '1 minute' * n)::text, 1, 14)
            || substr(gen_random_uuid()::text, 15))::uuid,
        CASE WHEN n % 3 = 0 THEN $1::uuid ELSE md5((n % 50)::text)::uuid END,
        CASE WHEN n % 500 = 0 THEN $2::uuid ELSE md5('a' || n % 300)::uuid END, 'user', md5(n::text),
        'action.' || n % 200, 'patient', 'R-' || n,
        CASE WHEN n % 400 = 0 THEN $3::uuid ELSE md5('p' || n % 5000)::uuid END,
        CASE WHEN n % 200 = 0 THEN 'refused' ELSE 'ok' END, '{}'
    FROM generate_series(1, 30000) AS n RETURNING id, patient, organization_id)
INSERT INTO masterlinc.audit_patient SELECT patient, id, organization_id FROM rows
"""

# Parts that a plan may not read whole; those of months that have hardly a row cost nothing.
_LARGE = "SELECT relname FROM pg_class WHERE relname ~ '^audit_(event|patient)' AND relkind = 'r' AND reltuples > 2000"

SEARCHES = {
    "by patient": Wanted(organizations=SCOPE, patient=PATIENT),
    "by patient, of everybody": Wanted(organizations=None, patient=PATIENT),
    "by actor": Wanted(organizations=SCOPE, actor=ACTOR),
    "by actor, of everybody": Wanted(organizations=None, actor=ACTOR),
    "by action": Wanted(organizations=SCOPE, action="action.7"),
    "by resource": Wanted(organizations=SCOPE, resource_id="R-77"),
    "by outcome": Wanted(organizations=SCOPE, outcome="refused"),
    "the newest": Wanted(organizations=SCOPE),
    "the newest of everybody": Wanted(organizations=None),
}


class Explaining:
    """A transaction that asks for the plan of what it is told to fetch."""

    def __init__(self, transaction):
        self._transaction = transaction
        self.plan = ""

    async def fetch(self, query, *arguments):
        rows = await self._transaction.fetch(f"EXPLAIN {query}", *arguments)
        self.plan = "\n".join(row[0] for row in rows)
        return []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(new_database):
    urls = await new_database()
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(_FILL, HOME, ACTOR, PATIENT)
    await owner.execute("ANALYZE")
    large = {row[0] for row in await owner.fetch(_LARGE)}
    await owner.close()
    database = Database(DatabaseSettings(url=Secret(urls.app)))
    await database.open()
    yield database, large
    await database.close()


async def plan(filled, ask, *, everywhere):
    async with filled[0].transaction(SCOPE) as transaction:
        if everywhere:
            await queries.look_everywhere(transaction)
        explaining = Explaining(transaction)
        await ask(explaining)
        return explaining.plan


def read_whole(filled, found):
    return {name for name in re.findall(r"Seq Scan on (\w+)", found) if name in filled[1]}


def test_the_tables_are_large_enough_to_tell(filled):
    assert len(filled[1]) >= 2


@pytest.mark.parametrize("name", SEARCHES)
async def test_no_search_reads_a_whole_table(filled, name):
    wanted = SEARCHES[name]
    found = await plan(filled, lambda tx: queries.events(tx, wanted), everywhere=wanted.organizations is None)
    assert read_whole(filled, found) == set(), found
    assert "Index" in found, found


@pytest.mark.parametrize("everywhere", [False, True])
async def test_who_saw_a_patient_is_led_by_the_patient(filled, everywhere):
    found = await plan(filled, lambda tx: queries.viewers(tx, PATIENT), everywhere=everywhere)
    assert read_whole(filled, found) == set(), found
    assert "audit_patient_pkey" in found, found
