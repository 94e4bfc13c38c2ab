"""What is kept from a payment: detail.amount = payment + early fee + NPHIES fee, fees negative (BV-00479)."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import NamedTuple

_HALALA = Decimal("0.01")
_NONE = Decimal("0.00")


class Detail(NamedTuple):
    """One detail of a reconciliation."""

    payment: Decimal
    early_fee: Decimal
    nphies_fee: Decimal

    @property
    def amount(self) -> Decimal:
        """Return what goes to the bank."""
        return self.payment + self.early_fee + self.nphies_fee


def detail(payment: Decimal, early_percent: Decimal, nphies_percent: Decimal) -> Detail:
    """Take the fees of a payment; what is taken back bears none.

    The NPHIES fee is cut to the halala, not rounded: 1 % of 195.50 is 1.95 in the sample of NPHIES.
    """
    if payment <= 0:
        return Detail(payment, _NONE, _NONE)
    early = (payment * early_percent / 100).quantize(_HALALA, ROUND_HALF_UP)
    nphies = (payment * nphies_percent / 100).quantize(_HALALA, ROUND_DOWN)
    return Detail(payment, _NONE - early, _NONE - nphies)
