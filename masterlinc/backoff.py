"""How long to wait before trying again."""

import random
from datetime import timedelta

_LONGEST = 300.0


def backoff(attempt: int) -> timedelta:
    """Return 1, 2, 4 … seconds, five minutes at most, with jitter so that a crowd does not return at once."""
    seconds = min(2.0 ** (attempt - 1), _LONGEST)
    return timedelta(seconds=seconds * random.uniform(0.5, 1.0))  # nosec B311 # noqa: S311 - spreads load, guards nothing
