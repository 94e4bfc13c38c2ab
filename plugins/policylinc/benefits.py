"""Which benefit of some terms a service belongs to, and which of the payer's rules are about it.

As a decision finds them: the benefit of the kind of service, or the part of it that names the code most exactly.
"""

from collections.abc import Iterator, Mapping

from policylinc.contract import BenefitTerm, ServiceRule, ServiceRuleKind, Terms, fits

_WHOLE = 1000  # a code itself goes before any beginning or range


def chain_of(terms: Terms, whole: str, code: str) -> tuple[BenefitTerm, ...]:
    """Return the benefit of a service, then its parent, and so on; empty where the class has no such."""
    known = {term.benefit: term for term in terms.benefits}
    best, rank = whole, (0, 0)
    for term in terms.benefits:
        exact = max((_exactness(pattern, code) for pattern in term.codes), default=0)
        above = [one.benefit for one in _lineage(known, term.parent)]
        if exact and (not above or whole in above) and (exact, len(above)) > rank:
            best, rank = term.benefit, (exact, len(above))
    return tuple(_lineage(known, best))


def rules_about(terms: Terms, kind: ServiceRuleKind, benefits: tuple[str, ...], code: str) -> Iterator[ServiceRule]:
    """Yield the payer's rules of a kind on a service of these benefits; what asks for a diagnosis needs a claim."""
    for rule in terms.rules:
        if rule.kind is not kind or (rule.diagnoses and kind is not ServiceRuleKind.DIAGNOSIS):
            continue
        if rule.codes and not any(fits(pattern, code) for pattern in rule.codes):
            continue
        if not rule.benefits or any(name in rule.benefits for name in benefits):
            yield rule


def _lineage(known: Mapping[str, BenefitTerm], benefit: str | None) -> Iterator[BenefitTerm]:
    seen: set[str] = set()
    while benefit is not None and benefit not in seen and (term := known.get(benefit)):
        yield term
        seen.add(benefit)
        benefit = term.parent


def _exactness(pattern: str, code: str) -> int:
    if not fits(pattern, code):
        return 0
    if pattern == code:
        return _WHOLE
    low, dots, high = pattern.partition("..")
    if not dots:
        return len(pattern)
    return 1 + next(
        (place for place, pair in enumerate(zip(low, high, strict=False)) if len({*pair}) > 1), min(len(low), len(high))
    )
