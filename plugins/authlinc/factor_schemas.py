"""Bodies of requests and answers about second factors."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Code = Annotated[str, Meta(min_length=6, max_length=64)]


class FactorStanding(Struct):
    """Whether the caller has a second factor, and whether they have to."""

    enrolled: bool
    required: bool
    enrolled_at: datetime | None
    recovery_codes_left: int


class EnrolRequest(Struct, forbid_unknown_fields=True):
    """A fresh proof that it is the user."""

    password: str


class CodeRequest(Struct, forbid_unknown_fields=True):
    """A code of the authenticator, or a recovery code where one is taken."""

    code: Code


class ChallengeRequest(Struct, forbid_unknown_fields=True):
    """What the first step was answered with."""

    challenge: str


class SecondStepRequest(Struct, forbid_unknown_fields=True):
    """What the first step was answered with, and a code."""

    challenge: str
    code: Code


class Enrolled(Struct):
    """What is shown once."""

    secret: str
    otpauth_url: str
    recovery_codes: tuple[str, ...]


class RecoveryCodes(Struct):
    """New recovery codes, shown once."""

    recovery_codes: tuple[str, ...]
