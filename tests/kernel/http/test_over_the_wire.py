"""What only raw sockets on a real server show: bodies that drip, never end or lie, and the connection afterwards."""

import asyncio
import json
import subprocess
import sys

import pytest
import pytest_asyncio

APP = """
import asyncio, sys
from typing import Any
from litestar import Litestar, post
from litestar.config.app import AppConfig
from litestar.params import JSONBody
from masterlinc.http import install
from masterlinc.server import serve_embedded
from masterlinc.settings import HttpSettings

@post("/")
async def echo(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


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
