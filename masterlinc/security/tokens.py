"""Access tokens: EdDSA, local keys, strict claims. One issuer function, one verifier."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from masterlinc.clock import Clock
from masterlinc.errors import Unauthenticated
from masterlinc.ids import new_id, show
from masterlinc.security.permissions import Rbac
from masterlinc.security.principal import Principal, machine_principal
from masterlinc.security.revocation import Revocations

T = TypeVar("T")
LEEWAY = timedelta(seconds=60)
LONGEST_LIFE = timedelta(hours=24)
LONGEST_TOKEN = 4096
_HEADER_TYPE = "at+jwt"  # RFC 9068: an access token and nothing else
_LONGEST_HEADER = 256  # spares the JSON parser deep or long headers
_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}", re.ASCII)
_JWS = jwt.PyJWS(algorithms=["EdDSA"])


class Realm(Struct, frozen=True):
    """Who issues tokens and whom they are for."""

    issuer: str
    audience: str


class Subject(Struct, frozen=True):
    """Whom a token is about."""

    user_id: UUID
    organization_id: UUID
    session_id: UUID
    roles: tuple[str, ...]
    home_id: UUID | None = None  # whose user it is, where the token is for another organization's scope
    grant_id: UUID | None = None  # the emergency that the token is for


class Machine(Struct, frozen=True):
    """A machine that a token is about: it may what its scopes say."""

    client_id: UUID
    organization_id: UUID
    scopes: tuple[str, ...]


class SigningKey(Struct, frozen=True):
    """A private key and its number."""

    kid: str
    private: Ed25519PrivateKey


class TokenRefused(Unauthenticated):
    """The token is not accepted; `reason` is for our logs, never for the caller."""

    code = "invalid-token"

    def __init__(self, reason: str) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        self.reason = reason


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    """The only header that is accepted: no crit, jku, jwk, x5u, x5c, b64, zip or cty."""

    alg: Literal["EdDSA"]
    kid: str
    typ: Literal["at+jwt"]


class _Claims(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    iss: str
    aud: str
    sub: UUID
    jti: UUID
    sid: UUID
    org: UUID
    roles: tuple[str, ...]
    typ: Literal["access"]
    iat: int
    nbf: int
    exp: int
    client_id: UUID | None = None  # of a machine's token, which has scopes and no roles (RFC 9068)
    scope: str | None = None
    home: UUID | None = None
    grant: UUID | None = None


def issue(key: SigningKey, realm: Realm, subject: Subject, *, now: datetime, life: timedelta) -> str:
    """Sign an access token of a user."""
    claims = _claims(realm, subject, now, life)
    return _JWS.encode(msgspec.json.encode(claims), key.private, "EdDSA", {"kid": key.kid, "typ": _HEADER_TYPE})


def issue_to_machine(key: SigningKey, realm: Realm, machine: Machine, *, now: datetime, life: timedelta) -> str:
    """Sign an access token of a machine; it ends when the client's number is revoked as a session."""
    subject = Subject(machine.client_id, machine.organization_id, machine.client_id, ())
    plain = _claims(realm, subject, now, life)
    claims = msgspec.structs.replace(plain, client_id=machine.client_id, scope=" ".join(machine.scopes))
    return _JWS.encode(msgspec.json.encode(claims), key.private, "EdDSA", {"kid": key.kid, "typ": _HEADER_TYPE})


def _claims(realm: Realm, subject: Subject, now: datetime, life: timedelta) -> _Claims:
    second = int(now.timestamp())
    return _Claims(
        iss=realm.issuer,
        aud=realm.audience,
        sub=subject.user_id,
        jti=new_id(),
        sid=subject.session_id,
        org=subject.organization_id,
        roles=subject.roles,
        typ="access",
        iat=second,
        nbf=second,
        exp=second + int(life.total_seconds()),
        home=subject.home_id,
        grant=subject.grant_id,
    )


class TokenVerifier:
    """Turns a token into a principal. Knows its keys beforehand: no token ever causes a look-up."""

    def __init__(self, realm: Realm, rbac: Rbac, revoked: Revocations, clock: Clock, *, remembered: int = 4096) -> None:
        self._realm, self.rbac, self._revoked, self._clock = realm, rbac, revoked, clock
        self._room = remembered
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._seen: dict[str, Principal] = {}

    @property
    def keys(self) -> Mapping[str, Ed25519PublicKey]:
        """Return the trusted keys by their number."""
        return self._keys

    def trust(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        """Replace the trusted keys; what was verified with a key that is gone is forgotten."""
        if keys.keys() != self._keys.keys():
            self._seen.clear()
        self._keys = dict(keys)

    def verify(self, token: str) -> Principal:
        """Return the token's principal; raises TokenRefused."""
        now = self._clock.now()
        principal = self._seen.get(token)
        if principal is None or now >= principal.expires_at:
            principal = self._verify_afresh(token, now)
        if principal.session_id in self._revoked:
            raise TokenRefused("session revoked")
        return principal

    def _verify_afresh(self, token: str, now: datetime) -> Principal:
        self._seen.pop(token, None)
        claims = self._claims(token)
        _check_times(claims, now)
        principal = self._principal(claims)
        if len(self._seen) >= self._room:
            del self._seen[next(iter(self._seen))]  # the one that was remembered first
        self._seen[token] = principal
        return principal

    def _principal(self, claims: _Claims) -> Principal:
        expires_at = datetime.fromtimestamp(claims.exp, UTC)
        if claims.scope is not None:
            return machine_principal(claims.org, claims.sub, claims.scope.split(" "), expires_at)
        return Principal(
            user_id=claims.sub,
            organization_id=claims.org,
            organizations=frozenset({claims.org}),
            roles=frozenset(claims.roles),
            permissions=self.rbac.permissions_of(claims.roles),
            session_id=claims.sid,
            kind="user",
            expires_at=expires_at,
            purpose="" if claims.grant is None else f"break_glass:{show('BRG', claims.grant)}",
            home_id=claims.home,
        )

    def _claims(self, token: str) -> _Claims:
        shape = _SHAPE.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
        if shape is None or len(shape[1]) > _LONGEST_HEADER:
            raise TokenRefused("shape")
        try:
            header = _strict(_unpadded(shape[1]), _Header)
            key = self._keys.get(header.kid)
            if key is None:
                raise TokenRefused("unknown key")
            claims = _strict(_JWS.decode(token, key, algorithms=["EdDSA"]), _Claims)
        except (jwt.PyJWTError, ValueError, RecursionError) as fault:
            raise TokenRefused(str(fault)) from None
        if claims.iss != self._realm.issuer or claims.aud != self._realm.audience:
            raise TokenRefused("issuer or audience")
        return claims


def _check_times(claims: _Claims, now: datetime) -> None:
    second, leeway = now.timestamp(), LEEWAY.total_seconds()
    life = claims.exp - claims.iat
    if min(claims.iat, claims.nbf) < 0 or not 0 <= life <= LONGEST_LIFE.total_seconds():
        raise TokenRefused("lifetime")
    if claims.iat > second + leeway or claims.nbf > second + leeway:
        raise TokenRefused("not yet valid")
    if claims.exp + leeway <= second:
        raise TokenRefused("expired")


def _unpadded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _strict(data: bytes, type_: type[T]) -> T:
    """Decode an object of exactly these members, each named once."""
    return msgspec.convert(json.loads(data, object_pairs_hook=_without_doubles), type_)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members
