"""Rules on the profile that a claim says it follows: its type and use are those of the profile."""

from collections.abc import Callable, Iterator

from nphieslinc.rules.rule import Case, Finding, Rule

_CLAIM, _REQUEST = "claim", "preauthorization"
# Claim type → the first of its four rules: type and use of an authorization, type and use of a claim.
_FIRST = {"institutional": 353, "professional": 357, "oral": 361, "vision": 365, "pharmacy": 369}


def _said(case: Case) -> set[str]:
    """Return the names of the profiles that a claim says it follows."""
    meta = case.claim.child("meta")
    return {url.rpartition("/")[2].partition("|")[0] for url in (meta.texts("profile") if meta else ())}


def _type(profile: str, wanted: str) -> Callable[[Case], Iterator[Finding]]:
    def find(case: Case) -> Iterator[Finding]:
        if profile in _said(case) and case.claim_type != wanted:
            yield Finding(f"{case.claim.path}.type", {"found": case.claim_type or "-"})

    return find


def _use(profile: str, wanted: str) -> Callable[[Case], Iterator[Finding]]:
    def find(case: Case) -> Iterator[Finding]:
        if profile in _said(case) and case.use != wanted:
            yield Finding(f"{case.claim.path}.use", {"found": case.use or "-"})

    return find


def _rules(kind: str, first: int) -> Iterator[Rule]:
    for place, (suffix, use) in enumerate((("priorauth", _REQUEST), ("claim", _CLAIM))):
        profile, number = f"{kind}-{suffix}", first + 2 * place
        yield Rule(
            f"IB-{number:05}",
            f"a claim of the profile {profile} is of type {kind}; this one is {{found}}",
            f"المطالبة بالملف التعريفي {profile} نوعها {kind}، وهي هنا {{found}}",
            _type(profile, kind),
        )
        yield Rule(
            f"IB-{number + 1:05}",
            f"a claim of the profile {profile} has the use {use}; this one has {{found}}",
            f"استخدام المطالبة بالملف التعريفي {profile} هو {use}، وهو هنا {{found}}",
            _use(profile, use),
        )


RULES = tuple(rule for kind, first in _FIRST.items() for rule in _rules(kind, first))
