"""The bytes of seals and checkpoints, as docs/audit-format.md writes them down."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import pack
from uuid import UUID

from msgspec import Struct

SEAL = b"masterlinc audit seal 1\n"
KEY = b"masterlinc audit key 1\n"
CHECKPOINT = b"masterlinc audit checkpoint 1\n"
NO_SEAL = bytes(32)  # before the first one
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Seal(Struct, frozen=True):
    """What a seal says, without its signature."""

    number: int
    previous: bytes
    root: bytes
    row_count: int
    total: int
    first_xid: int
    first_id: UUID
    last_xid: int
    last_id: UUID
    sealed_at: datetime
    key_id: str

    def message(self) -> bytes:
        """Return what is signed."""
        kid = self.key_id.encode()
        numbers = pack(">q32s32siq", self.number, self.previous, self.root, self.row_count, self.total)
        places = pack(
            ">Q16sQ16sq", self.first_xid, self.first_id.bytes, self.last_xid, self.last_id.bytes, moment(self.sealed_at)
        )
        return SEAL + numbers + places + pack(">i", len(kid)) + kid

    def digest(self, signature: bytes) -> bytes:
        """Return what the next seal calls `previous`."""
        return sha256(self.message() + signature).digest()


def moment(at: datetime) -> int:
    """Return a time as PostgreSQL counts it: microseconds since the year 2000."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def root(leaves: list[bytes]) -> bytes:
    """Return the root of the tree over leaves: pairs from the left, who is left alone goes up as it is."""
    level = leaves
    while len(level) > 1:
        pairs = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        level = [*pairs, level[-1]] if len(level) % 2 else pairs
    return level[0]
