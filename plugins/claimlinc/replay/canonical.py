"""One spelling of a decision: the same decision is the same bytes, whether it was just made or read from its rows."""

import msgspec

from claimlinc.contract import Decision
from masterlinc.money import Money, Quantity


def canonical(decision: Decision) -> bytes:
    """Write a decision with its trace: keys in order, amounts with two places, quantities with four."""
    return _encoder.encode(decision)


def _spelled(value: object) -> object:
    """Spell a number as its column holds it."""
    if isinstance(value, Money):
        return f"{value:.2f}"
    if isinstance(value, Quantity):
        return f"{value:.4f}"
    raise NotImplementedError(f"no spelling of {type(value).__name__}")


# jsonb keeps the keys of an object in an order of its own, so they are sorted here.
_encoder = msgspec.json.Encoder(order="sorted", enc_hook=_spelled)
