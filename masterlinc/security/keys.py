"""The public keys that tokens are verified with; the private ones are sealed where they are used."""

import base64
import hashlib
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from masterlinc.db import Database, Transaction

_TRUSTED = "SELECT kid, public_key FROM masterlinc.token_key WHERE retired_at IS NULL OR retired_at > $1"
_RETIRE = "UPDATE masterlinc.token_key SET retired_at = $2 WHERE kid = $1 AND (retired_at IS NULL OR retired_at > $2)"


class Jwk(Struct, frozen=True):
    """A public key as JSON (RFC 8037)."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"


def raw(key: Ed25519PublicKey | Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes of a public key."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(key: Ed25519PublicKey | Ed25519PrivateKey) -> str:
    """Return a key's number: its thumbprint (RFC 7638)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw(key))}  # in the RFC's order
    return _base64url(hashlib.sha256(msgspec.json.encode(members)).digest())


def jwk(kid: str, key: Ed25519PublicKey) -> Jwk:
    """Return the public key as it is published."""
    return Jwk(kid=kid, x=_base64url(raw(key)))


async def load(database: Database, now: datetime) -> dict[str, Ed25519PublicKey]:
    """Read the keys that are trusted now."""
    async with database.transaction() as transaction:
        rows = await transaction.fetch(_TRUSTED, now)
    return {row["kid"]: Ed25519PublicKey.from_public_bytes(row["public_key"]) for row in rows}


async def publish(transaction: Transaction, key: Ed25519PrivateKey, now: datetime) -> str:
    """Trust the tokens of a new key from now on; returns its number."""
    kid = key_id(key)
    await transaction.execute(
        "INSERT INTO masterlinc.token_key (kid, public_key, created_at) VALUES ($1, $2, $3)", kid, raw(key), now
    )
    return kid


async def retire(transaction: Transaction, kid: str, at: datetime) -> None:
    """Trust a key until `at` only; never longer than was said before."""
    await transaction.execute(_RETIRE, kid, at)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
