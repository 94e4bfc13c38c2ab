"""On whose behalf a user's workflow runs."""

from uuid import UUID

from msgspec import Struct


class Actor(Struct, frozen=True):
    """On whose behalf a user's graph runs: as they were when it was accepted."""

    id: UUID
    kind: str
    organization_id: UUID
    organizations: tuple[UUID, ...]
    permissions: tuple[str, ...]
