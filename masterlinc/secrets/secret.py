"""The type of a setting that is a secret.

An agent that has one declares it in its config Struct and reads it where it is used, each time anew:

    class Config(Struct, forbid_unknown_fields=True, kw_only=True):
        client_secret: Secret = field(default_factory=Secret)

    ctx.config.client_secret.reveal()

Whoever writes the settings puts the secret itself there, or `file:/run/secrets/name`, or `vault:mount/path#field`.
What stands in a file or a vault is read at the start and again when it changes (`ctx.services.secrets`); who keeps
something made from a secret, as a connection, asks to be told with `on_change`.
"""

import hmac
import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Never

from msgspec import Struct

_FILE = re.compile(r"file:(/[^\0]+)\Z")
_VAULT = re.compile(r"vault:([\w.-]+)/([\w./-]*[\w.-])#([\w.-]+)\Z", re.ASCII)


class Secret:
    """A setting that is a secret: `reveal()` gives what it is now, and nothing else shows it."""

    __slots__ = ("_listeners", "_value", "_written")

    shape: ClassVar[re.Pattern[str] | None] = None  # that the secret itself must have

    def __init__(self, written: str = "") -> None:
        """Take what stands in the settings; raises ValueError for a reference that cannot be."""
        self._written = written
        self._listeners: list[Callable[[], None]] = []
        self._value: str | None = None
        if written.startswith("file:") and not _FILE.match(written):
            raise ValueError("a secret in a file is written file:/absolute/path")
        if written.startswith("vault:") and not _VAULT.match(written):
            raise ValueError("a secret in a vault is written vault:mount/path#field")
        if self.reference == "":
            self.take(written)

    @property
    def reference(self) -> str:
        """Return where the secret is kept, as it is written; empty: it stands in the settings itself."""
        return self._written if self._written.startswith(("file:", "vault:")) else ""

    @property
    def file(self) -> str:
        """Return the path of the file that holds the secret, or nothing."""
        found = _FILE.match(self._written)
        return found.group(1) if found else ""

    @property
    def vault(self) -> tuple[str, str, str] | None:
        """Return mount, path and field of the secret in a vault, or None."""
        found = _VAULT.match(self._written)
        return (found.group(1), found.group(2), found.group(3)) if found else None

    def reveal(self) -> str:
        """Return the secret as it is now."""
        if self._value is None:
            raise LookupError(f"{self.reference} has not been read")
        return self._value

    def take(self, value: str) -> bool:
        """Set what the secret is now, and tell who asked to be told; False where it is what it was."""
        if self.shape is not None and not self.shape.match(value):
            raise ValueError("it is not of the right form")
        if self._value is not None and _alike(self._value, value):
            return False
        first, self._value = self._value is None, value
        if not first:
            for listener in tuple(self._listeners):
                listener()
        return True

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def __bool__(self) -> bool:
        return self._written != ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and _alike(self._written, other._written)

    __hash__ = None  # type: ignore[assignment]  # a key of a dict would be a way to show it

    def __repr__(self) -> str:
        """Show where the secret is kept, or nothing."""
        return f"Secret({self.reference or '…'})" if self._written else "Secret()"

    def __format__(self, spec: str) -> Never:
        """Refuse: a key that is made of a text with a secret in it must not be made of the dots that hide it."""
        raise TypeError("a secret is not put into a text; reveal() says that it is meant")

    __str__ = __repr__

    def __reduce__(self) -> Never:
        """Refuse to be pickled."""
        raise TypeError("a secret is not pickled")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _: Any) -> "Secret":
        return self


def decode(type_: Any, written: Any) -> Any:
    """Decode a secret among the settings; msgspec's `dec_hook`."""
    if not (isinstance(type_, type) and issubclass(type_, Secret)):
        raise NotImplementedError(type_)
    if not isinstance(written, str):
        raise TypeError(f"Expected `str`, got `{type(written).__name__}`")
    return type_(written)


def secrets_of(settings: Any, path: str = "") -> Iterator[tuple[str, Secret]]:
    """Yield every secret among settings, with its key."""
    if isinstance(settings, Secret):
        yield path, settings
    elif isinstance(settings, Struct):
        for name in settings.__struct_fields__:
            yield from secrets_of(getattr(settings, name), f"{path}.{name}" if path else name)
    elif isinstance(settings, list | tuple):
        for place, one in enumerate(settings):
            yield from secrets_of(one, f"{path}[{place}]")
    elif isinstance(settings, dict):
        for name, one in settings.items():
            yield from secrets_of(one, f"{path}.{name}" if path else str(name))


def _alike(one: str, other: str) -> bool:
    """Compare in the same time however much is alike; the environment may hold what is no text."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
