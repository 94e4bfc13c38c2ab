"""What was kept elsewhere: checkpoints and public keys, against which a chain that was written anew does not stand."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from masterlinc.audit.verification.chain import Chain, Keys, holds
from masterlinc.audit.verification.report import Fault

_ZERO = datetime(2000, 1, 1, tzinfo=timezone(timedelta(0)))
_RAW = 32


class BadAnchor(Exception):
    """A file is no checkpoint or no public key, or its signature does not hold."""


@dataclass(frozen=True)
class Kept:
    """A checkpoint whose signature holds."""

    number: int
    digest: bytes
    total: int
    public_key: bytes


@dataclass(frozen=True)
class Anchors:
    """What a chain is compared with."""

    checkpoints: tuple[Kept, ...] = ()
    public_key: bytes | None = None

    def faults(self, chain: Chain, known: Keys) -> list[Fault]:
        """Compare the whole chain with what was kept."""
        found = []
        for kept in self.checkpoints:
            digest = chain.digests.get(kept.number)
            if digest is None:
                words = f"the checkpoint knows {kept.total} sealed rows in {kept.number} seals; the end was cut off"
                found.append(Fault("truncated", words, kept.number))
            elif digest != kept.digest:
                found.append(Fault("rewritten", "the checkpoint knows another seal of this number", kept.number))
            elif kept.public_key not in known.by_bytes:
                found.append(Fault("key", "the key that signed the checkpoint is gone", kept.number))
        if self.public_key is not None:
            found += self._key_faults(chain, known)
        return found

    def _key_faults(self, chain: Chain, known: Keys) -> list[Fault]:
        place = known.by_bytes.get(self.public_key or b"")
        if place is None:
            return [Fault("key", "the public key that was kept is not among the keys of the chain")]
        if chain.signed_by is not None and chain.signed_by < place:
            return [Fault("key", "the last seal is signed by neither the key that was kept nor one that follows it")]
        return []


def read_checkpoint(path: Path) -> Kept:
    """Read a checkpoint; raises BadAnchor."""
    try:
        said = json.loads(path.read_bytes())
        if said["format"] != "masterlinc-audit-checkpoint/1":
            raise BadAnchor(f"{path}: not a checkpoint of a known format")
        public = base64.b64decode(said["public_key"], validate=True)
        made = (datetime.fromisoformat(said["made_at"]) - _ZERO) // timedelta(microseconds=1)
        digest = bytes.fromhex(said["seal"])
        message = b"".join(
            (
                b"masterlinc audit checkpoint 1\n",
                said["number"].to_bytes(8, "big"),
                digest,
                said["total"].to_bytes(8, "big"),
                made.to_bytes(8, "big", signed=True),
                public,
            )
        )
        signature = base64.b64decode(said["signature"], validate=True)
        key = Ed25519PublicKey.from_public_bytes(public)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, binascii.Error) as fault:
        raise BadAnchor(f"{path}: not a checkpoint: {fault}") from None
    if not holds(key, signature, message):
        raise BadAnchor(f"{path}: the checkpoint's signature does not hold")
    return Kept(said["number"], digest, said["total"], public)


def read_public_key(path: Path) -> bytes:
    """Read an Ed25519 public key: PEM, or its 32 bytes in base64, or a checkpoint that it signed; raises BadAnchor."""
    try:
        data = path.read_bytes()
        if data.lstrip().startswith(b"{"):
            return read_checkpoint(path).public_key
        if b"-----BEGIN" in data:
            key = load_pem_public_key(data)
            if not isinstance(key, Ed25519PublicKey):
                raise BadAnchor(f"{path}: not an Ed25519 key")
            return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        raw = base64.b64decode(data.strip(), validate=True)
    except (OSError, ValueError, UnsupportedAlgorithm, binascii.Error) as fault:
        raise BadAnchor(f"{path}: not a public key: {fault}") from None
    if len(raw) != _RAW:
        raise BadAnchor(f"{path}: an Ed25519 public key has {_RAW} bytes, not {len(raw)}")
    return raw
