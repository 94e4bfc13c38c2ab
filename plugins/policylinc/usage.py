"""What a person has used: of each benefit in a policy year, and over all years with the payer."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from policylinc.contract import LimitKind, LimitPer
from policylinc.records import Use

NOTHING = Use()


class Usage(NamedTuple):
    """Sums of the ledger by benefit, as they were posted: a parent's without those of its sub-benefits."""

    year: Mapping[str, Use]
    lifetime: Mapping[str, Use]

    def total(self) -> Use:
        """Return what is used of all benefits in the policy year."""
        return sum(self.year.values(), NOTHING)

    def with_sub_benefits(self, parents: Mapping[str, str | None]) -> "Usage":
        """Count what a sub-benefit uses for its parent too; `parents` names each benefit's."""
        return Usage(_with_parents(self.year, parents), _with_parents(self.lifetime, parents))

    def of(self, benefit: str, kind: LimitKind, per: LimitPer) -> Decimal:
        """Return what counts against a limit; a limit of a visit or an item starts anew with each."""
        if per not in (LimitPer.YEAR, LimitPer.LIFETIME):
            return Decimal(0)
        use = (self.year if per is LimitPer.YEAR else self.lifetime).get(benefit, NOTHING)
        return {LimitKind.AMOUNT: use.used, LimitKind.COUNT: use.units_used, LimitKind.DAYS: use.days_used}[kind]


NO_USE = Usage({}, {})


def _with_parents(uses: Mapping[str, Use], parents: Mapping[str, str | None]) -> dict[str, Use]:
    sums = dict(uses)
    for benefit, use in uses.items():
        seen, above = {benefit}, parents.get(benefit)
        while above is not None and above not in seen:
            sums[above] = sums.get(above, NOTHING) + use
            seen.add(above)
            above = parents.get(above)
    return sums
