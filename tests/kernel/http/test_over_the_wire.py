"""What only raw sockets on a real server show: bodies that drip, never end or lie, and the connection afterwards."""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress

import pytest
import pytest_asyncio

APP = """
import asyncio, sys
from typing import Any
from litestar import Litestar, post
from litestar.config.app import AppConfig
from litestar.params import JSONBody
from masterlinc import server
from masterlinc.http import install
from masterlinc.server import serve_embedded
from masterlinc.settings import HttpSettings

@post("/")
async def echo(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


server.HEADER_MILLISECONDS = 300
app = Litestar.from_config(install(
    AppConfig(route_handlers=[echo], openapi_config=None), HttpSettings(max_body_bytes=100_000, body_seconds=0.3)
))
asyncio.run(serve_embedded(app, "127.0.0.1", int(sys.argv[1]), ready=lambda: print("ready", flush=True)))
"""
HEAD = "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = tmp_path_factory.mktemp("server") / "served.py"
    path.write_text(APP)
    child = subprocess.Popen([sys.executable, path, str(port)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    yield port
    child.terminate()
    child.wait(10)
    child.stdout.close()


@pytest_asyncio.fixture(loop_scope="session")
async def connect(server):
    writers = []

    async def open_():
        reader, writer = await asyncio.open_connection("127.0.0.1", server)
        writers.append(writer)
        return reader, writer

    yield open_
    for writer in writers:
        writer.close()


async def answer(reader):
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().lower()
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length"))
    body = await reader.readexactly(length)
    return int(head.split()[1]), head, json.loads(body) if body else None


async def is_closed(reader):
    return await asyncio.wait_for(reader.read(), 10) == b""


async def test_a_body_that_drips_is_cut_and_the_connection_closed(connect):
    reader, writer = await connect()
    writer.write(f"{HEAD}Content-Length: 50\r\n\r\n{{".encode())
    status, head, problem = await answer(reader)
    assert (status, problem["code"]) == (408, "timed-out")
    assert "connection: close" in head
    assert await is_closed(reader)


async def test_attack_80_an_endless_chunked_body_is_cut_at_its_limit(connect):
    reader, writer = await connect()
    writer.write(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
    for _ in range(30):
        writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
    status, _, problem = await answer(reader)
    assert (status, problem["code"]) == (413, "too-large")
    assert await is_closed(reader)


async def test_attack_80_an_announced_size_beyond_the_limit_is_refused_before_a_byte_comes(connect):
    reader, writer = await connect()
    writer.write(f"{HEAD}Content-Length: 100001\r\n\r\n".encode())
    status, _, problem = await answer(reader)
    assert (status, problem["code"]) == (413, "too-large")


async def test_attack_80_less_than_was_announced_is_no_request(connect, server):
    reader, writer = await connect()
    writer.write(f"{HEAD}Content-Length: 50\r\n\r\n{{}}".encode())
    writer.write_eof()
    assert b"HTTP/1.1 2" not in await asyncio.wait_for(reader.read(), 10)


async def test_every_answer_has_the_headers_and_requests_do_not_mix(connect):
    async def one(number):
        reader, writer = await connect()
        trace = f"{number + 1:032x}"
        body = json.dumps({"n": number})
        writer.write(
            f"{HEAD}traceparent: 00-{trace}-b7ad6b7169203331-01\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        status, head, echoed = await answer(reader)
        assert (status, echoed) == (201, {"n": number})
        assert f"trace-id: {trace}" in head
        assert "x-content-type-options: nosniff" in head
        assert "server: granian/" not in head

    await asyncio.gather(*(one(number) for number in range(50)))


async def test_a_connection_is_used_again_after_an_error(connect):
    reader, writer = await connect()
    for _ in range(3):
        writer.write(f"{HEAD}Content-Length: 1\r\n\r\n{{".encode())
        status, _, problem = await answer(reader)
        assert (status, problem["code"]) == (400, "malformed")
        writer.write(b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n")
        assert (await answer(reader))[0] == 404


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"
CHUNK = b"2\r\n{}\r\n0\r\n\r\n"


async def everything(reader):
    """What comes until the server closes; it may do so while we still write."""
    with suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 10)
    return b""


async def check_alive(connect):
    reader, writer = await connect()
    writer.write(f"{HEAD}Content-Length: 2\r\n\r\n{{}}".encode())
    assert (await answer(reader))[0] == 201


@pytest.mark.parametrize(
    "message",
    [
        HEAD.encode() + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}" + SMUGGLED,
        HEAD.encode() + b"Content-Length: 2, 4\r\n\r\n{}" + SMUGGLED,
        HEAD.encode() + b"Content-Length: +2\r\n\r\n{}" + SMUGGLED,
        HEAD.encode() + b"Content-Length: 0x2\r\n\r\n{}" + SMUGGLED,
        HEAD.encode() + b"Content-Length: 99999999999999999999\r\n\r\n{}" + SMUGGLED,
        HEAD.encode() + b"Content-Length : 2\r\n\r\n{}" + SMUGGLED,
        HEAD.encode() + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNK + SMUGGLED,
        HEAD.encode() + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNK + SMUGGLED,
        HEAD.encode() + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNK + SMUGGLED,
        HEAD.encode() + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNK + SMUGGLED,
        HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
        HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
        HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}" + SMUGGLED,
        b"POST / HTTP/1.1\r\nHost: test\r\nX: a\r\n folded: b\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED,
        b"POST / HTTP/1.1\r\nHost: test\r\nX: a\rContent-Length: 9\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED,
        b"POST / HTTP/1.1\r\nHost: te\x00st\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED,
        b"POST / HTTP/9.9\r\nHost: test\r\nContent-Length: 2\r\n\r\n{}" + SMUGGLED,
        b"POST /\x01 HTTP/1.1\r\nHost: test\r\n\r\n" + SMUGGLED,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SMUGGLED,
    ],
    ids=lambda message: ascii(message[len(HEAD) - 20 : len(HEAD) + 45]),
)
async def test_case_085_a_message_of_two_meanings_is_refused_and_nothing_behind_it_served(connect, message):
    reader, writer = await connect()
    writer.write(message)
    with suppress(OSError):
        writer.write_eof()
    got = await everything(reader)
    assert b"HTTP/1.1 2" not in got
    assert b"smuggled" not in got
    assert got.count(b"HTTP/1.1 ") <= 1 or got.count(b" 400 ") == got.count(b"HTTP/1.1 ")
    await check_alive(connect)


async def test_case_085_with_length_and_chunks_only_one_request_is_seen(connect):
    """RFC 9112 has the chunks win; what stands behind them must not become a request."""
    reader, writer = await connect()
    writer.write(HEAD.encode() + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK + SMUGGLED)
    got = await everything(reader)
    assert got.count(b"HTTP/1.1 ") == 1
    await check_alive(connect)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: test\r\n\r\n",
        b"GET /?" + b"a=1&" * 20_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: test\r\nX: " + b"a" * 700_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X: a\r\n" * 5_000 + b"\r\n",
    ],
    ids=["path", "query", "header", "headers"],
)
async def test_case_087_what_is_too_long_is_refused_and_the_server_lives(connect, head):
    reader, writer = await connect()
    writer.write(head)
    status = (await asyncio.wait_for(reader.readline(), 10)).split()
    assert status == [] or 400 <= int(status[1]) < 500
    await check_alive(connect)


async def test_case_088_who_waits_for_leave_to_send_a_body_gets_an_answer(connect):
    reader, writer = await connect()
    writer.write(f"{HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n".encode())
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 100")
    writer.write(b"{}")
    assert (await answer(reader))[0] == 201
    writer.write(f"{HEAD}Expect: the-spanish-inquisition\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    assert (await answer(reader))[0] < 500


@pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "Cookie", "Authorization", "traceparent", "X-Anything"])
async def test_case_089_raw_bytes_in_headers_leave_the_server_alive(connect, name):
    for value in (b"\xff\xfe", "سلمى".encode(), b"\x80" * 1_000, b"a\x7fb"):
        for upgrade in (b"", b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"):
            reader, writer = await connect()
            key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            writer.write(
                b"GET / HTTP/1.1\r\nHost: test\r\n" + upgrade + key + name.encode() + b": " + value + b"\r\n\r\n"
            )
            status = (await asyncio.wait_for(reader.readline(), 10)).split()
            assert status == [] or 400 <= int(status[1]) < 500
    await check_alive(connect)


async def test_case_138_a_slow_header_is_cut_and_the_connection_closed(connect):
    reader, writer = await connect()
    writer.write(b"POST / HTTP/1.1\r\nHost: te")
    assert b"HTTP/1.1 2" not in await everything(reader)  # everything: until the server has closed


async def test_case_138_hundreds_of_half_requests_do_not_keep_others_out(connect):
    half = [await connect() for _ in range(300)]
    for number, (_, writer) in enumerate(half):
        writer.write(b"POST / HTTP/1.1\r\nHo" if number % 2 else f"{HEAD}Content-Length: 9\r\n\r\n{{".encode())
    for _ in range(5):
        await check_alive(connect)
    for reader, _ in half:
        assert b"HTTP/1.1 2" not in await everything(reader)


async def test_a_request_of_http_1_0_without_a_host_is_answered_and_closed(connect):
    reader, writer = await connect()
    writer.write(b"GET /nowhere HTTP/1.0\r\n\r\n")
    assert b" 404 " in await everything(reader)
