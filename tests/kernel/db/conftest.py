from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest_asyncio

from masterlinc.db import Database
from masterlinc.db.ddl import schema, tenant_table_policy
from masterlinc.secrets import Secret
from masterlinc.settings import DatabaseSettings
from masterlinc.testing import DatabaseUrls, NewDatabase

OpenDatabase = Callable[..., Awaitable[Database]]

TOY = f"""
{schema("toy")}
CREATE TABLE toy.thing (organization_id uuid NOT NULL, id int NOT NULL, PRIMARY KEY (organization_id, id));
{tenant_table_policy("toy.thing", grants="SELECT, INSERT, UPDATE")}
CREATE TABLE toy.parent (id int PRIMARY KEY);
CREATE TABLE toy.child (parent int NOT NULL REFERENCES toy.parent (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE toy.counter (id int PRIMARY KEY, value int NOT NULL);
INSERT INTO toy.counter VALUES (1, 0), (2, 0);
GRANT SELECT, INSERT, UPDATE ON toy.parent, toy.child, toy.counter TO masterlinc_app;
"""


@pytest_asyncio.fixture(loop_scope="session")
async def urls(new_database: NewDatabase) -> DatabaseUrls:
    """A database with a few tables of a toy agent."""
    addresses = await new_database()
    owner = await asyncpg.connect(addresses.owner)
    try:
        await owner.execute(TOY)
    finally:
        await owner.close()
    return addresses


@pytest_asyncio.fixture(loop_scope="session")
async def open_database(urls: DatabaseUrls) -> AsyncIterator[OpenDatabase]:
    """Open a pool on the toy database as the role `app`."""
    opened: list[Database] = []

    async def make(**settings: float) -> Database:
        database = Database(DatabaseSettings(url=Secret(urls.app), **settings))
        await database.open()
        opened.append(database)
        return database

    yield make
    for database in opened:
        await database.close()
