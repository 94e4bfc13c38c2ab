"""The SQL of codes and keys."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from masterlinc.db import Transaction

_MAPPINGS = """
SELECT DISTINCT ON (internal_code, internal_system) internal_system, internal_code, system, code, display, display_ar
FROM sbslinc.facility_code WHERE organization_id = $1 AND internal_code = ANY ($2)
ORDER BY internal_code, internal_system, id DESC
"""
_ADD_MAPPING = """
INSERT INTO sbslinc.facility_code
    (organization_id, id, internal_system, internal_code, system, code, display, display_ar, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ADD_KEY = """
INSERT INTO sbslinc.signing_key (organization_id, id, public_key, private_key, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organization_id) WHERE retired_at IS NULL DO NOTHING
"""


async def mappings(tx: Transaction, organization_id: UUID, codes: Iterable[str]) -> list[Any]:
    """Return a facility's own translations of these codes, the newest of each."""
    return await tx.fetch(_MAPPINGS, organization_id, sorted(set(codes)))


async def official(tx: Transaction, codes: Iterable[str]) -> list[Any]:
    """Return what the official tables say about these codes, whatever their system."""
    return await tx.fetch(
        "SELECT system, code, display, display_ar FROM sbslinc.code WHERE code = ANY ($1)", sorted(set(codes))
    )


async def add_mapping(tx: Transaction, *values: object) -> None:
    """Add a facility's translation of one of its codes."""
    await tx.execute(_ADD_MAPPING, *values)


async def key_in_use(tx: Transaction, organization_id: UUID) -> Any:
    """Return the key that an organization signs with, or None."""
    return await tx.fetchrow(
        "SELECT id, private_key FROM sbslinc.signing_key WHERE organization_id = $1 AND retired_at IS NULL",
        organization_id,
    )


async def add_key(
    tx: Transaction, organization_id: UUID, key_id: UUID, public: bytes, sealed: bytes, at: datetime
) -> bool:
    """Add an organization's key; False when it has one: of two made at once the first to commit stays."""
    return await tx.execute(_ADD_KEY, organization_id, key_id, public, sealed, at) == "INSERT 0 1"


async def public_key(tx: Transaction, organization_id: UUID, key_id: UUID) -> bytes | None:
    """Return a public key of an organization, also one that is retired."""
    found: bytes | None = await tx.fetchval(
        "SELECT public_key FROM sbslinc.signing_key WHERE organization_id = $1 AND id = $2", organization_id, key_id
    )
    return found
