"""Bodies of requests and answers about links by which a password is chosen."""

from typing import Annotated

from msgspec import Meta, Struct


class ResetRequest(Struct, forbid_unknown_fields=True):
    """Whose password is forgotten."""

    email: Annotated[str, Meta(min_length=3, max_length=254)]


class ChoiceRequest(Struct, forbid_unknown_fields=True):
    """What stands in the link behind its #, and the new password."""

    token: str
    password: str


class Mailed(Struct):
    """That a mail is on its way, or that nobody learns why not."""

    message: str
    message_ar: str
