"""Reads audit rows as PostgreSQL sends them in a binary COPY, and hashes each: its bytes are what was sealed."""

from collections.abc import Iterator
from hashlib import sha256
from struct import Struct, error
from typing import Any
from uuid import UUID

# The columns are the fields of docs/audit-format.md, in its order: first what stays, then what can be erased.
COLUMNS = (
    "id, xid, at, organization_id, actor_kind, actor_organization_id, purpose, action, resource, outcome, trace_id, "
    "salt, actor_id, session_id, address, resource_id, patient, detail::text, erased"
)
ROWS = f"""
SELECT {COLUMNS} FROM masterlinc.audit_event
WHERE (xid, id) > ($1::xid8, $2::uuid) AND (xid, id) <= ($3::xid8, $4::uuid) ORDER BY xid, id
"""  # noqa: S608 - our own names
_KEPT, _ALL = 11, 19
_FIXED = 3  # id, xid and at: never null, and of one length
_FIXED_BYTES = 44
_HEADER = b"PGCOPY\n\xff\r\n\x00"
_HEADER_BYTES = 19
_END = b"\xff\xff"

_LENGTH = Struct(">i").unpack_from
_NULL, _EMPTY = b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"
_ERASED = 3 * _NULL + 2 * _EMPTY + _NULL + b"\x00\x00\x00\x02{}"  # what is left of a row's second part
_UNKNOWN = bytes(32)
_COUNT = b"\x00\x13"  # as many fields as there are columns

Row = tuple[bytes, bytes, bool]  # its place (xid and id), its id and leaf, whether it was erased


class Reader:
    """Takes the chunks of a COPY as they come, and keeps the rows that are whole."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._left = b""
        self._begun = False

    async def __call__(self, chunk: bytes | bytearray) -> None:
        """Take a chunk."""
        data = self._left + chunk
        start = 0
        if not self._begun:
            if len(data) < _HEADER_BYTES:
                self._left = data
                return
            if not data.startswith(_HEADER):
                raise ValueError("this is no binary COPY")
            start, self._begun = _HEADER_BYTES, True
        for row, end in parsed(data, start):
            self.rows.append(row)
            start = end
        self._left = data[start:]

    @property
    def is_complete(self) -> bool:
        """Say whether the COPY ended as it should."""
        return self._left == _END


def parsed(data: bytes, start: int) -> Iterator[tuple[Row, int]]:
    """Yield the whole rows from a place on, each with the place behind it."""
    total = len(data)
    while data[start : start + 2] == _COUNT:
        first = at = start + 2
        try:
            at = _skip(data, at + _FIXED_BYTES, _KEPT - _FIXED)
            kept = at
            at = _skip(data, at, _ALL - _KEPT - 1)
            erased = _LENGTH(data, at)[0]
        except error:
            return
        end = at + 4 + max(erased, 0)
        if end > total:
            return
        if erased < 0:
            digest = sha256(b"\x02" + data[kept:at]).digest()
        else:  # its digest stands for what is gone; anything in its place was put there later
            digest = data[at + 4 : end] if data[kept:at] == _ERASED else _UNKNOWN
        leaf = sha256(b"\x00" + data[first:kept] + digest).digest()
        identity = data[first + 4 : first + 20]
        yield (data[first + 24 : first + 32] + identity, identity + leaf, erased >= 0), end
        start = end


def _skip(data: bytes, at: int, fields: int) -> int:
    for _ in range(fields):
        length = _LENGTH(data, at)[0]
        at += 4 if length < 0 else 4 + length
    return at


async def between(connection: Any, after: bytes, last: bytes) -> list[Row]:
    """Read the rows behind a place, up to another one, in the order of commits."""
    reader = Reader()
    await connection.copy_from_query(ROWS, *_split(after), *_split(last), output=reader, format="binary")
    if not reader.is_complete:
        raise ValueError("the COPY ended in the middle of a row")
    return reader.rows


def _split(place: bytes) -> tuple[int, UUID]:
    return int.from_bytes(place[:8], "big"), UUID(bytes=place[8:])
