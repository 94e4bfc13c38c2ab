"""Which benefit of the policy a line belongs to, and whether the policy class grants it."""

import re

from claimlinc.adjudication.work import Case, ClaimWork, Finding, LineWork, Rule, Stage
from claimlinc.contract import ClaimSubmission, ClaimType, Line, Outcome

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


def _maternity_evidence(submission: ClaimSubmission, line: Line) -> str | None:
    if submission.claim_type not in _MAY_BE_MATERNITY:
        return None
    if line.maternity:
        return "flag"
    for coding in line.codes:
        block = _ACHI.match(coding.code)
        if block and any(int(block[1]) in codes for codes in _MATERNITY_PROCEDURES):
            return f"code {coding.code}"
    for diagnosis in submission.diagnoses:
        linked = diagnosis.sequence in line.diagnosis_sequences
        if not line.diagnosis_sequences:
            linked = diagnosis.type == "principal"
        if linked and diagnosis.code.upper().startswith(_MATERNITY_DIAGNOSES):
            return f"diagnosis {diagnosis.code}"
    return None


def _class(claim: ClaimWork, work: LineWork) -> Finding:
    submission = claim.submission
    evidence = _maternity_evidence(submission, work.line)
    by_type = BENEFIT_OF.get((submission.claim_type, submission.sub_type)) or BENEFIT_OF[(submission.claim_type, None)]
    work.benefit = "maternity" if evidence else by_type
    inputs = {
        "claim_type": submission.claim_type.value,
        "sub_type": submission.sub_type or "",
        "maternity": evidence or "",
        "codes": " ".join(coding.code for coding in work.line.codes),
        "benefit": work.benefit,
    }
    return Finding("maternity" if evidence else "by-type", inputs, work.benefit)


def _covered(claim: ClaimWork, work: LineWork) -> Finding:
    terms, term = claim.terms, claim.benefits.get(work.benefit)
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
        "1",
        Stage.ELIGIBILITY,
        "The line's benefit is found",
        "تحديد منفعة البند",
        "The claim's type and sub-type; ICD-10-AM chapter XV and ACHI's obstetric procedures.",
        {
            "by-type": Case(
                "A {claim_type} line belongs to the {benefit} benefit.",
                "ينتمي البند إلى منفعة {benefit}.",
            ),
            "maternity": Case(
                "A {claim_type} line ({maternity}) belongs to the {benefit} benefit.",
                "ينتمي البند إلى منفعة {benefit}.",
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
