"""Cookies that carry a short errand of a browser, as the state of a sign-in elsewhere; never a credential of the API.

`__Host-` has browsers take them over HTTPS, for this host alone and from nobody beside it. They are signed with their
name and their end, so that none can be made, moved or kept by its bearer.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable
from typing import Any, Literal

from masterlinc.clock import Clock
from masterlinc.sealing import Vault
from masterlinc.security.principal import NOBODY

PREFIX = "__Host-"
_LONGEST = 3_000


class Cookie:
    """One cookie of this host: how it is set, read and dropped."""

    def __init__(
        self, vault: Vault, clock: Clock, name: str, *, seconds: int, same_site: Literal["Lax", "Strict"] = "Strict"
    ) -> None:
        """Take its name without prefix; `Lax` is for those that come back with a link from another site."""
        self._vault, self._clock = vault, clock
        self.name = PREFIX + name
        self._seconds = seconds
        self._attributes = f"; Path=/; Secure; HttpOnly; SameSite={same_site}"

    def bake(self, value: str) -> str:
        """Return the `Set-Cookie` that gives a browser a value."""
        until = int(self._clock.now().timestamp()) + self._seconds
        text = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
        signed = f"{text}.{until}"
        return f"{self.name}={signed}.{self._mac(signed).hex()}; Max-Age={self._seconds}{self._attributes}"

    def drop(self) -> str:
        """Return the `Set-Cookie` that takes it away."""
        return f"{self.name}=; Max-Age=0{self._attributes}"

    def read(self, scope: Any) -> str | None:
        """Return the value that a request brings back; None where it is absent, not ours, over, or there twice."""
        sent = [value for name, value in _pairs(scope["headers"]) if name == self.name]
        if len(sent) != 1 or len(sent[0]) > _LONGEST:
            return None
        signed, _, mac = sent[0].rpartition(".")
        if not hmac.compare_digest(self._mac(signed).hex().encode(), mac.encode()):
            return None
        text, _, until = signed.rpartition(".")
        if int(until) <= self._clock.now().timestamp():
            return None
        try:
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None

    def _mac(self, signed: str) -> bytes:
        return self._vault.blind(NOBODY, f"cookie/{self.name}", signed)


def _pairs(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        if name == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                key, _, text = pair.strip().partition("=")
                yield key, text
