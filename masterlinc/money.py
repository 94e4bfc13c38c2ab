"""Money in SAR: exact decimals with two places, never floats."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext
from typing import Any

_MONEY = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?", re.ASCII)
_QUANTITY = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,4})?", re.ASCII)
_HALALA = Decimal("0.01")
_LOWER_BOUND, _UPPER_BOUND = Decimal(0), Decimal(10) ** 12
# The caller's context has no say in money. One for all: making a context takes longer than rounding in it.
_EXACT = Context(prec=40, rounding=ROUND_HALF_UP)
_quantize = _EXACT.quantize


class Money(Decimal):
    """An amount in SAR from 0 to 999,999,999,999.99, with two places."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Money":
        """Read a plain ASCII decimal; raises ValueError for anything else."""
        return cls(Decimal(_plain(_MONEY, value)).quantize(_HALALA))


class Quantity(Decimal):
    """A count or factor from 0 to 999,999,999 with up to four places."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> "Quantity":
        """Read a plain ASCII decimal; raises ValueError for anything else."""
        return cls(_plain(_QUANTITY, value))


def _plain(pattern: re.Pattern[str], value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("not a plain decimal number")  # noqa: TRY004 - one error for all that is no amount
    text = format(value, "f") if isinstance(value, Decimal) else str(value)[:40]
    if not pattern.fullmatch(text):
        raise ValueError("not a plain decimal number in range")
    return text


def money(value: Decimal | int | str) -> Money:
    """Round to the halala, half-up (GE-00028); raises ValueError outside Money's range."""
    try:
        amount = _quantize(value if isinstance(value, Decimal) else Decimal(value), _HALALA)
        if _LOWER_BOUND <= amount < _UPPER_BOUND:
            return Money(amount) if amount else ZERO  # -0.00 becomes 0.00
    except InvalidOperation:  # no number, infinite, or of more digits than any amount has
        pass
    raise ValueError("an amount lies between 0 and 999,999,999,999.99 SAR")


def exact() -> AbstractContextManager[Context]:
    """Compute in this block as amounts are computed: the caller's own context has no say."""
    return localcontext(_EXACT)


def split(total: Decimal, weights: Sequence[Decimal]) -> list[Money]:
    """Share `total` in proportion to `weights`; the shares always sum to the whole."""
    whole, rest_weight = money(total), sum(weights, Decimal(0))
    if not weights or rest_weight <= 0 or min(weights) < 0:
        raise ValueError("shares need weights of zero or more, one of them positive")
    shares, rest = [], Decimal(whole)
    for weight in weights:
        share = money(rest * weight / rest_weight) if rest_weight else ZERO
        shares.append(share)
        rest, rest_weight = rest - share, rest_weight - weight
    return shares


def decode_hook(type_: type, value: Any) -> Any:
    """Build Money and Quantity where msgspec meets them."""
    if type_ is Money or type_ is Quantity:
        return type_.parse(value)
    raise NotImplementedError(f"no decoder for {type_.__name__}")


def encode_hook(value: object) -> object:
    """Hand msgspec the plain Decimal that it writes as a JSON number."""
    if isinstance(value, Decimal):
        return Decimal(value)
    raise NotImplementedError(f"no encoder for {type(value).__name__}")


ZERO = Money("0.00")
