"""Follows keys and seals: a key is signed by the one before it, a seal by a key, and holds the digest of the last."""

from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from masterlinc.audit.verification.report import Fault

ENTRY = 48  # bytes of a row in a seal: its id and its leaf
_ZERO = datetime(2000, 1, 1, tzinfo=timezone(timedelta(0)))
_MICROSECOND = timedelta(microseconds=1)
_KEYS = "SELECT kid, public_key, endorsed_by, endorsement FROM masterlinc.audit_key"
_SEALS = "SELECT * FROM masterlinc.audit_seal WHERE number > $1 ORDER BY number LIMIT $2"


class Keys:
    """The line of keys, from the first on."""

    def __init__(self, line: list[tuple[str, bytes]], faults: list[Fault]) -> None:
        self.faults = faults
        self.places = {kid: place for place, (kid, _) in enumerate(line)}
        self.by_bytes = {public: place for place, (_, public) in enumerate(line)}
        self._keys = {kid: Ed25519PublicKey.from_public_bytes(public) for kid, public in line}

    def signed(self, kid: str, signature: bytes, message: bytes) -> bool:
        """Say whether a key of the line has signed a message."""
        key = self._keys.get(kid)
        return key is not None and holds(key, signature, message)


def holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Say whether a signature is a key's over a message."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


async def keys(connection: Any) -> Keys:
    """Read the keys and follow the line from the one that no other endorses."""
    rows = await connection.fetch(_KEYS)
    heirs = {row["endorsed_by"]: row for row in rows}
    line: list[tuple[str, bytes]] = []
    faults = []
    before: Any = None
    while (row := heirs.pop(before["kid"] if before else None, None)) is not None:
        if before is not None:
            message = b"masterlinc audit key 1\n" + row["public_key"]
            if not holds(Ed25519PublicKey.from_public_bytes(before["public_key"]), row["endorsement"], message):
                faults.append(Fault("key", f"key {row['kid']} is not endorsed by the key before it"))
                break
        line.append((row["kid"], row["public_key"]))
        before = row
    if not faults and len(line) != len(rows):
        faults.append(Fault("key", "there are keys outside of the line of keys"))
    return Keys(line, faults)


async def seals(connection: Any, after: int, most: int) -> list[Any]:
    """Return the next seals behind a number."""
    return list(await connection.fetch(_SEALS, after, most))


class Chain:
    """What is known of the chain up to the seal that was looked at last."""

    def __init__(self, known: Keys, wanted: frozenset[int]) -> None:
        self._keys, self._wanted = known, wanted
        self._key_place = 0
        self.number = 0
        self.total = 0
        self.digest = bytes(32)
        self.place = bytes(24)  # of the last row that is sealed
        self.digests: dict[int, bytes] = {}  # of the seals that are wanted
        self.signed_by: int | None = None  # the place of the key that signed the last seal

    def faults_of(self, seal: Any) -> list[Fault]:
        """Compare a seal with the one before it, and its signature and root with what it says."""
        message = _message(seal)
        first, last = _place(seal["first_xid"], seal["first_id"]), _place(seal["last_xid"], seal["last_id"])
        key_place = self._keys.places.get(seal["key_id"], -1)
        wrong = {
            "its number does not follow the one before it": seal["number"] != self.number + 1,
            "it does not hold the digest of the seal before it": seal["previous"] != self.digest,
            "its signature does not hold": not self._keys.signed(seal["key_id"], seal["signature"], message),
            "it is signed by a key that had been replaced": key_place < self._key_place,
            "its rows are not behind those of the seal before it": not self.place < first <= last,
            "its number of rows does not fit": seal["total"] != self.total + seal["row_count"],
            "its list of rows does not fit its root": not _fits(seal),
        }
        self.number, self.total, self.place = seal["number"], seal["total"], max(self.place, last)
        self._key_place = max(self._key_place, key_place)
        self.signed_by = key_place
        self.digest = sha256(message + seal["signature"]).digest()
        if self.number in self._wanted:
            self.digests[self.number] = self.digest
        return [Fault("seal", words, seal["number"]) for words, found in wrong.items() if found]


def tree(leaves: list[bytes]) -> bytes:
    """Return the root over leaves (RFC 6962): the left part is the largest power of two that leaves something."""
    if len(leaves) == 1:
        return leaves[0]
    nodes = list(leaves)
    while len(nodes) > 1:
        odd = nodes.pop() if len(nodes) & 1 else None
        whole = iter(nodes)
        nodes = [sha256(b"\x01" + left + next(whole)).digest() for left in whole]
        if odd is not None:
            nodes.append(odd)
    return nodes[0]


def _fits(seal: Any) -> bool:
    entries, root = bytes(seal["entries"]), bytes(seal["root"])
    if len(entries) != ENTRY * seal["row_count"] or not entries:
        return False
    if entries[:16] != seal["first_id"].bytes or entries[-ENTRY : -ENTRY + 16] != seal["last_id"].bytes:
        return False
    return tree([entries[at + 16 : at + ENTRY] for at in range(0, len(entries), ENTRY)]) == root


def _place(xid: int, identity: Any) -> bytes:
    return xid.to_bytes(8, "big") + bytes(identity.bytes)


def _message(seal: Any) -> bytes:
    kid = seal["key_id"].encode()
    parts = (
        b"masterlinc audit seal 1\n",
        seal["number"].to_bytes(8, "big", signed=True),
        seal["previous"],
        seal["root"],
        seal["row_count"].to_bytes(4, "big", signed=True),
        seal["total"].to_bytes(8, "big", signed=True),
        _place(seal["first_xid"], seal["first_id"]),
        _place(seal["last_xid"], seal["last_id"]),
        ((seal["sealed_at"] - _ZERO) // _MICROSECOND).to_bytes(8, "big", signed=True),
        len(kid).to_bytes(4, "big"),
        kid,
    )
    return b"".join(parts)
