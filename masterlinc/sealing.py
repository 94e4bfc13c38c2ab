"""Sealed columns: what the database stores of identifiers, contacts and messages says nothing without the key."""

import hmac
import secrets
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_BLIND_BYTES = 16
_KEYS_KEPT = 1024


class SealBroken(Exception):
    """Sealed bytes were changed, or belong to another organization, label or key."""


class Vault:
    """Seals and opens bytes with AES-256-GCM under a key of each organization.

    A label names where the bytes are stored; with the row's id in it (`patient.phone/<id>`), sealed bytes that
    are moved to another row do not open. A sealed value is a version byte, the nonce, the ciphertext and its tag.
    """

    __slots__ = ("_blind_key", "_cipher", "_master")

    def __init__(self, master_key: bytes) -> None:
        """Take a master key of 32 random bytes; raises ValueError for anything else."""
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key must be {KEY_BYTES} bytes, not {len(master_key)}")
        if len(set(master_key)) == 1:
            raise ValueError("the master key must be random")
        self._master = bytes(master_key)
        self._cipher = lru_cache(_KEYS_KEPT)(lambda organization: AESGCM(self._derive(b"seal", organization)))
        self._blind_key = lru_cache(_KEYS_KEPT)(lambda organization: self._derive(b"blind", organization))

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "Vault(…)"

    def seal(self, organization_id: UUID, label: str, plaintext: bytes) -> bytes:
        """Encrypt for one organization and label."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound = _bound(organization_id, label)
        return _VERSION + nonce + self._cipher(organization_id).encrypt(nonce, plaintext, bound)

    def open(self, organization_id: UUID, label: str, sealed: bytes) -> bytes:
        """Decrypt; raises SealBroken unless organization, label and every byte are as they were sealed."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
            raise SealBroken("not a sealed value of a known version")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher(organization_id).decrypt(nonce, ciphertext, _bound(organization_id, label))
        except InvalidTag:
            raise SealBroken("a sealed value does not open") from None

    def blind(self, organization_id: UUID, label: str, value: str) -> bytes:
        """Return the 16 bytes that a value is found by: equal values of one organization and label are equal."""
        name = label.encode()
        message = len(name).to_bytes(2) + name + value.encode()
        return hmac.digest(self._blind_key(organization_id), message, sha256)[:_BLIND_BYTES]

    def _derive(self, purpose: bytes, organization_id: UUID) -> bytes:
        info = b"masterlinc/" + purpose + b"/1/" + organization_id.bytes
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._master)


def _bound(organization_id: UUID, label: str) -> bytes:
    return _VERSION + organization_id.bytes + label.encode()
