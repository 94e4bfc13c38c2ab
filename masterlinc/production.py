"""What production does not start with: weak keys, defaults, debug, documentation, the clear net."""

import base64
import binascii
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from masterlinc.errors import StartupError
from masterlinc.sealing.masters import KEY_BYTES
from masterlinc.settings import Settings

_DISTINCT = 17  # of 32 bytes, and of the steps between them; fewer by chance: once in 10 ** 14 keys
_STEPS = 16
_PRINTABLE = range(32, 127)
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_DEBUG = ("LITESTAR_DEBUG", "LITESTAR_PDB", "PYTHONASYNCIODEBUG")

# Passwords that documents, images and habits bring along.
_KNOWN = frozenset(
    re.findall(
        r"\S+",
        """
        admin another-one app change-me changeit changeme db default demo dev example letmein local masterlinc
        masterlinc_app masterlinc_owner master my-secret nopassword one-password owner pass passw0rd password password1
        postgres postgresql qwerty redis root s3cret secret secret123 supersecret test testing user valkey welcome
        123456 12345678 123456789
        """,
    )
)
_HASHES = ("md5", "sha1", "sha224", "sha256", "sha3_256", "blake2s")


def check(settings: Settings) -> None:
    """Raise StartupError with every reason, in one line, why these settings are none for production."""
    if not settings.http.production:
        return
    reasons = [*_debug(), *_documents(settings), *_keys(settings), *_passwords(settings), *_clear(settings)]
    if reasons:
        raise StartupError(f"configuration: http.production = true refuses: {'; '.join(reasons)}")


def weakness(key: bytes) -> str:
    """Say why a master key is not random, or nothing."""
    if all(byte in _PRINTABLE for byte in key):
        return "it is text, not 32 random bytes"
    if len(set(key)) < _DISTINCT:
        return "it repeats itself"
    if len({(after - before) % 256 for before, after in itertools.pairwise(key)}) < _STEPS:
        return "it is a row of numbers"
    if key in _guessed():
        return "it is made of a known word"
    return ""


def _guessed() -> set[bytes]:
    """Return what one gets who hashes a word instead of drawing lots."""
    words = [b"", *(word.encode() for word in _KNOWN)]
    made = {hashlib.new(name, word, usedforsecurity=False).digest() for name in _HASHES for word in words}
    return {one for one in made if len(one) == KEY_BYTES}


def _debug() -> Iterator[str]:
    for name in _DEBUG:
        if os.environ.get(name, "0") not in {"", "0"}:
            yield f"{name} is set, and debugging shows what nobody shall see"


def _documents(settings: Settings) -> Iterator[str]:
    if settings.http.docs:
        yield "http.docs is true, and shows every route to everybody"


def _keys(settings: Settings) -> Iterator[str]:
    try:
        key = base64.b64decode(settings.security.master_key.reveal(), validate=True)
    except binascii.Error:
        return  # who makes the vault says so
    weak = weakness(key) if len(key) == KEY_BYTES else ""
    if weak:
        yield f"security.master_key: {weak} (make one with: openssl rand -base64 32)"


def _passwords(settings: Settings) -> Iterator[str]:
    addresses = {
        "database.url": settings.database.url,
        "database.owner_url": settings.database.owner_url,
        "redis.url": settings.redis.url,
    }
    for name, secret in addresses.items():
        if _password(secret.reveal()) in _KNOWN:
            yield f"{name} has a password that everybody knows"
    if "MASTERLINC_DEMO_PASSWORD" in os.environ:
        yield "MASTERLINC_DEMO_PASSWORD is set, and a demo has no place here"


def _password(address: str) -> str:
    try:
        return unquote(urlsplit(address).password or "").lower()
    except ValueError:  # who connects says so
        return ""


def _clear(settings: Settings) -> Iterator[str]:
    addresses = {
        "security.issuer": settings.security.issuer,
        "tools.url": settings.tools.url,
        "vault.address": settings.vault.address,
    }
    for name, address in addresses.items():
        parts = urlsplit(address)
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            yield f"{name} is not https://"
