"""Signatures over the canonical form of a document (RFC 8785), with a key of each organization (Ed25519)."""

import asyncio
import base64
import binascii
import json
from hashlib import sha256
from uuid import UUID

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from masterlinc import ids, wire
from masterlinc.context import Context
from masterlinc.db import Transaction
from masterlinc.errors import FieldError, Invalid, NotFound
from sbslinc import queries
from sbslinc.contract import SignDocument, SignedDocument, VerifiedDocument, VerifyDocument
from sbslinc.scope import require_scope

ALGORITHM = "Ed25519"
KEY_PREFIX = "KEY"
_INLINE_BYTES = 65_536  # larger documents are written canonically beside the event loop


async def sign_document(ctx: Context, request: SignDocument) -> SignedDocument:
    """Sign a document with the key of its organization, which is made at the first use."""
    require_scope(ctx, request.organization_id)
    text = await _canonical(request.payload)
    async with ctx.transaction() as tx:
        key_id, key = await _key(ctx, tx, request.organization_id)
    return SignedDocument(
        signature=base64.b64encode(key.sign(text)).decode(),
        algorithm=ALGORITHM,
        key_id=ids.show(KEY_PREFIX, key_id),
        digest=sha256(text).hexdigest(),
    )


async def verify_document(ctx: Context, request: VerifyDocument) -> VerifiedDocument:
    """Check a signature; a key that the organization never had verifies nothing."""
    require_scope(ctx, request.organization_id)
    text = await _canonical(request.payload)
    try:
        key_id = ids.parse(KEY_PREFIX, request.key_id)
        signature = base64.b64decode(request.signature, validate=True)
    except (NotFound, binascii.Error, ValueError):
        return VerifiedDocument(valid=False)
    async with ctx.transaction() as tx:
        public = await queries.public_key(tx, request.organization_id, key_id)
    return VerifiedDocument(valid=public is not None and _holds(public, signature, text))


def canonical(payload: str) -> bytes:
    """Return the canonical bytes of a JSON text; raises what the wire raises, or Invalid for numbers beyond doubles."""
    data = payload.encode("utf-8", "surrogatepass")
    wire.guard(data)
    try:
        return rfc8785.dumps(json.loads(data))
    except rfc8785.CanonicalizationError:
        detail = "A number is not exact as an IEEE double, so it has no canonical form"
        detail_ar = "أحد الأرقام خارج نطاق الدقة فلا صيغة معيارية له"
        raise Invalid(detail, detail_ar, errors=[FieldError("payload", "number", detail, detail_ar)]) from None


async def _canonical(payload: str) -> bytes:
    if len(payload) < _INLINE_BYTES:
        return canonical(payload)
    return await asyncio.to_thread(canonical, payload)


async def _key(ctx: Context, tx: Transaction, organization_id: UUID) -> tuple[UUID, Ed25519PrivateKey]:
    row = await queries.key_in_use(tx, organization_id)
    if row is None:
        await _make_key(ctx, tx, organization_id)
        row = await queries.key_in_use(tx, organization_id)
    raw = ctx.vault.open(organization_id, _label(row["id"]), row["private_key"])
    return row["id"], Ed25519PrivateKey.from_private_bytes(raw)


async def _make_key(ctx: Context, tx: Transaction, organization_id: UUID) -> None:
    key_id, key = ids.new_id(), Ed25519PrivateKey.generate()
    sealed = ctx.vault.seal(organization_id, _label(key_id), key.private_bytes_raw())
    public = key.public_key().public_bytes_raw()
    if await queries.add_key(tx, organization_id, key_id, public, sealed, ctx.clock.now()):
        tx.audit("key.create", "signing_key", str(key_id), organization_id=organization_id)


def _holds(public: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _label(key_id: UUID) -> str:
    return f"signing_key/{key_id}"
