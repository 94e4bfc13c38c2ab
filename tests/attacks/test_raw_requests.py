"""Attack cases that only raw bytes on a real server show: requests that two readers would cut differently."""

import asyncio
from contextlib import suppress

import pytest
from test_over_the_wire import HEAD, answer

SECOND = b"GET /smuggled HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
QUIET_SECONDS = 1.0  # where the server keeps the connection, this long without a byte is the end of what it says
BODY = b'{"n": 1}'


async def everything(reader) -> bytes:
    said = b""
    with suppress(TimeoutError):
        while part := await asyncio.wait_for(reader.read(65_536), QUIET_SECONDS):
            said += part
    return said


def smuggled(said: bytes) -> bool:
    """Whether the second request was answered by itself, which is a 404 here."""
    return b" 404 " in said


async def said_to(connect, request: bytes) -> bytes:
    reader, writer = await connect()
    writer.write(request)
    return await everything(reader)


@pytest.mark.parametrize(
    "lengths",
    [
        f"Content-Length: {len(BODY)}\r\nContent-Length: {len(BODY) + len(SECOND)}\r\n",
        f"Content-Length: {len(BODY)}, {len(BODY) + 5}\r\n",
        "Content-Length: +8\r\n",
        "Content-Length: 0x8\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 8 8\r\n",
        "Content-Length : 8\r\n",
        "Content-Length:\r\n 8\r\n",
        f"Content-Length: {'9' * 30}\r\n",
    ],
)
async def test_case_085_a_length_has_one_meaning_or_none(connect, lengths):
    said = await said_to(connect, f"{HEAD}{lengths}\r\n".encode() + BODY + SECOND)
    assert not said.startswith(b"HTTP/1.1 2"), said[:80]
    assert not smuggled(said)


@pytest.mark.parametrize(
    "coding",
    [
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: xchunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding : chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked, identity\r\n",
        "Content-Length: 4\r\nTransfer-Encoding:\x0bchunked\r\n",
        "Content-Length: 4\r\nX: x\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ],
)
async def test_case_085_a_body_has_one_end_or_the_connection_has(connect, coding):
    """The chunked reading ends at once, the counted one after four bytes: what follows must not be a request."""
    said = await said_to(connect, f"{HEAD}{coding}\r\n".encode() + b"0\r\n\r\n" + SECOND)
    assert not said.startswith(b"HTTP/1.1 2"), said[:80]
    assert not smuggled(said)


@pytest.mark.parametrize("size", [b"8\x00", b"-8", b"0x8", b"ffffffffffffffffff", b" 8", b"8 ;\n", b"g"])
async def test_case_085_a_chunk_has_a_plain_size(connect, size):
    said = await said_to(
        connect,
        f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + size + b"\r\n" + BODY + b"\r\n0\r\n\r\n" + SECOND,
    )
    assert b"HTTP/1.1 5" not in said
    assert not said.startswith(b"HTTP/1.1 2") or said.count(b"HTTP/1.1") <= 2


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\nHost: test\r\n\r\n", {400, 404, 414, 431}),
        (b"GET / HTTP/1.1\r\nHost: test\r\nX: " + b"a" * 700_000 + b"\r\n\r\n", {400, 431}),
        (b"GET / HTTP/1.1\r\nHost: test\r\n" + b"X: a\r\n" * 5_000 + b"\r\n", {400, 431}),
        (b"GET /" + b"a" * 700_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n", {400, 414, 431}),
    ],
)
async def test_case_087_long_heads_are_refused(connect, request_, statuses):
    reader, writer = await connect()
    writer.write(request_)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)
    assert int(head.split()[1]) in statuses


@pytest.mark.parametrize(
    "name",
    ["Sec-WebSocket-Protocol", "Host", "Authorization", "Cookie", "Accept-Language", "traceparent", "X-Any", "Range"],
)
@pytest.mark.parametrize("value", [b"\xff\xfe", "م".encode(), b"\x80" * 200, b"a\x7fb", b"\xc3\x28"])
async def test_case_089_bytes_of_any_kind_in_a_header_stop_no_worker(connect, name, value):
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    more = upgrade + b"Sec-WebSocket-Version: 13\r\n" if name.startswith("Sec") else b"Connection: close\r\n"
    host = b"" if name == "Host" else b"Host: test\r\n"
    said = await said_to(
        connect, b"GET /nowhere HTTP/1.1\r\n" + host + more + name.encode() + b": " + value + b"\r\n\r\n"
    )
    assert not said.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5", b"HTTP/1.1 1")), said[:80]
    reader, writer = await connect()
    writer.write(f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
    assert (await answer(reader))[0] == 201


@pytest.mark.parametrize("expect", ["100-continue", "the-impossible"])
async def test_case_088_an_expectation_is_met_or_refused(connect, expect):
    reader, writer = await connect()
    writer.write(f"{HEAD}Expect: {expect}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode())
    writer.write(BODY)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert int(head.split()[1]) in {100, 201, 417}


async def test_case_139_what_is_no_http_ends_the_connection_and_nothing_else(connect):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    resets = b"".join(
        b"\x00\x00\x04\x03\x00" + (2 * n + 1).to_bytes(4, "big") + b"\x00\x00\x00\x08" for n in range(500)
    )
    for rubbish in (preface + resets, b"\x16\x03\x01\x02\x00\x01", b"\x00" * 10_000, b"GET / HTTP/9.9\r\n\r\n"):
        with suppress(ConnectionError):
            assert b"HTTP/1.1 2" not in await said_to(connect, rubbish)
    reader, writer = await connect()
    writer.write(f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY)
    assert (await answer(reader))[0] == 201


async def test_these_tests_can_fail(connect):
    """A request of one meaning is answered, and so is a second one behind it."""
    head = f"{HEAD}Content-Length: {len(BODY)}\r\n\r\n".encode()
    said = await said_to(connect, head + BODY + SECOND)
    assert said.startswith(b"HTTP/1.1 201")
    assert smuggled(said)
