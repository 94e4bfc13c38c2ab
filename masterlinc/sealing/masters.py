"""Master keys: they wrap the keys that values are sealed with, and touch no value themselves."""

import base64
import binascii
import secrets
from collections.abc import Iterable
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12


class MasterUnknown(Exception):
    """A key is wrapped by a master key that is not among ours."""


class MasterKeys:
    """The master key that wraps, and former ones that still unwrap; a wrapped key names its master by an id."""

    __slots__ = ("_wrapping", "current")

    def __init__(self, current: bytes, former: Iterable[bytes] = ()) -> None:
        """Take keys of 32 random bytes; raises ValueError for anything else."""
        self.current = _id(_checked(current))
        keys = [current, *(_checked(one) for one in former)]
        self._wrapping = {_id(one): AESGCM(_derived(one, b"wrap")) for one in keys}

    @property
    def ids(self) -> frozenset[str]:
        """Return the ids of all that are known."""
        return frozenset(self._wrapping)

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "MasterKeys(…)"

    def wrap(self, name: bytes, key: bytes) -> bytes:
        """Wrap a key by the current master key; it opens under its own name only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._wrapping[self.current].encrypt(nonce, key, name)

    def unwrap(self, master: str, name: bytes, wrapped: bytes) -> bytes:
        """Return a key; raises MasterUnknown where its master key is not known, or did not wrap this."""
        cipher = self._wrapping.get(master)
        if cipher is None:
            raise MasterUnknown(master)
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], name)
        except InvalidTag:
            raise MasterUnknown(master) from None


def decoded(text: str) -> bytes:
    """Read a master key as it is written, in base64; raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is not base64") from None


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"the master key must be {KEY_BYTES} bytes, not {len(key)}")
    if len(set(key)) == 1:
        raise ValueError("the master key must be random")
    return bytes(key)


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"masterlinc/" + purpose + b"/1").derive(key)


def _id(key: bytes) -> str:
    """Name a master key: of 256 random bits, a hash gives nothing away."""
    return sha256(b"masterlinc/master/1/" + key).hexdigest()[:16]
