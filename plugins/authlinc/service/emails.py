"""E-mail addresses: one form for each mailbox, sealed in the database and found by a blind index."""

import re
import unicodedata
from uuid import UUID

from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid
from masterlinc.security.principal import NOBODY

_LONGEST = 254
_SHAPE = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.ASCII)


def fold_email(typed: str) -> str:
    """Return the address in its one form: case, width, outer spaces and invisible marks make no difference.

    Raises Invalid for anything but a plain ASCII address, so that no look-alike letter makes a twin.
    """
    if len(typed) <= _LONGEST:
        folded = unicodedata.normalize("NFKC", typed).casefold()
        folded = "".join(letter for letter in folded if unicodedata.category(letter) not in {"Cf", "Cc"}).strip()
        if len(folded) <= _LONGEST and _SHAPE.fullmatch(folded):
            return folded
    raise Invalid(errors=[FieldError("email", "email", "this is no e-mail address", "البريد الإلكتروني غير صحيح")])


def email_index(ctx: Context, folded: str) -> bytes:
    """Return what a user is found by, in no organization's name: nobody is signed in yet."""
    return ctx.vault.blind(NOBODY, "authlinc.email", folded)


def seal_email(ctx: Context, organization_id: UUID, user_id: UUID, folded: str) -> bytes:
    """Encrypt a user's address."""
    return ctx.vault.seal(organization_id, _label(user_id), folded.encode())


def open_email(ctx: Context, organization_id: UUID, user_id: UUID, sealed: bytes) -> str:
    """Decrypt a user's address."""
    return ctx.vault.open(organization_id, _label(user_id), sealed).decode()


def _label(user_id: UUID) -> str:
    return f"authlinc.user.email/{user_id}"
