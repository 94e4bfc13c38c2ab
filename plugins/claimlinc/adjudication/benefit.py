"""Which benefit of the policy a line belongs to, and whether the policy class grants it."""

import re
from functools import lru_cache
from itertools import takewhile

from claimlinc.adjudication.balances import lineage
from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import ClaimSubmission, ClaimType, Diagnosis, Outcome
from policylinc.contract import BenefitTerm, fits

# (claim type, claim sub-type) -> benefit; a sub-type that is not named takes the type's None row.
BENEFIT_OF: dict[tuple[ClaimType, str | None], str] = {
    (ClaimType.INSTITUTIONAL, None): "inpatient",
    (ClaimType.INSTITUTIONAL, "emr"): "outpatient",
    (ClaimType.INSTITUTIONAL, "op"): "outpatient",
    (ClaimType.PROFESSIONAL, None): "outpatient",
    (ClaimType.PROFESSIONAL, "ip"): "inpatient",
    (ClaimType.PHARMACY, None): "pharmacy",
    (ClaimType.ORAL, None): "dental",
    (ClaimType.VISION, None): "optical",
}
_MAY_BE_MATERNITY = frozenset({ClaimType.INSTITUTIONAL, ClaimType.PROFESSIONAL})
# ICD-10-AM: chapter XV is pregnancy, childbirth and the puerperium; these Z codes are its encounters.
# The newborn's own Z38 is not among them.
_MATERNITY_DIAGNOSES = ("O", "Z32", "Z33", "Z34", "Z35", "Z36", "Z37", "Z39")
_ACHI = re.compile(r"([0-9]{5})-[0-9]{2}", re.ASCII)
# ACHI obstetric procedures, by the five digits before the first dash.
_MATERNITY_PROCEDURES = (range(16500, 16637), range(90465, 90486))


def whole_of(submission: ClaimSubmission) -> str:
    """Return the benefit that the lines of a claim belong to by its type."""
    named = BENEFIT_OF.get((submission.claim_type, submission.sub_type))
    return named or BENEFIT_OF[(submission.claim_type, None)]


def pregnancies_of(submission: ClaimSubmission) -> tuple[Diagnosis, ...]:
    """Return the diagnoses that make a line of a claim maternity; None of them where its type may not be."""
    if submission.claim_type not in _MAY_BE_MATERNITY:
        return ()
    return tuple(one for one in submission.diagnoses if one.code.upper().startswith(_MATERNITY_DIAGNOSES))


def _maternity_evidence(claim: ClaimWork, work: LineWork) -> str | None:
    line = work.line
    if claim.submission.claim_type not in _MAY_BE_MATERNITY:
        return None
    if line.maternity:
        return "flag"
    for code in work.codes:
        if _is_obstetric(code):
            return f"code {code}"
    for diagnosis in claim.pregnancies:
        linked = line.diagnosis_sequences
        if diagnosis.sequence in linked if linked else diagnosis.type == "principal":
            return f"diagnosis {diagnosis.code}"
    return None


@lru_cache(maxsize=65_536)
def _is_obstetric(code: str) -> bool:
    block = _ACHI.match(code)
    return block is not None and any(int(block[1]) in codes for codes in _MATERNITY_PROCEDURES)


def _class(claim: ClaimWork, work: LineWork) -> Finding:
    """Find the benefit by the claim's type and sub-type, then the part of it that names the line's code most exactly.

    Institutional claims are inpatient (sub-type `emr` or `op`: outpatient), professional ones outpatient (`ip`:
    inpatient), pharmacy, oral and vision claims pharmacy, dental and optical. A line of an institutional or
    professional claim is maternity when it says so, when its code is an obstetric procedure, or when its diagnosis
    (or the principal one, if it names none) is of pregnancy or birth. A code itself goes before the beginning of
    codes or a range, a longer beginning before a shorter one, a part of a part before the part.
    """
    submission = claim.submission
    evidence = _maternity_evidence(claim, work)
    whole = "maternity" if evidence else claim.whole
    inputs = {
        "claim_type": submission.claim_type,
        "sub_type": submission.sub_type or "",
        "maternity": evidence or "",
        "codes": " ".join(work.codes),
        "benefit": whole,
    }
    work.benefit, found = whole, "maternity" if evidence else "by-type"
    if named := _by_code(_coded(claim, whole), work.codes):
        work.benefit, inputs["code"] = named
        inputs["within"], inputs["benefit"] = whole, work.benefit
        found = "by-code"
    work.grant = claim.grants.get(work.benefit)
    work.benefits = work.grant.names if work.grant else (work.benefit,)
    return Finding(found, inputs, work.benefit)


def _coded(claim: ClaimWork, whole: str) -> list[tuple[BenefitTerm, int]]:
    """Return the benefits that name codes, each with how many it is a part of: parts of the whole, or of nothing."""
    if whole not in claim.coded:
        found = [(term, [*lineage(claim.benefits, term.parent)]) for term in claim.terms.benefits if term.codes]
        claim.coded[whole] = [
            (term, len(above)) for term, above in found if not above or any(one.benefit == whole for one in above)
        ]
    return claim.coded[whole]


def _by_code(coded: list[tuple[BenefitTerm, int]], codes: tuple[str, ...]) -> tuple[str, str] | None:
    """Find the benefit that names a code of the line most exactly; of equals the smallest part of the whole."""
    best: tuple[tuple[int, int], str, str] | None = None
    for term, depth in coded:
        for code in codes:
            exact = exactness(term.codes, code)
            if exact and (best is None or (exact, depth) > best[0]):
                best = (exact, depth), term.benefit, code
    return best and best[1:]


@lru_cache(maxsize=65_536)
def exactness(patterns: tuple[str, ...], code: str) -> int:
    """Say how exactly the best of some patterns names a code: 0 not at all, the code itself more than any other."""
    return max((_exactness(pattern, code) for pattern in patterns), default=0)


def _exactness(pattern: str, code: str) -> int:
    if not fits(pattern, code):
        return 0
    if pattern == code:
        return 1000
    low, _, high = pattern.partition("..")
    same = takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False)) if high else pattern[:-1]
    return 1 + sum(1 for _ in same)


def _covered(claim: ClaimWork, work: LineWork) -> Finding:
    """Ask whether the class grants the benefit; of a part, whether it grants the part."""
    terms, term = claim.terms, work.grant.term if work.grant else None
    inputs = {
        "benefit": work.benefit,
        "policy_class": terms.policy_class,
        "policy_number": terms.policy_number,
        "rule_id": term.rule_id if term else "",
    }
    found = "covered" if term and term.covered else "not-covered"
    return Finding(found, inputs, found)


BENEFIT_RULES = (
    Rule(
        "benefit-class",
        "2",
        Stage.ELIGIBILITY,
        "The line's benefit is found",
        "تحديد منفعة البند",
        "The claim's type and sub-type; ICD-10-AM chapter XV and ACHI's obstetric procedures; the benefits' own codes.",
        {
            "by-type": Case(
                "A {claim_type} line belongs to the {benefit} benefit.",
                "ينتمي البند إلى منفعة {benefit}.",
            ),
            "maternity": Case(
                "A {claim_type} line ({maternity}) belongs to the {benefit} benefit.",
                "ينتمي البند إلى منفعة {benefit}.",
            ),
            "by-code": Case(
                "Code {code} of a {within} line belongs to the {benefit} benefit.",
                "ينتمي الرمز {code} من بند {within} إلى منفعة {benefit}.",
            ),
        },
        _class,
    ),
    Rule(
        "benefit-covered",
        "1",
        Stage.ELIGIBILITY,
        "The policy class covers the benefit",
        "فئة الوثيقة تغطي المنفعة",
        "The policy class's benefits.",
        {
            "covered": Case(
                "Class {policy_class} covers the {benefit} benefit.",
                "تغطي الفئة {policy_class} منفعة {benefit}.",
            ),
            "not-covered": Case(
                "Class {policy_class} of policy {policy_number} does not cover the {benefit} benefit.",
                "لا تغطي الفئة {policy_class} من الوثيقة {policy_number} منفعة {benefit}.",
                Outcome.REJECTED,
                "CV-1-4",
            ),
        },
        _covered,
    ),
)
