"""The keys of sealed values in the database: wrapped, and written with the first commit that uses them."""

from collections.abc import Callable
from typing import Any

from masterlinc.sealing.ring import Ring

ROOT = b"blind/1"

_SAVE = """
INSERT INTO masterlinc.data_key (id, organization_id, wrapped, master_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::text[]) AS made (id, organization_id, wrapped, master_id)
ORDER BY id ON CONFLICT (id) DO NOTHING"""


class Unsaved:
    """What a commit has to take along: the keys that its sealed values may name."""

    __slots__ = ("_ring",)

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def __bool__(self) -> bool:
        return bool(self._ring.unsaved)

    async def write(self, connection: Any) -> Callable[[], None]:
        """Write them; returns what to call once that is committed. Two that write one key: the second waits."""
        keys = sorted(self._ring.unsaved.values(), key=lambda key: key.id)
        await connection.execute(
            _SAVE,
            [key.id for key in keys],
            [key.organization_id for key in keys],
            [key.wrapped for key in keys],
            [key.master_id for key in keys],
        )
        return lambda: self._ring.saved(keys)
