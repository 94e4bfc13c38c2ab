"""The kernel's own tables and migrations, by the rules that agents are held to (test_conformance.py)."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

import masterlinc
from masterlinc.agent import Agent
from masterlinc.conformance import tables
from masterlinc.conformance.migrations import Stored, misnumbered
from masterlinc.conformance.subject import Allowed, Subject
from masterlinc.db.migrate import KERNEL, folders_of
from masterlinc.kernel_agent import KERNEL as KERNEL_AGENT
from masterlinc.registry import discover
from masterlinc.testing import NewDatabase

# Tables without row-level security: they hold keys, counters and ids of work, never a person or a claim.
OPEN = {
    "masterlinc.aggregate",
    "masterlinc.audit_key",
    "masterlinc.audit_seal",
    "masterlinc.blind_key",
    "masterlinc.data_key",
    "masterlinc.delivery",
    "masterlinc.event",
    "masterlinc.migration",
    "masterlinc.partitioned_table",
    "masterlinc.process",
    "masterlinc.replay",
    "masterlinc.revoked_session",
    "masterlinc.schedule",
    "masterlinc.stream",
    "masterlinc.subscription",
    "masterlinc.token_key",
    "masterlinc.workflow",
    "masterlinc.workflow_note",
    "masterlinc.workflow_step",
}

# Tables under row-level security whose key does not lead with the organization.
OWN_KEY = {
    "masterlinc.audit_event",  # partitioned by time; sealed in that order; some is done before anybody is known
    "masterlinc.audit_patient",  # read by patient
}


def excused(names: set[str]) -> dict[str, str]:
    return {name.removeprefix(f"{KERNEL}."): "see above" for name in names}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kernel(new_database: NewDatabase) -> AsyncIterator[Stored]:
    """The kernel's tables, in a database with every agent's."""
    urls = await new_database()
    owner = await asyncpg.connect(urls.owner)
    agent = Agent(KERNEL, "MasterLinc", "ماستر لينك", masterlinc.__version__, ">=0", sealed=KERNEL_AGENT.sealed)
    allowed = Allowed(open_tables=excused(OPEN), own_keys=excused(OWN_KEY))
    subject = Subject(agent, Path(masterlinc.__file__).parent, Path(), {}, allowed)
    yield Stored(subject, urls, owner, frozenset(), new_database)
    await owner.close()


@pytest.mark.parametrize("rule", tables.RULES, ids=lambda rule: rule.__name__)
async def test_the_kernel_s_tables_keep_the_rules_of_agents(rule, kernel):
    assert [fault async for fault in rule(kernel)] == []


async def test_the_kernel_s_tables_are_looked_at(kernel):
    names = {row["name"] for row in await tables.rows(kernel, tables.TABLES)}
    assert {one.removeprefix("masterlinc.") for one in OPEN | OWN_KEY} <= names


def test_the_kernel_s_migrations_are_numbered():
    folder = folders_of([])[0]
    assert folder.app == KERNEL
    assert list(misnumbered(folder)) == []


async def test_every_table_is_in_the_schema_of_the_kernel_or_of_its_agent(kernel):
    query = "SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
    schemas = {row[0] for row in await kernel.owner.fetch(query)}
    assert schemas <= {KERNEL, *(agent.name for agent in discover()[0])}


def test_the_agents_that_query_with_piccolo_declare_their_tables():
    assert {"authlinc", "doctorlinc", "policylinc"} <= {agent.name for agent in discover()[0] if agent.tables}
