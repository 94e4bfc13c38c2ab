"""What the routes take; their answers are the tasks' own."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Raw, Struct

from masterlinc.money import Money, Quantity

Short = Annotated[str, Meta(min_length=1, max_length=60)]
Lines = Annotated[int, Meta(ge=1, le=10_000)]


class CodeForm(Struct, forbid_unknown_fields=True):
    """A line's code as the provider writes it."""

    code: Short
    sequence: Lines = 1
    system: Annotated[str, Meta(max_length=200)] | None = None
    display: Annotated[str, Meta(max_length=1000)] | None = None


class NormalizeForm(Struct, forbid_unknown_fields=True):
    """Codes of one claim."""

    codes: Annotated[list[CodeForm], Meta(min_length=1, max_length=1000)]
    claim_type: Short = "professional"


class LineForm(Struct, forbid_unknown_fields=True):
    """The figures of one line."""

    quantity: Quantity
    unit_price: Money
    net: Money
    sequence: Lines = 1
    factor: Quantity = Quantity(1)
    tax: Money = Money("0.00")


class RulesForm(Struct, forbid_unknown_fields=True):
    """The figures of one claim."""

    lines: Annotated[list[LineForm], Meta(min_length=1, max_length=1000)]
    total: Money


class SignForm(Struct, forbid_unknown_fields=True):
    """A document: any JSON, kept as it is written."""

    payload: Raw


class VerifyForm(Struct, forbid_unknown_fields=True):
    """A document with the signature that was made over it."""

    payload: Raw
    signature: Annotated[str, Meta(min_length=1, max_length=200)]
    key_id: Short
    organization_id: UUID | None = None  # the caller's own where it is missing
