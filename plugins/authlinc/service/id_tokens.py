"""ID tokens (OpenID Connect Core 3.1.3.7): what a provider says of a user, believed only when everything fits."""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from msgspec import Struct

LONGEST = 16_384
LONGEST_SUBJECT = 255  # ASCII characters (OpenID Connect Core 2)
LEEWAY = timedelta(seconds=60)
_OLDEST = timedelta(minutes=10)
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
_HEADER = {"alg", "kid", "typ", "x5t"}  # a thumbprint is a name, and is not looked at; every other member is refused
_OPTIONS: Any = {
    "require": _REQUIRED,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}  # by our own clock below


class Expected(Struct, frozen=True):
    """What an ID token has to say."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: tuple[str, ...]
    now: datetime


class IdTokenUnfit(Exception):
    """The token is not good; `str` says why, for our audit."""


class UnknownKey(IdTokenUnfit):
    """The token names a key that we do not know: the provider may have a new one."""


def subject_of(token: str, keys: Mapping[str, Any], expected: Expected) -> str:
    """Return whom a token is about; raises IdTokenUnfit."""
    key, algorithm = _key(token, keys, expected)
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm], options=_OPTIONS)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as fault:
        raise IdTokenUnfit(type(fault).__name__) from None
    _check(claims, expected)
    return str(claims["sub"])


def _key(token: str, keys: Mapping[str, Any], expected: Expected) -> tuple[Any, str]:
    if len(token) > LONGEST or not token.isascii():
        raise IdTokenUnfit("shape")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise IdTokenUnfit("shape") from None
    if not header.keys() <= _HEADER or header.get("alg") not in expected.algorithms:
        raise IdTokenUnfit("header")
    name = header.get("kid", "")
    key = keys.get(name) if isinstance(name, str) else None
    if key is None:
        raise UnknownKey("unknown key")
    if key.algorithm_name not in {None, header["alg"]}:
        raise IdTokenUnfit("algorithm of another key")
    return key.key, header["alg"]


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims["iss"] != expected.issuer:
        raise IdTokenUnfit("issuer")
    if expected.client_id not in audience or claims.get("azp", expected.client_id) != expected.client_id:
        raise IdTokenUnfit("audience")
    if len(audience) > 1 and "azp" not in claims:
        raise IdTokenUnfit("audience")
    nonce, subject = claims["nonce"], claims["sub"]
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(errors="replace"), expected.nonce.encode()):
        raise IdTokenUnfit("nonce")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT or not subject.isascii():
        raise IdTokenUnfit("subject")
    second, leeway = expected.now.timestamp(), LEEWAY.total_seconds()
    times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
    if not all(type(one) is int and 0 <= one < 2**40 for one in times):
        raise IdTokenUnfit("times")
    if times[0] + leeway <= second or max(times[1:]) > second + leeway:
        raise IdTokenUnfit("times")
    if times[1] + _OLDEST.total_seconds() <= second:
        raise IdTokenUnfit("times")
