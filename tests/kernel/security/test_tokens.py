"""Attack cases of tokens; the numbers are those of the security rules."""

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gates import REALM, Gate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from masterlinc.security import tokens
from masterlinc.security.keys import raw
from masterlinc.security.tokens import LONGEST_TOKEN, SigningKey, TokenRefused, issue

_ORDER = 2**252 + 27742317777372353535851937790883648493


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    return json.loads(_bytes(header)), json.loads(_bytes(claims))


def _sign(key: Ed25519PrivateKey, header: object, claims: object) -> str:
    """Sign anything at all with a true key."""
    first, second = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims))
    signed = f"{_b64(first)}.{_b64(second)}"
    return f"{signed}.{_b64(key.sign(signed.encode()))}"


def _forge(gate: Gate, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of the true key with other members; Ellipsis drops one."""
    old_header, old_claims = _parts(gate.token())
    new_header, new_claims = {**old_header, **(header or {})}, {**old_claims, **claims}
    return _sign(
        gate.private,
        {name: value for name, value in new_header.items() if value is not ...},
        {name: value for name, value in new_claims.items() if value is not ...},
    )


def _refused(gate: Gate, token: str) -> None:
    with pytest.raises(TokenRefused) as refusal:
        gate.verify(token)
    assert refusal.value.status == 401
    assert refusal.value.detail == "Sign in first"


def test_a_token_becomes_its_principal(gate: Gate) -> None:
    principal = gate.verify(gate.token())
    assert (principal.user_id, principal.organization_id) == (gate.user, gate.organization)
    assert principal.organizations == {gate.organization}
    assert principal.permissions == {"patient:read", "session:own"}
    assert (principal.kind, principal.session_id) == ("user", gate.session)
    assert principal.expires_at == gate.clock.now() + timedelta(minutes=10)


def test_a_forged_copy_of_the_true_members_is_the_true_token(gate: Gate) -> None:
    assert gate.verify(_forge(gate)).user_id == gate.user


def test_an_unknown_role_grants_nothing(gate: Gate) -> None:
    assert gate.verify(gate.token("emperor")).permissions == frozenset()


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", "", None])
@pytest.mark.parametrize("signature", ["", "A" * 86])
def test_01_no_algorithm(gate: Gate, algorithm: str | None, signature: str) -> None:
    header, claims = _parts(gate.token())
    header["alg"] = algorithm
    _refused(gate, f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_02_hmac_with_the_public_key(gate: Gate, algorithm: str) -> None:
    header, claims = _parts(gate.token())
    header["alg"] = algorithm
    signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
    digest = hashlib.sha256 if algorithm == "HS256" else hashlib.sha512
    _refused(gate, f"{signed}.{_b64(hmac.digest(raw(gate.private), signed.encode(), digest))}")


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "x5t", "crit", "b64", "zip", "cty"])
def test_03_keys_and_extensions_in_the_header(gate: Gate, member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *a: called.append(a))
    other = Ed25519PrivateKey.generate()
    header, claims = _parts(gate.token())
    values = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": _b64(raw(other))}, "crit": ["exp"], "b64": False}
    value = values.get(member, "http://127.0.0.1:9/keys")
    _refused(gate, _sign(other, {**header, member: value}, claims))
    _refused(gate, _sign(gate.private, {**header, member: value}, claims))
    assert called == []


@pytest.mark.parametrize(
    "kid", ["../../dev/null", "' OR 1=1--", "A" * 65536, "\x00", ["x"], {"x": 1}, None, 7, "", ...]
)
def test_04_odd_key_numbers(gate: Gate, kid: object) -> None:
    good = gate.token()
    _refused(gate, _forge(gate, {"kid": kid}))
    assert gate.verify(good)


def test_04_ten_thousand_unknown_keys_harm_nobody(gate: Gate) -> None:
    good, (header, claims) = gate.token(), _parts(gate.token())
    gate.verify(good)
    tail = good.split(".", 1)[1]
    start = time.perf_counter()
    for number in range(10_000):
        _refused(gate, f"{_b64(json.dumps({**header, 'kid': f'k{number}'}).encode())}.{tail}")
    assert time.perf_counter() - start < 10
    assert gate.verify(good).user_id == gate.user
    assert len(gate.verifier._seen) == 1
    assert claims


def test_06_another_key_with_our_number(gate: Gate) -> None:
    thief = Ed25519PrivateKey.generate()
    header, claims = _parts(gate.token())
    _refused(gate, _sign(thief, header, claims))


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [..., "1772359200", 1772359200.0, 1.5, -1, 10**30, None, True, [], {}, "never"])
def test_07_times_of_another_type(gate: Gate, claim: str, value: object) -> None:
    _refused(gate, _forge(gate, **{claim: value}))


def test_07_a_token_ends(gate: Gate) -> None:
    token = gate.token()
    gate.clock.moment += timedelta(minutes=10, seconds=59)
    assert gate.verify(token)
    gate.clock.moment += timedelta(seconds=1)
    _refused(gate, token)


def test_07_a_remembered_token_ends(gate: Gate) -> None:
    token = gate.token()
    gate.verify(token)
    gate.clock.moment += timedelta(minutes=11)
    _refused(gate, token)
    assert gate.verifier._seen == {}


def test_07_no_token_lives_longer_than_a_day(gate: Gate) -> None:
    assert gate.verify(gate.token(life=timedelta(hours=24)))
    _refused(gate, gate.token(life=timedelta(hours=24, seconds=1)))


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_08_tokens_of_the_future(gate: Gate, claim: str) -> None:
    second = int(gate.clock.now().timestamp())
    assert gate.verify(_forge(gate, **{claim: second + 60}))
    _refused(gate, _forge(gate, **{claim: second + 61}))


@pytest.mark.parametrize(
    "issuer", [..., "", "masterlinc.evil", "https://masterlinc", "Masterlinc", ["masterlinc"], None]
)
def test_09_other_issuers(gate: Gate, issuer: object) -> None:
    _refused(gate, _forge(gate, iss=issuer))


@pytest.mark.parametrize(
    "audience", [..., "", "other", "masterlinc-api2", ["masterlinc-api"], ["x", "masterlinc-api"], None]
)
def test_10_other_audiences(gate: Gate, audience: object) -> None:
    _refused(gate, _forge(gate, aud=audience))


@pytest.mark.parametrize("kind", [..., "refresh", "id", "reset", "ws", "ACCESS", None, 1])
def test_11_other_kinds_of_token(gate: Gate, kind: object) -> None:
    _refused(gate, _forge(gate, typ=kind))


@pytest.mark.parametrize("kind", [..., "JWT", "jwt", "refresh+jwt", "application/at+jwt", None])
def test_11_other_header_types(gate: Gate, kind: object) -> None:
    _refused(gate, _forge(gate, {"typ": kind}))


def test_12_members_named_twice(gate: Gate) -> None:
    header, claims = _parts(gate.token())
    double_header = json.dumps(header)[:-1].encode() + b',"alg":"EdDSA"}'
    double_claims = json.dumps(claims)[:-1].encode() + f',"sub":"{uuid4()}"}}'.encode()
    _refused(gate, _sign(gate.private, double_header, claims))
    _refused(gate, _sign(gate.private, header, double_claims))


def test_12_members_that_nobody_knows(gate: Gate) -> None:
    _refused(gate, _forge(gate, is_admin=True))
    _refused(gate, _forge(gate, {"admin": True}))


@pytest.mark.parametrize("claim", ["sub", "jti", "sid", "org", "roles"])
@pytest.mark.parametrize("value", [..., None, "", 7, "not-a-uuid", {"a": 1}, [7], "' OR 1=1--"])
def test_15_edited_claims(gate: Gate, claim: str, value: object) -> None:
    _refused(gate, _forge(gate, **{claim: value}))


def test_15_an_edited_organization_breaks_the_signature(gate: Gate) -> None:
    token = gate.token()
    header, claims = _parts(token)
    claims["org"] = str(uuid4())
    head, _, signature = token.split(".")
    _refused(gate, f"{head}.{_b64(json.dumps(claims).encode())}.{signature}")
    for secret in (b"", b"secret", b"changeme", b"masterlinc"):
        header["alg"] = "HS256"
        signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
        _refused(gate, f"{signed}.{_b64(hmac.digest(secret, signed.encode(), 'sha256'))}")


_SHAPES: list[Callable[[str], str]] = [
    lambda token: token + "=",
    lambda token: token + "\n",
    lambda token: " " + token,
    lambda token: token.replace(".", ". ", 1),
    lambda token: token.replace(".", "\uff0e"),
    lambda token: token.replace(".", "\u2024", 1),
    lambda token: token + ".",
    lambda token: token + ".AAAA.BBBB",
    lambda token: "." + token,
    lambda token: token + "A",
    lambda token: token[:-1],
    lambda token: token.replace(".", "..", 1),
    lambda token: f"{token.split('.')[0]}..{token.split('.')[2]}",
    lambda token: token.rsplit(".", 1)[0] + ".",
    lambda token: token + "\x00",
    lambda token: token.swapcase(),
    lambda _: "",
    lambda _: "..",
    lambda _: "null",
    lambda _: "a" * 1_048_576,
    lambda _: ".".join("A" * 300_000 for _ in range(3)),
]


@pytest.mark.parametrize("bend", _SHAPES)
def test_17_and_18_bent_shapes(gate: Gate, bend: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    read = Mock(wraps=tokens._SHAPE)
    monkeypatch.setattr(tokens, "_SHAPE", read)
    bent = bend(gate.token())
    _refused(gate, bent)
    assert read.fullmatch.called == (len(bent) <= LONGEST_TOKEN)  # a megabyte is refused by its length


def test_17_encrypted_and_nested_tokens(gate: Gate) -> None:
    _refused(gate, f"{_b64(json.dumps({'alg': 'dir', 'enc': 'A256GCM'}).encode())}..AAAA.AAAA.AAAA")
    header, _ = _parts(gate.token())
    _refused(gate, _sign(gate.private, {**header, "cty": "JWT"}, gate.token().encode()))
    _refused(gate, _sign(gate.private, header, gate.token().encode()))


def test_17_deep_json_inside(gate: Gate) -> None:
    header, _ = _parts(gate.token())
    _refused(gate, _sign(gate.private, header, b"[" * 2900))
    _refused(gate, _sign(gate.private, b"[" * 2900, b"{}"))
    _refused(gate, _sign(gate.private, header, b"\xff\xfe"))


def test_18_the_same_signature_written_otherwise(gate: Gate) -> None:
    head, claims, signature = gate.token().split(".")
    gate.verify(f"{head}.{claims}.{signature}")
    twins = [
        last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" if last != signature[-1]
    ]
    for last in twins:
        _refused(gate, f"{head}.{claims}.{signature[:-1]}{last}")
    r, s = _bytes(signature)[:32], int.from_bytes(_bytes(signature)[32:], "little") + _ORDER
    _refused(gate, f"{head}.{claims}.{_b64(r + s.to_bytes(32, 'little'))}")


def test_19_a_key_that_is_gone(gate: Gate) -> None:
    old, fresh = gate.token(), Ed25519PrivateKey.generate()
    gate.verify(old)
    gate.verifier.trust({gate.key.kid: gate.private.public_key(), "next": fresh.public_key()})
    assert gate.verify(old)  # the overlap
    gate.verifier.trust({"next": fresh.public_key()})
    _refused(gate, old)
    gate.key = SigningKey("next", fresh)
    assert gate.verify(gate.token())


def test_22_a_revoked_session_ends_at_once(gate: Gate) -> None:
    token = gate.token()
    gate.verify(token)
    gate.revocations.add(gate.session, gate.clock.now() + timedelta(minutes=12))
    _refused(gate, token)
    _refused(gate, gate.token())


def test_what_is_remembered_is_bounded(gate: Gate) -> None:
    tokens = [gate.token() for _ in range(50)]
    for token in tokens:
        gate.verify(token)
    assert len(gate.verifier._seen) == 8
    assert gate.verify(tokens[0])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.text(max_size=300)
    | st.from_regex(r"[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{1,80}\.[A-Za-z0-9_-]{86}", fullmatch=True)
)
def test_garbage_is_refused(gate: Gate, token: str) -> None:
    _refused(gate, token)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(["iss", "aud", "sub", "jti", "sid", "org", "roles", "typ", "iat", "nbf", "exp", "new"]), _JSON)
def test_garbage_in_signed_claims_is_refused_or_harmless(gate: Gate, claim: str, value: object) -> None:
    token = _forge(gate, **{claim: value})
    try:
        principal = gate.verify(token)
    except TokenRefused:
        return
    assert principal.organizations == {principal.organization_id}
    assert principal.permissions <= {"patient:read", "session:own"}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(_JSON)
def test_garbage_as_signed_claims_is_refused(gate: Gate, claims: object) -> None:
    header, _ = _parts(gate.token())
    _refused(gate, _sign(gate.private, header, claims))


def test_a_flipped_bit_is_refused(gate: Gate) -> None:
    token = gate.token()
    for place in range(0, len(token), 7):
        flipped = token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :]
        _refused(gate, flipped)


def test_issuer_and_verifier_agree_on_the_realm(gate: Gate) -> None:
    assert REALM.issuer == _parts(gate.token())[1]["iss"]
    assert issue.__doc__
