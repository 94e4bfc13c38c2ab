"""Seals and opens bytes, and makes the blind values that sealed ones are found by."""

import hmac
import secrets
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from masterlinc.errors import Gone, Unavailable
from masterlinc.sealing.masters import KEY_BYTES, MasterKeys, MasterUnknown
from masterlinc.sealing.ring import Ring

VERSION = b"\x02"
_ID = slice(1, 17)
_NONCE = slice(17, 29)
_HEAD_BYTES = 29
_TAG_BYTES = 16
_BLIND_BYTES = 16
_ORGANIZATIONS_KEPT = 4096
_ABSENT_KEPT = 1024


class SealBroken(Exception):
    """Sealed bytes were changed, or belong to another organization or label."""


class KeyAway(Unavailable):
    """The key of a sealed value is not known here yet; it is being read."""

    code = "key-away"
    title, title_ar = "The key of this record cannot be read now", "تعذرت قراءة مفتاح هذا السجل حالياً"


class KeyDestroyed(Gone):
    """The key of a sealed value was destroyed, and the value with it."""

    code = "key-destroyed"
    title, title_ar = "What this record held was destroyed for good", "أُتلف محتوى هذا السجل نهائياً"


class Vault:
    """Seals and opens bytes with AES-256-GCM under random keys of each organization.

    A label names where the bytes are stored; with the row's id in it (`patient.phone/<id>`), sealed bytes that
    are moved to another row do not open. A sealed value is a version byte, its key's id, the nonce, the ciphertext and
    its tag.
    """

    __slots__ = ("_absent", "_blind_key", "_root", "look", "ring")

    def __init__(self, masters: MasterKeys) -> None:
        self.ring = Ring(masters)
        self.look: Callable[[], bool] = lambda: False  # reads the keys anew, at once; True where that went well
        self._absent: set[bytes] = set()  # that were looked for, and are not there
        self._root: bytes | None = None
        self._blind_key = lru_cache(_ORGANIZATIONS_KEPT)(self._derived)

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "Vault(…)"

    def prepare(self, organization_id: UUID) -> None:
        """Have a key for a new organization; the open transaction's commit stores it."""
        self.ring.newest(organization_id)

    def seal(self, organization_id: UUID, label: str, plaintext: bytes) -> bytes:
        """Encrypt for one organization and label."""
        key_id = self.ring.newest(organization_id).id.bytes
        cipher = self.ring.cipher(key_id)
        if cipher is None:  # destroyed meanwhile: there is a newer one
            return self.seal(organization_id, label, plaintext)
        nonce = secrets.token_bytes(12)
        return VERSION + key_id + nonce + cipher.encrypt(nonce, plaintext, _bound(organization_id, label))

    def open(self, organization_id: UUID, label: str, sealed: bytes) -> bytes:
        """Decrypt; raises SealBroken unless organization, label and every byte are as they were sealed.

        Raises KeyAway where its key cannot be read now, and KeyDestroyed where it is gone for good.
        """
        if sealed[:1] != VERSION or len(sealed) < _HEAD_BYTES + _TAG_BYTES:
            raise SealBroken("not a sealed value of a known version")
        key_id = bytes(sealed[_ID])
        try:
            cipher = self._cipher(key_id)
        except MasterUnknown:
            raise KeyAway(headers={"Retry-After": "1"}) from None
        if cipher is None:
            raise KeyDestroyed
        try:
            return cipher.decrypt(sealed[_NONCE], sealed[_HEAD_BYTES:], _bound(organization_id, label))
        except InvalidTag:
            raise SealBroken("a sealed value does not open") from None

    def blind(self, organization_id: UUID, label: str, value: str) -> bytes:
        """Return the 16 bytes that a value is found by: equal values of one organization and label are equal."""
        name = label.encode()
        message = len(name).to_bytes(2) + name + value.encode()
        return hmac.digest(self._blind_key(organization_id), message, sha256)[:_BLIND_BYTES]

    def root(self, key: bytes) -> None:
        """Take the root of the blind keys, that no rotation changes."""
        self._root = key

    def _cipher(self, key_id: bytes) -> AESGCM | None:
        try:
            return self.ring.cipher(key_id)
        except LookupError:
            return self._missing(key_id)

    def _missing(self, key_id: bytes) -> AESGCM | None:
        """Look for a key that is not known here; raises SealBroken where there is none, KeyAway where nobody tells."""
        if key_id in self._absent:
            raise SealBroken("a sealed value names a key that is not there")
        if not self.look():
            raise KeyAway(headers={"Retry-After": "1"})
        try:
            return self.ring.cipher(key_id)
        except LookupError:
            if len(self._absent) < _ABSENT_KEPT:
                self._absent.add(key_id)
            raise SealBroken("a sealed value names a key that is not there") from None

    def _derived(self, organization_id: UUID) -> bytes:
        if self._root is None:
            raise RuntimeError("the blind key has not been read")
        info = b"masterlinc/blind/1/" + organization_id.bytes
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._root)


def _bound(organization_id: UUID, label: str) -> bytes:
    return VERSION + organization_id.bytes + label.encode()
