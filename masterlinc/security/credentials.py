"""Kinds of bearer credentials: our own tokens, and those that an agent knows by their prefix."""

from collections.abc import Callable, Mapping
from typing import Protocol

from masterlinc.security.principal import Principal


class Verifier(Protocol):
    """What turns a bearer credential into a principal."""

    def verify(self, token: str) -> Principal:
        """Return the credential's principal; raises Unauthenticated."""


class Credentials:
    """The verifier of every kind; none of them looks outside of the process's memory."""

    def __init__(self, tokens: Verifier, kinds: Mapping[str, Callable[[str], Principal]]) -> None:
        self._tokens, self._kinds = tokens, tuple(kinds.items())

    def verify(self, token: str) -> Principal:
        """Return the principal of a token or key; raises Unauthenticated."""
        for prefix, verify in self._kinds:
            if token.startswith(prefix):
                return verify(token)
        return self._tokens.verify(token)
