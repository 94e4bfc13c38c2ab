"""One scenario for each case of an edit: a claim, and what the payer knows."""

from datetime import date

from claim_builders import SERVICES, line, sar, submission, terms
from edit_builders import coded, past, payer_rule

from claimlinc.adjudication import Facts
from claimlinc.contract import ClaimSubmission, ClaimType, Coding, Diagnosis, Subject, SubLine
from masterlinc.money import Quantity
from policylinc.contract import ServiceRuleKind

Scenario = tuple[ClaimSubmission, Facts]

BIRTHS = (Diagnosis(1, "O80", "principal"),)
PROSTATE = (Diagnosis(1, "N40", "principal"),)
CAESAREAN = Coding(SERVICES, "16520-00-00")
BABY = Subject("Noor", birth_date=date(2026, 3, 1), gender="male")
GIRL = Subject("Huda", birth_date=date(2020, 1, 1), gender="female")


def asked(kind: ServiceRuleKind, **more: object) -> Facts:
    """Return what a payer with one rule on services knows."""
    return Facts(terms(rules=(payer_rule(kind, **more),)))


_REASON = {"codes": ("83600*",), "diagnoses": ("E11*",)}
_TWICE = (coded("97012-00-00", sequence=1), coded("97012-00-00", sequence=2))
_FEMALE, _AGE, _OFTEN = ServiceRuleKind.SEX, ServiceRuleKind.AGE, ServiceRuleKind.FREQUENCY
_J06 = ("J06*",)
_DRUG = {"codes": (Coding("http://nphies.sa/terminology/CodeSystem/medication-codes", "06285096001627"),)}
_EXCISION, _LOCALISATION = (Coding(SERVICES, "31500-00-01"),), (Coding(SERVICES, "31536-00-01"),)

EDITS: tuple[Scenario, ...] = (
    (submission(line()), Facts(terms(filing_days=30), received_on=date(2026, 4, 9))),
    (submission(line()), Facts(terms(filing_days=30), received_on=date(2026, 4, 10))),
    (submission(line()), Facts(terms(filing_days=30), received_on=date(2026, 4, 10), corrects=("req_0",))),
    (submission(line(body_site="11"), line(sequence=2, body_site="11")), Facts(terms())),
    (submission(line(body_site="11")), Facts(terms(), history=(past(body_site="11"),))),
    (submission(*_TWICE), Facts(terms())),
    (submission(coded("97012-00-00", quantity="2")), Facts(terms(), history=())),
    (submission(line()), asked(_OFTEN, days=30, count=0)),
    (submission(line(quantity="3")), asked(_OFTEN, days=30, count=2)),
    (submission(line()), Facts(terms(follow_up_days=14), history=(past(service_date=date(2026, 3, 1)),))),
    (submission(coded("83600-00-40")), Facts(terms())),
    (
        submission(line(**_DRUG), claim_type=ClaimType.PHARMACY),
        Facts(terms(), history=(past(**_DRUG, service_date=date(2026, 2, 10), days_supply=30),)),
    ),
    (
        submission(line(**_DRUG), claim_type=ClaimType.PHARMACY),
        Facts(terms(), history=(past(**_DRUG, service_date=date(2026, 3, 1), days_supply=30),)),
    ),
    (
        submission(
            line(sequence=1, details=(SubLine(1, _LOCALISATION, Quantity(1), sar(1), sar(1), sar(0)),)),
            line(codes=_LOCALISATION, sequence=2),
        ),
        Facts(terms()),
    ),
    (submission(line(codes=_LOCALISATION), line(codes=_EXCISION, sequence=2)), Facts(terms())),
    (submission(line(codes=_LOCALISATION)), Facts(terms(), history=(past(codes=_EXCISION),))),
    (submission(line(codes=_EXCISION)), Facts(terms(), history=(past(codes=_LOCALISATION),))),
    (submission(line(codes=(CAESAREAN,)), diagnoses=BIRTHS), Facts(terms())),
    (submission(line(codes=(CAESAREAN,)), diagnoses=BIRTHS, subject=Subject("Sara")), Facts(terms())),
    (submission(line(codes=(CAESAREAN,)), diagnoses=BIRTHS), Facts(terms(sex="male"))),
    (submission(line(codes=(CAESAREAN,)), diagnoses=()), Facts(terms())),
    (submission(line(codes=(CAESAREAN,))), Facts(terms())),
    (submission(coded()), asked(ServiceRuleKind.DIAGNOSIS, **_REASON)),
    (submission(coded("30653-00-30"), diagnoses=PROSTATE), Facts(terms())),
    (submission(line()), asked(_FEMALE, sex="female")),
    (submission(line()), asked(_FEMALE, sex="male")),
    (submission(line(), subject=BABY), asked(_FEMALE, sex="female")),
    (submission(line()), asked(_FEMALE, sex="male", diagnoses=_J06)),
    (submission(line(), subject=BABY), asked(_FEMALE, sex="female", diagnoses=_J06)),
    (submission(line()), asked(_AGE, min_age=18)),
    (submission(line(), subject=GIRL), asked(_AGE, min_age=18)),
    (submission(line()), asked(_AGE, max_age=18)),
    (submission(line(), subject=Subject("Sara")), asked(_AGE, max_age=18)),
    (submission(line()), asked(_AGE, min_age=18, diagnoses=_J06)),
    (submission(line(), subject=GIRL), asked(_AGE, min_age=18, diagnoses=_J06)),
    (submission(line()), asked(_AGE, max_age=18, diagnoses=_J06)),
    (submission(line(), subject=Subject("Sara")), asked(_AGE, max_age=18, diagnoses=_J06)),
    (submission(coded("30653-00-30"), subject=BABY), Facts(terms())),
    (submission(coded("83610-02-80")), Facts(terms())),
    (submission(line(), diagnoses=(Diagnosis(1, "Z38.0", "principal"),)), Facts(terms())),
)
