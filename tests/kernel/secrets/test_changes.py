"""Secrets that change while the system runs: nobody who asks meanwhile is refused."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from masterlinc.ids import new_id
from masterlinc.secrets import Secret
from masterlinc.secrets.keeper import Keeper
from masterlinc.settings import RedisSettings, RedisUrl, Settings, VaultSettings
from masterlinc.testing import MASTER_KEY, NewDatabase, RunApp, Running, bearer, client_of
from masterlinc.testing_servers import start_valkey
from masterlinc.wake import CHANNEL, listen

ALONE = {name: {"enabled": False} for name in ("claimlinc", "nphieslinc", "policylinc", "doctorlinc", "sbslinc")}
OTHER_KEY = base64.b64encode(bytes(range(50, 82))).decode()


def kept(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(f"{text}\n", encoding="utf-8")
    return f"file:{path}"


@pytest.fixture
async def login(postgres: Any, new_database: NewDatabase) -> AsyncIterator[tuple[Any, Any]]:
    """A role of this test's own with the rights of `app`, and how to change its password and its address."""
    urls, name = await new_database(), f"r{new_id().hex}"
    admin = await asyncpg.connect(postgres.dsn("superuser", "postgres"))
    await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'first' IN ROLE masterlinc_app")

    def address(password: str) -> str:
        user, _, rest = urls.app.partition("@")
        return f"{user.partition('://')[0]}://{name}:{password}@{rest}"

    async def change(password: str) -> None:
        await admin.execute(f"ALTER ROLE {name} PASSWORD '{password}'")

    yield address, change
    await admin.close()


@asynccontextmanager
async def asked_meanwhile(running: Running, principal: Any) -> AsyncIterator[list[int]]:
    """Ask for what the database knows, over and over, while the block runs."""
    statuses: list[int] = []
    enough = asyncio.Event()

    async def ask(http: httpx.AsyncClient) -> None:
        while not enough.is_set():
            answer = await http.get("/api/v1/events/subscriptions", headers=bearer(running, principal))
            statuses.append(answer.status_code)

    async with client_of(running) as http:
        tasks = [asyncio.create_task(ask(http)) for _ in range(4)]
        yield statuses
        enough.set()
        await asyncio.gather(*tasks)


async def answered(statuses: list[int], more: int) -> None:
    wanted = len(statuses) + more
    while len(statuses) < wanted:
        await asyncio.sleep(0)


async def pids(running: Running) -> set[int]:
    async with running.services.db.connection() as connection:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE usename = current_user AND application_name = 'masterlinc'"
        )
    return {row["pid"] for row in rows}


@pytest.mark.parametrize("noticed", [True, False], ids=["the file is looked at first", "the old password comes first"])
async def test_a_changed_database_password_loses_no_request(login, run_app: RunApp, tmp_path, make_principal, noticed):
    address, change = login
    secret = Secret(kept(tmp_path / "url", address("first")))
    secret.take(address("first"))

    def configure(settings: Settings) -> None:
        settings.database.url = secret

    running = await run_app(configure=configure, **ALONE)
    async with asked_meanwhile(running, make_principal("operator_admin", "admin", "auditor")) as statuses:
        await answered(statuses, 20)
        before = await pids(running)
        await change("second")
        kept(tmp_path / "url", address("second"))
        if noticed:
            await running.services.secrets.look()
        else:
            await running.services.db._pool.expire_connections()
        await answered(statuses, 60)
        assert secret.reveal() == address("second")
        assert not before & await pids(running)
    assert set(statuses) == {200}


async def test_a_password_that_was_not_told_is_a_503_of_few_words(login, run_app: RunApp, tmp_path, make_principal):
    address, change = login
    secret = Secret(kept(tmp_path / "url", address("first")))
    secret.take(address("first"))

    def configure(settings: Settings) -> None:
        settings.database.url = secret

    running = await run_app(configure=configure, **ALONE)
    await change("second")
    await running.services.db._pool.expire_connections()
    async with client_of(running) as http:
        headers = bearer(running, make_principal("admin"))
        for _ in range(12):  # each connection of before serves once more
            refused = await http.get("/api/v1/events/subscriptions", headers=headers)
        assert refused.status_code == 503
        assert "password" not in refused.text
        kept(tmp_path / "url", address("second"))
        assert (await http.get("/api/v1/events/subscriptions", headers=headers)).status_code == 200


async def test_another_redis_is_listened_to_and_told(tmp_path):
    one, two = (start_valkey(tmp_path, tmp_path / name) for name in ("one", "two"))
    url, woken = RedisUrl(kept(tmp_path / "url", one.url)), asyncio.Event()
    url.take(one.url)
    keeper = Keeper(VaultSettings(), [("", [url])])
    try:
        async with listen(RedisSettings(url=url), woken.set), asyncio.timeout(20):
            from redis.asyncio import Redis

            async with Redis.from_url(one.url) as first, Redis.from_url(two.url) as second:
                await _heard(first, woken)
                kept(tmp_path / "url", two.url)
                await keeper.look()
                await _heard(second, woken)
                assert await first.publish(CHANNEL, b"") == 0
    finally:
        one.stop()
        two.stop()


async def _heard(redis: Any, woken: asyncio.Event) -> None:
    """Ring until the listener hears: it subscribes when it comes to it."""
    woken.clear()
    while not woken.is_set():
        await redis.publish(CHANNEL, b"")
        await asyncio.sleep(0.01)


async def test_another_master_key_is_taken_up_when_the_former_one_is_still_known(
    new_database: NewDatabase, run_app: RunApp, tmp_path, caplog
):
    current, former = (Secret(kept(tmp_path / name, MASTER_KEY)) for name in ("current", "former"))
    current.take(MASTER_KEY)
    former.take(MASTER_KEY)

    def configure(settings: Settings) -> None:
        settings.security.master_key, settings.security.former_master_keys = current, [former]

    urls = await new_database()
    running = await run_app(urls, configure=configure, **ALONE)
    services, home = running.services, new_id()
    old = services.vault.ring.masters.current
    sealed = services.vault.seal(home, "x", b"1")
    kept(tmp_path / "current", "no key at all")
    await services.secrets.look()
    services.keys.take_masters()
    assert "it is not base64" in caplog.text
    kept(tmp_path / "former", OTHER_KEY)
    kept(tmp_path / "current", OTHER_KEY)
    await services.secrets.look()
    services.keys.take_masters()
    assert "a former master key is still needed" in caplog.text
    assert services.vault.ring.masters.current == old
    kept(tmp_path / "former", MASTER_KEY)
    await services.secrets.look()
    services.keys.take_masters()
    assert services.vault.ring.masters.current != old
    assert services.vault.open(home, "x", sealed) == b"1"
    other = new_id()
    assert services.vault.open(other, "x", services.vault.seal(other, "x", b"2")) == b"2"
    async with services.db.transaction():
        pass  # nothing sealed is written here, and yet the key of it is
    rows = await services.db.alone("SELECT DISTINCT master_id FROM masterlinc.data_key")
    assert {row["master_id"] for row in rows} == {old, services.vault.ring.masters.current}
    for text in (MASTER_KEY, OTHER_KEY):
        assert text not in caplog.text
