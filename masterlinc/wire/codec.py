"""Typed JSON: decoders are made once a type, money is exact in both directions."""

from collections.abc import Hashable
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from masterlinc import money
from masterlinc.errors import Invalid, Malformed
from masterlinc.money import Money, Quantity
from masterlinc.wire.faults import WrongValue, invalid
from masterlinc.wire.shape import MAX_BYTES, guard

T = TypeVar("T")

_WORDS: dict[type, tuple[str, str]] = {
    Money: (
        "A plain amount from 0 to 999999999999.99 with at most two decimals is expected",
        "المتوقع مبلغ من 0 إلى 999999999999.99 بمنزلتين عشريتين على الأكثر",
    ),
    Quantity: (
        "A plain number from 0 to 999999999 with at most four decimals is expected",
        "المتوقع رقم من 0 إلى 999999999 بأربع منازل عشرية على الأكثر",
    ),
}


def decode(data: bytes, type_: type[T], *, max_bytes: int = MAX_BYTES) -> T:
    """Read JSON from outside as `type_`; raises Malformed (400), TooLarge (413) or Invalid (422)."""
    tree = guard(data, max_bytes=max_bytes)
    if cast("Any", type_) is Any:
        return cast("T", tree)
    try:
        return cast("T", _decoder(cast("Hashable", type_)).decode(data))
    except msgspec.ValidationError as fault:
        raise invalid(fault) from None
    except msgspec.DecodeError as fault:
        raise Malformed(str(fault)) from None


def encode(value: object) -> bytes:
    """Write JSON; an amount is a number with two decimals."""
    return _encoder.encode(value)


def dump(value: object) -> str:
    """Write JSON text for a jsonb column."""
    return _encoder.encode(value).decode()


def load(text: str | bytes, type_: type[T]) -> T:
    """Read JSON that we wrote ourselves; what does not fit is our own fault and raises msgspec's error."""
    return cast("T", _decoder(cast("Hashable", type_)).decode(text))


def tree(text: str | bytes) -> Any:
    """Read JSON that was guarded before, without types and without loss: a number with a fraction is a Decimal."""
    try:
        return _untyped.decode(text)
    except InvalidOperation:  # an exponent that no number has
        raise Invalid("A number is out of range", "أحد الأرقام خارج النطاق المسموح") from None


def decode_hook(type_: type, value: Any) -> Any:
    """Build Money and Quantity for msgspec, with words for what is wrong."""
    try:
        return money.decode_hook(type_, value)
    except ValueError:
        raise WrongValue("number", *_WORDS[type_]) from None


def encode_hook(value: object) -> object:
    """Write Money with two decimals and other exact numbers as they are."""
    if isinstance(value, Money):
        return msgspec.Raw(format(value, ".2f").encode())
    if isinstance(value, Quantity):
        return msgspec.Raw(format(value, "f").encode())
    raise NotImplementedError(f"no encoder for {type(value).__name__}")


@cache
def _decoder(type_: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast("Any", type_), dec_hook=decode_hook, float_hook=str)


_untyped = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=encode_hook)
