import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError  # noqa: A004

from masterlinc.testing_servers import start_test_postgres, start_valkey


async def test_postgres_for_tests_is_removed_when_it_stops(tmp_path):
    server = await start_test_postgres(tmp_path)
    place = server._data.parent
    connection = await asyncpg.connect(server.dsn("owner"))
    assert await connection.fetchval("SELECT current_setting('fsync')") == "off"
    await connection.close()
    await server.stop()
    assert not place.exists()


async def test_valkey_answers_on_its_socket_and_goes(tmp_path):
    server = start_valkey(tmp_path)
    client = Redis.from_url(server.url)
    assert await client.ping()
    await client.aclose()
    server.stop()
    with pytest.raises(ConnectionError):
        await Redis.from_url(server.url).ping()
