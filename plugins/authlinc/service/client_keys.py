"""Public keys of clients as JSON (RFC 7517), and what they sign with them (RFC 7523)."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

ALGORITHMS = ("EdDSA", "ES256", "RS256")
LONGEST = 4096
_MEMBERS = {"OKP": {"crv", "x"}, "EC": {"crv", "x", "y"}, "RSA": {"n", "e"}}
_BESIDE = {"kty", "kid", "use", "alg", "key_ops"}
_RSA_BITS = (2048, 4096)
_LEEWAY = timedelta(seconds=60)
_LONGEST_LIFE = timedelta(minutes=5)
_REQUIRED = ["iss", "sub", "aud", "exp", "jti"]


class Key(Struct, frozen=True):
    """A public key and the one algorithm that it is used with."""

    algorithm: str
    public: Any


class Assertion(Struct, frozen=True):
    """An assertion that is good, if it was not used before."""

    jti_hash: bytes
    expires_at: datetime


class KeyUnfit(Exception):
    """The JSON is no public key that is taken here."""


class AssertionUnfit(Exception):
    """The assertion is not good; `str` says why, for our audit."""


def canonical(jwk: dict[str, Any]) -> str:
    """Return a key as it is stored: the members that make it, and no other; raises KeyUnfit."""
    kind = jwk.get("kty")
    members = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if members is None or not members <= jwk.keys() or not jwk.keys() <= members | _BESIDE:
        raise KeyUnfit  # a private member too: we never want to have seen one
    made = {name: jwk[name] for name in sorted({"kty", *members})}
    if not all(isinstance(value, str) for value in made.values()):
        raise KeyUnfit
    text = msgspec.json.encode(made).decode()
    read_key(text)
    return text


def read_key(text: str) -> Key:
    """Return a stored key; raises KeyUnfit."""
    try:
        public = jwt.PyJWK.from_json(text, algorithm=_algorithm_of(text)).key
    except (jwt.PyJWTError, ValueError, TypeError):
        raise KeyUnfit from None
    if isinstance(public, Ed25519PublicKey):
        return Key("EdDSA", public)
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return Key("ES256", public)
    if isinstance(public, RSAPublicKey) and _RSA_BITS[0] <= public.key_size <= _RSA_BITS[1]:
        return Key("RS256", public)
    raise KeyUnfit


def claimed_client(assertion: str) -> str:
    """Return whom an assertion says that it is of, before anything is verified; empty where it says nothing."""
    if len(assertion) > LONGEST or not assertion.isascii():
        return ""
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return ""
    return str(claims.get("sub", ""))


def verify(assertion: str, key: Key, client: str, audiences: tuple[str, ...], now: datetime) -> Assertion:
    """Return an assertion that the client's key signed for us, for a few minutes; raises AssertionUnfit."""
    try:
        header = jwt.get_unverified_header(assertion)
        if not header.keys() <= {"alg", "typ", "kid"}:
            raise AssertionUnfit("header")
        claims = jwt.decode(
            assertion,
            key.public,
            algorithms=[key.algorithm],
            options={
                "require": _REQUIRED,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )
    except (jwt.PyJWTError, ValueError, RecursionError) as fault:
        raise AssertionUnfit(type(fault).__name__) from None
    if claims["iss"] != client or claims["sub"] != client or claims["aud"] not in audiences:
        raise AssertionUnfit("issuer, subject or audience")
    return Assertion(_jti(claims["jti"]), _ends(claims, now))


def _ends(claims: dict[str, Any], now: datetime) -> datetime:
    times = [claims.get(name, 0) for name in ("exp", "nbf", "iat")]
    if not all(type(one) is int and 0 <= one < 2**40 for one in times):
        raise AssertionUnfit("times")
    ends, begins = (datetime.fromtimestamp(one, UTC) for one in (times[0], max(times[1:])))
    if ends + _LEEWAY <= now or begins > now + _LEEWAY or ends > now + _LONGEST_LIFE + _LEEWAY:
        raise AssertionUnfit("times")
    return ends + _LEEWAY


def _jti(value: Any) -> bytes:
    if not isinstance(value, str) or not 1 <= len(value) <= 255:  # noqa: PLR2004 - as long as an id may sensibly be
        raise AssertionUnfit("jti")
    return hashlib.sha256(value.encode(errors="surrogatepass")).digest()


def _algorithm_of(text: str) -> str:
    kind = msgspec.json.decode(text)["kty"]
    return {"OKP": "EdDSA", "EC": "ES256", "RSA": "RS256"}[kind]
