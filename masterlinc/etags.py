"""`ETag` and `If-Match`: a change names the version that it was made from."""

import base64
from hashlib import sha256

from msgspec import Struct

from masterlinc.errors import PreconditionFailed, PreconditionRequired
from masterlinc.wire import encode

_BYTES = 15
_ANY = "*"


def etag(shown: Struct) -> str:
    """Return the tag of what is shown: another whenever a field is."""
    return f'"{base64.urlsafe_b64encode(sha256(encode(shown)).digest()[:_BYTES]).decode()}"'


def require_match(if_match: str | None, shown: Struct) -> None:
    """Raise PreconditionRequired where no version is named, PreconditionFailed where another is."""
    if if_match is None:
        raise PreconditionRequired
    named = {one.strip() for one in if_match.split(",")}
    if not named & {_ANY, etag(shown)}:
        raise PreconditionFailed
