"""The keys that seals are signed with: the private halves sealed, each new one signed by the one before it."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from masterlinc.audit import seals
from masterlinc.audit.format import KEY
from masterlinc.db import Transaction
from masterlinc.sealing import Vault
from masterlinc.security.keys import key_id, raw
from masterlinc.security.principal import NOBODY

# The one that no other was endorsed by: keys are a line, which a unique index keeps.
_CURRENT = """
SELECT kid, sealed FROM masterlinc.audit_key k
WHERE NOT EXISTS (SELECT FROM masterlinc.audit_key heir WHERE heir.endorsed_by = k.kid)
"""
_ADD = """
INSERT INTO masterlinc.audit_key (kid, public_key, sealed, created_at, endorsed_by, endorsement)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""


class SealingKey(Struct, frozen=True):
    """A key and its number."""

    kid: str
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return f"SealingKey({self.kid!r}, …)"


async def current(transaction: Transaction, vault: Vault, now: datetime) -> SealingKey:
    """Return the key that signs now; the first one is made at its first use."""
    row = await transaction.fetchrow(_CURRENT)
    if row is None:
        await _add(transaction, vault, now, None)
        row = await transaction.fetchrow(_CURRENT)
    private = vault.open(NOBODY, _label(row["kid"]), row["sealed"])
    return SealingKey(row["kid"], Ed25519PrivateKey.from_private_bytes(private))


async def rotate(transaction: Transaction, vault: Vault, now: datetime) -> str:
    """Have a new key sign from now on; returns its number."""
    await seals.lock(transaction)
    return await _add(transaction, vault, now, await current(transaction, vault, now))


async def _add(transaction: Transaction, vault: Vault, now: datetime, before: SealingKey | None) -> str:
    private = Ed25519PrivateKey.generate()
    kid = key_id(private)
    endorsement = None if before is None else before.private.sign(KEY + raw(private))
    sealed = vault.seal(NOBODY, _label(kid), private.private_bytes_raw())
    await transaction.execute(_ADD, kid, raw(private), sealed, now, None if before is None else before.kid, endorsement)
    transaction.audit("audit.new_key", "sealing_key", kid, organization_id=None)
    return kid


def _label(kid: str) -> str:
    return f"masterlinc.audit_key/{kid}"
