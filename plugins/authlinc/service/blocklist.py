"""An operator's own list of passwords that nobody may choose, as from a breach: a file, one password a line."""

from array import array
from bisect import bisect_left
from hashlib import sha256
from pathlib import Path

from masterlinc.errors import StartupError
from masterlinc.security.passwords import normalize

_BYTES = 8  # of a digest: a million passwords take eight megabytes


class Blocklist:
    """The passwords of a file; looked up by the start of their digest."""

    def __init__(self, digests: "array[int]") -> None:
        self._digests = digests

    def __contains__(self, password: str) -> bool:
        wanted = _digest(password)
        place = bisect_left(self._digests, wanted)
        return place < len(self._digests) and self._digests[place] == wanted

    def __len__(self) -> int:
        return len(self._digests)


def load(path: str) -> Blocklist:
    """Read a file; none where no path is set. Raises StartupError with one line."""
    if not path:
        return Blocklist(array("Q"))
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            return Blocklist(array("Q", sorted({_digest(line.rstrip("\r\n")) for line in lines if line.strip()})))
    except OSError as fault:
        raise StartupError(f"configuration: agents.authlinc.blocked_passwords: {path}: {fault.strerror}") from None


def _digest(password: str) -> int:
    folded = normalize(password[:1024]).casefold() if len(password.encode()) <= 1024 else password[:256]  # noqa: PLR2004
    return int.from_bytes(sha256(folded.encode()).digest()[:_BYTES])
