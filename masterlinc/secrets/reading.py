"""Reads secrets from where they are kept. Everything here blocks, with a deadline."""

from typing import TYPE_CHECKING, Any

from masterlinc.errors import StartupError
from masterlinc.secrets.files import SourceFault, read_file
from masterlinc.secrets.kv import Store
from masterlinc.secrets.secret import Secret, secrets_of

if TYPE_CHECKING:
    from masterlinc.settings import VaultSettings


class Reader:
    """Reads from files, and from one vault that it stays signed in to."""

    def __init__(self, settings: "VaultSettings") -> None:
        self._settings = settings
        self._store: Store | None = None

    def values(self, wanted: list[Secret]) -> "list[str | SourceFault]":
        """Return what each of these secrets is now, or why it cannot be read; each place is read once."""
        known: dict[tuple[str, str], dict[str, Any] | SourceFault] = {}
        return [self._value(one, known) for one in wanted]

    def _value(self, secret: Secret, known: dict[tuple[str, str], Any]) -> "str | SourceFault":
        try:
            if secret.vault is None:
                return read_file(secret.file)
            mount, path, field = secret.vault
            if (mount, path) not in known:
                known[mount, path] = self._fields(mount, path)
        except SourceFault as fault:
            return fault
        fields = known[mount, path]
        if isinstance(fields, SourceFault):
            return fields
        text = fields.get(field)
        return text if isinstance(text, str) and text else SourceFault(f"{mount}/{path} has no text in {field}")

    def _fields(self, mount: str, path: str) -> "dict[str, Any] | SourceFault":
        try:
            if self._store is None:
                self._store = Store(self._settings)
            return self._store.read(mount, path)
        except SourceFault as fault:
            return fault


def read(settings: Any, vault: "VaultSettings", section: str = "") -> None:
    """Read every secret that these settings keep elsewhere, files first; the start does; raises StartupError."""
    found = [(path, secret) for path, secret in secrets_of(settings, section) if secret.reference]
    for path, secret in found:
        if path.startswith("vault.") and secret.vault:
            raise StartupError(f"configuration: {path} cannot be kept in the vault that it opens")
    reader = Reader(vault)
    for kept in ([one for one in found if one[1].file], [one for one in found if one[1].vault]):
        for (path, secret), value in zip(kept, reader.values([secret for _, secret in kept]), strict=True):
            fault = value if isinstance(value, SourceFault) else fill(secret, value)
            if fault is not None:
                raise StartupError(f"configuration: {path}: {fault}")


def fill(secret: Secret, value: str) -> SourceFault | None:
    """Let a secret be this value; returns why it cannot be."""
    try:
        secret.take(value)
    except ValueError as fault:
        return SourceFault(str(fault))
    return None
