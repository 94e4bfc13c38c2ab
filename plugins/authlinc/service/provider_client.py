"""What we know of a provider, and the calls to it: with a deadline, over verified TLS, and few of them."""

import asyncio
import base64
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import httpx
import jwt
import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from msgspec import Struct

from authlinc.config import Provider
from authlinc.provider_errors import ProviderAway
from authlinc.service.id_tokens import IdTokenUnfit
from masterlinc.clock import Clock

_SECONDS = 10.0
_FRESH = timedelta(hours=1)
_NOT_SOONER = timedelta(minutes=1)  # however many tokens name a key that nobody knows
_LARGEST = 262_144
_FAULT_OF_THEIRS = 500
# A PEM file that is gone is an OSError; an answer that is no JSON or too large a ValueError, too deep a RecursionError.
_AWAY = (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError, RecursionError)


class CodeUnfit(IdTokenUnfit):
    """The provider gives no ID token for the code."""


class Metadata(Struct, frozen=True):
    """The part of a provider's metadata that we use (OpenID Connect Discovery 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(Struct, frozen=True):
    id_token: str


class _KeySet(Struct, frozen=True):
    keys: list[dict[str, Any]]


class ProviderClient:
    """A provider as this process knows it: metadata and keys are kept, and read anew outside of most requests."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self.provider, self._clock = provider, clock
        self._metadata: Metadata | None = None
        self._keys: dict[str, Any] = {}
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._reading = asyncio.Lock()

    @property
    def keys(self) -> Mapping[str, Any]:
        """Return the provider's keys by their number; asking never causes a call."""
        return self._keys

    async def metadata(self) -> Metadata:
        """Return the provider's metadata; raises ProviderAway where it was never read and cannot be."""
        now = self._clock.now()
        if self._metadata is None or self._read_at is None or now - self._read_at >= _FRESH:
            await self.refresh()
        if self._metadata is None:
            raise ProviderAway
        return self._metadata

    async def refresh(self) -> bool:
        """Read metadata and keys, at most once a minute; False where it was too soon or failed: the old ones stay."""
        async with self._reading:
            now = self._clock.now()
            if self._tried_at is not None and now - self._tried_at < _NOT_SOONER:
                return False
            self._tried_at = now
            try:
                async with asyncio.timeout(_SECONDS), self._client() as client:
                    metadata = await self._read_metadata(client)
                    keys = _keys(await _get(client, metadata.jwks_uri))
            except _AWAY:
                return False
            if keys:
                self._metadata, self._keys, self._read_at = metadata, keys, now
            return bool(keys)

    async def authorization_url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return where a browser is sent to sign in."""
        metadata = await self.metadata()
        return str(
            prepare_grant_uri(
                metadata.authorization_endpoint,
                client_id=self.provider.client_id,
                response_type="code",
                redirect_uri=redirect_uri,
                scope=self.provider.scope,
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        )

    async def id_token(self, code: str, redirect_uri: str, verifier: str) -> str:
        """Trade a code for an ID token; raises ProviderAway, or CodeUnfit where the provider refuses the code."""
        metadata = await self.metadata()
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        fields["code_verifier"] = verifier
        try:
            async with asyncio.timeout(_SECONDS), self._client() as client:
                headers = {"Authorization": self._basic()}
                status, body = await _read(client, "POST", metadata.token_endpoint, data=fields, headers=headers)
        except _AWAY:
            raise ProviderAway from None
        if status >= _FAULT_OF_THEIRS:
            raise ProviderAway
        try:
            return msgspec.json.decode(body, type=_Tokens).id_token
        except (msgspec.DecodeError, RecursionError):
            raise CodeUnfit("code") from None

    async def _read_metadata(self, client: Any) -> Metadata:
        found = await _get(client, f"{self.provider.issuer}/.well-known/openid-configuration")
        metadata = msgspec.convert(found, Metadata)
        ours = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        if metadata.issuer != self.provider.issuer or not all(one.startswith("https://") for one in ours):
            raise ValueError("the metadata are another issuer's, or name an address without TLS")
        return metadata

    def _basic(self) -> str:
        """Return how we prove ourselves there: both halves escaped as in a form (RFC 6749 2.3.1)."""
        halves = (self.provider.client_id, self.provider.client_secret.reveal())
        return "Basic " + base64.b64encode(":".join(quote_plus(half) for half in halves).encode()).decode()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=self.provider.authorities or None),
            timeout=_SECONDS,
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json"},
        )


async def _get(client: httpx.AsyncClient, url: str) -> Any:
    status, body = await _read(client, "GET", url)
    if status != httpx.codes.OK:
        raise ValueError(f"the provider answers {status}")
    return msgspec.json.decode(body)


async def _read(client: httpx.AsyncClient, method: str, url: str, **options: Any) -> tuple[int, bytes]:
    """Return an answer's status and body; raises ValueError for one that is too large."""
    async with client.stream(method, url, **options) as answer:
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise ValueError("the answer is too large")
    return answer.status_code, body


def _keys(found: Any) -> dict[str, Any]:
    """Return the keys of a set that sign, by their number; kinds that are not known are left out.

    Raises ValueError for what is no set of keys.
    """
    keys = {}
    for jwk in msgspec.convert(found, _KeySet).keys:
        if jwk.get("use", "sig") == "sig" and jwk.get("kty") in ("RSA", "EC", "OKP"):
            try:
                keys[str(jwk.get("kid", ""))] = jwt.PyJWK(jwk)
            except jwt.PyJWTError:
                continue
    return keys
