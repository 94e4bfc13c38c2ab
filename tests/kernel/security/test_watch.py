"""Keys and revocations in the database, as several processes see them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gates import REALM, Gate

from masterlinc.db import Database
from masterlinc.secrets import Secret
from masterlinc.security import keys, revocation
from masterlinc.security.permissions import Rbac
from masterlinc.security.revocation import Revocations
from masterlinc.security.tokens import TokenRefused, TokenVerifier
from masterlinc.security.watch import refresh, watch
from masterlinc.settings import DatabaseSettings
from masterlinc.testing import NewDatabase


@pytest_asyncio.fixture(loop_scope="session")
async def database(new_database: NewDatabase) -> AsyncIterator[Database]:
    opened = Database(DatabaseSettings(url=Secret((await new_database()).app)))
    await opened.open()
    yield opened
    await opened.close()


async def test_a_revocation_counts_after_its_commit(database: Database, gate: Gate) -> None:
    until = gate.clock.now() + timedelta(minutes=12)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as transaction:
            await gate.revocations.revoke(transaction, [gate.session], until)
            assert gate.session not in gate.revocations
            _ = 1 / 0
    assert gate.session not in gate.revocations
    async with database.transaction() as transaction:
        await gate.revocations.revoke(transaction, [gate.session, gate.session], until)
        await gate.revocations.revoke(transaction, [gate.session], until)
    assert gate.session in gate.revocations
    with pytest.raises(TokenRefused):
        gate.verify(gate.token())


async def test_another_process_follows_commits_in_any_order(database: Database, gate: Gate) -> None:
    now, until, other = gate.clock.now(), gate.clock.now() + timedelta(minutes=12), Revocations()
    early, late = uuid4(), uuid4()
    await other.follow(database, now)
    async with database.connection() as slow:
        outer = slow.transaction()
        await outer.start()
        await slow.execute(
            "INSERT INTO masterlinc.revoked_session (session_id, expires_at) VALUES ($1, $2)", early, until
        )
        async with database.transaction() as transaction:
            await gate.revocations.revoke(transaction, [late], until)
        await other.follow(database, now)
        assert (early in other, late in other) == (False, True)
        await outer.commit()
    await other.follow(database, now)
    assert early in other


async def test_what_has_expired_is_forgotten(database: Database, gate: Gate) -> None:
    async with database.transaction() as transaction:
        await gate.revocations.revoke(transaction, [gate.session], gate.clock.now() + timedelta(minutes=12))
    gate.clock.moment += timedelta(minutes=13)
    await gate.revocations.follow(database, gate.clock.now())
    assert len(gate.revocations) == 0
    fresh = Revocations()
    await fresh.follow(database, gate.clock.now())
    assert len(fresh) == 0
    gate.clock.moment += timedelta(minutes=10)
    await revocation.purge(database, gate.clock.now())
    async with database.transaction() as transaction:
        assert await transaction.fetchval("SELECT count(*) FROM masterlinc.revoked_session") == 0


async def test_19_keys_are_trusted_until_they_are_retired(database: Database, gate: Gate) -> None:
    now, private = gate.clock.now(), Ed25519PrivateKey.generate()
    async with database.transaction() as transaction:
        kid = await keys.publish(transaction, private, now)
        await keys.retire(transaction, kid, now + timedelta(minutes=5))
        await keys.retire(transaction, kid, now + timedelta(hours=5))  # never longer
    assert set(await keys.load(database, now)) == {kid}
    assert set(await keys.load(database, now + timedelta(minutes=4, seconds=59))) == {kid}
    assert await keys.load(database, now + timedelta(minutes=5)) == {}


async def test_the_application_cannot_exchange_a_key(database: Database, gate: Gate) -> None:
    async with database.transaction() as transaction:
        await keys.publish(transaction, gate.private, gate.clock.now())
    for statement in (
        "UPDATE masterlinc.token_key SET public_key = decode(repeat('00', 32), 'hex')",
        "UPDATE masterlinc.token_key SET kid = 'another key of mine'",
        "DELETE FROM masterlinc.token_key",
        "UPDATE masterlinc.revoked_session SET expires_at = now()",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction() as transaction:
                await transaction.execute(statement)


async def test_a_process_follows_by_itself(database: Database, gate: Gate) -> None:
    revocations = Revocations()
    verifier = TokenVerifier(REALM, Rbac({}), revocations, gate.clock)
    async with watch(database, verifier, revocations, gate.clock, every=0.01):
        assert dict(verifier.keys) == {}
        async with database.transaction() as transaction:
            await keys.publish(transaction, gate.private, gate.clock.now())
        async with asyncio.timeout(5):
            while gate.key.kid not in verifier.keys:
                await asyncio.sleep(0.01)
        token = gate.token()
        verifier.verify(token)
        async with database.transaction() as transaction:
            await gate.revocations.revoke(transaction, [gate.session], gate.clock.now() + timedelta(minutes=12))
        async with asyncio.timeout(5):
            while gate.session not in revocations:
                await asyncio.sleep(0.01)
        with pytest.raises(TokenRefused):
            verifier.verify(token)


async def count_revoked(database: Database) -> int:
    async with database.transaction() as transaction:
        return int(await transaction.fetchval("SELECT count(*) FROM masterlinc.revoked_session"))


async def test_old_revocations_are_deleted_now_and_then(
    database: Database, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("masterlinc.security.watch._PURGE_EVERY", 2)
    async with database.transaction() as transaction:
        await gate.revocations.revoke(transaction, [gate.session], gate.clock.now() - timedelta(minutes=11))
    assert await count_revoked(database) == 1
    async with watch(database, gate.verifier, gate.revocations, gate.clock, every=0.01), asyncio.timeout(5):
        while await count_revoked(database):
            await asyncio.sleep(0.01)
    assert await count_revoked(database) == 0


async def test_what_is_revoked_stays_so_while_the_database_is_away(
    database: Database, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.revocations.add(gate.session, gate.clock.now() + timedelta(minutes=12))
    async with watch(database, gate.verifier, gate.revocations, gate.clock, every=0.01):
        await database.close()
        async with asyncio.timeout(5):
            while "could not be read" not in caplog.text:
                await asyncio.sleep(0.01)
        assert gate.session in gate.revocations
    await database.open()
    await refresh(database, gate.verifier, gate.revocations, gate.clock)
