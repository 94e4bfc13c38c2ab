"""The versions of a product of another day, in the place of those that a decision was made on."""

from datetime import date
from uuid import UUID

from msgspec.structs import replace

from claimlinc.replay.judging import Opened
from claimlinc.replay.schemas import Overrides
from masterlinc.context import Context
from policylinc.contract import BenefitTerm, LoadTermsOfDay, Terms

_Key = tuple[UUID, UUID | None]  # a policy at a provider


class Versions:
    """What the payer's products grant on another day, read once for each policy and provider."""

    def __init__(self, ctx: Context, overrides: Overrides) -> None:
        self._ctx = ctx
        self._day = date.fromisoformat(overrides.policy_version) if overrides.policy_version else None
        self._known: dict[_Key, Terms] = {}

    async def replaced(self, claims: list[Opened]) -> list[Opened]:
        """Return the claims with what that day grants in their terms."""
        return claims if self._day is None else [await self._replaced(one, self._day) for one in claims]

    async def _replaced(self, one: Opened, day: date) -> Opened:
        terms = one.facts.terms
        if terms is None:
            return one
        provider = one.row["provider_organization_id"]
        key = (terms.policy_id, provider)
        if key not in self._known:
            async with self._ctx.transaction(read_only=True):
                load = LoadTermsOfDay(terms.payer_organization_id, terms.member_id, day, provider)
                self._known[key] = await self._ctx.call(load, Terms)
        return one._replace(facts=replace(one.facts, terms=of_version(terms, self._known[key])))


def of_version(terms: Terms, other: Terms) -> Terms:
    """Return terms with another version's benefits, rules and ways, and with what was used as it was kept."""
    kept = {one.benefit: one for one in terms.benefits}
    return replace(
        terms,
        benefits=tuple(_with_use(one, kept.get(one.benefit)) for one in other.benefits),
        rules=other.rules,
        authorization=other.authorization,
        follow_up_days=other.follow_up_days,
        filing_days=other.filing_days,
        vat_percent=other.vat_percent,
        in_network=other.in_network,
        provider_class=other.provider_class,
        version=other.version,
    )


def _with_use(term: BenefitTerm, kept: BenefitTerm | None) -> BenefitTerm:
    """Carry over what was used; of a limit that was not there before, nothing is known to be."""
    if kept is None:
        return term
    used = {(one.kind, one.per): one.used for one in kept.limits}
    limits = tuple(replace(one, used=used.get((one.kind, one.per), one.used)) for one in term.limits)
    return replace(term, used=kept.used, limits=limits)
